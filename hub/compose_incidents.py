"""The desks of incidents and responses, built once a process. Called from `hub/compose.py` only."""

from pathlib import Path
from typing import Any

from alerts.desk import AlertDesk
from dispatch.causes import load_causes
from dispatch.desk import DispatchDesk
from dispatch.handling_read import load_handling
from dispatch.incident_desk import IncidentDesk
from dispatch.incident_files import FileDesk
from dispatch.plan_book import PlanBook
from dispatch.plans import load_plans
from dispatch.ports import Roster
from dispatch.response_book import load_responses
from dispatch.response_desk import ResponseDesk, notice_lookup
from geodata.errors import BadInput
from hub.blob_store import FolderBlobs
from hub.compose_stores import ROOT
from hub.config_files import read_config
from hub.database import Database
from hub.incident_store import DbIncidentStore
from hub.response_store import DbResponseStore
from hub.settings import Settings

INCIDENT_ACTIONS = {
    "merge": "incident.merge",
    "split": "incident.split",
    "change_alerts": "incident.alerts",
    "revise": "incident.revise",
    "reopen": "incident.reopen",
    "step": "incident.step",
    "note": "incident.note",
    "attach": "incident.file",
    "join": "incident.person",
    "leave": "incident.person",
}
RESPONSE_ACTIONS = {
    "draft": "response.draft",
    "edit": "response.edit",
    "sign": "response.sign",
    "withdraw": "response.withdraw",
    "use": "response.use",
}


def check_dispatch_files(settings: Settings) -> None:
    """Read every data file of these desks; the first one with errors raises `BadInput`, with all of them."""
    plans = read_config(ROOT / settings.plans_file, load_plans)
    read_config(ROOT / settings.handling_file, load_handling)
    for kind in read_config(ROOT / settings.causes_file, load_causes).kinds.values():
        _known(plans, kind.types, settings.causes_file)
    for template in read_config(ROOT / settings.responses_file, load_responses).templates.values():
        _known(plans, (template.incident_type,), settings.responses_file)


def _known(plans: PlanBook, types: tuple[str, ...], where: Path) -> None:
    for name in types:
        if name not in plans.plans:
            raise BadInput(f"{where} 里的事件类型 {name} 在预案文件里没有;可用:{'、'.join(plans.plans)}")


def dispatch_parts(settings: Settings, database: Database, alerts: AlertDesk) -> dict[str, Any]:
    """What the dispatch desk needs of this: the steps of handling, and the signed notices."""
    return {
        "handling": load_handling(ROOT / settings.handling_file),
        "notice_of": notice_lookup(DbResponseStore(database), alerts),
    }


def build_incidents(
    settings: Settings, database: Database, roster: Roster, alerts: AlertDesk, dispatch: DispatchDesk
) -> IncidentDesk:
    """The incident desk; attachments lie under the data directory, outside anything that is served."""
    store = DbIncidentStore(database)
    files = FileDesk(
        store,
        FolderBlobs(settings.data_dir / "attachments"),
        settings.attachment_max_bytes,
        settings.incident_max_bytes,
    )
    return IncidentDesk(
        store, alerts, alerts.open, dispatch.incidents, roster, load_plans(ROOT / settings.plans_file),
        load_handling(ROOT / settings.handling_file), load_causes(ROOT / settings.causes_file), files,
        drills_only=settings.demo,
    )  # fmt: skip


def build_responses(
    settings: Settings, database: Database, alerts: AlertDesk, dispatch: DispatchDesk, incidents: IncidentDesk
) -> ResponseDesk:
    """The desk of response drafts."""
    return ResponseDesk(
        DbResponseStore(database), alerts, load_responses(ROOT / settings.responses_file), settings.city_name,
        dispatch, incidents, drills_only=settings.demo,
    )  # fmt: skip
