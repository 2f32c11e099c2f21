"""The desk of response drafts: draft, edit, sign, withdraw, and the incident in which a signed notice is called."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from alerts.model import Alert
from dispatch.incident_changes import reason_of
from dispatch.model import Incident, to_plain
from dispatch.notices import Notice
from dispatch.ports import AlertLookup
from dispatch.response_book import ResponseBook
from dispatch.responses import Response, drafted, edited, missing, overtaken, rendered, room_of, signed, withdrawn
from geodata.errors import Conflict, NotFound


class ResponseKeeper(Protocol):
    """Durable responses; one warning has one that is not withdrawn."""

    def create(self, response: Response) -> Response:
        """Store it, or give the one that the warning has already."""

    def response(self, response_id: str) -> Response | None: ...

    def responses(self, alert_id: str | None, limit: int) -> list[Response]:
        """Newest first; of one warning, or all."""

    def change_response(self, response_id: str, decide: Callable[[Response], Response]) -> Response:
        """Lock it, ask `decide`, write what it gives; the same one changes nothing."""

    def signed_of(self, incident_id: str) -> Response | None:
        """The newest signed one that the incident, or one merged into it, is called with."""


class OpensIncidents(Protocol):
    """What is asked of the dispatch desk."""

    def open_incident(
        self, alert_ids: Sequence[str], who: str, now: datetime, *, type: str | None, level: str | None
    ) -> Incident: ...


class RevisesIncidents(Protocol):
    """What is asked of the incident desk."""

    def revise(self, incident_id: str, reason: str, who: str, now: datetime, *, level: str | None) -> Incident: ...


def notice_lookup(store: ResponseKeeper, alerts: AlertLookup) -> Callable[[Incident], Notice | None]:
    """What an incident is called with: its newest signed notice, with the doubts there are about it."""

    def of(incident: Incident) -> Notice | None:
        found = store.signed_of(incident.id)
        if found is None:
            return None
        doubts = []
        if why := overtaken(found, _alert(alerts, found.alert_id)):
            doubts.append(f"签发的通知可能已过时:{why}")
        if incident.level != found.level:
            doubts.append(f"事件级别 {incident.level} 与签发的响应级别 {found.level} 不同")
        return Notice(found.id, found.level, found.short, found.long, found.signed_by or "", tuple(doubts))

    return of


def _alert(alerts: AlertLookup, alert_id: str) -> Alert | None:
    try:
        return alerts.get(alert_id)
    except NotFound:
        return None


class ResponseDesk:
    """Nothing is sent from here: a signed notice is sent by the one key of its incident."""

    def __init__(
        self,
        store: ResponseKeeper,
        alerts: AlertLookup,
        book: ResponseBook,
        city: str,
        dispatch: OpensIncidents,
        incidents: RevisesIncidents,
        drills_only: bool = False,
    ) -> None:
        self._store, self._alerts, self.book, self._city = store, alerts, book, city
        self._dispatch, self._incidents, self._drills_only = dispatch, incidents, drills_only

    def draft(self, alert_id: str, who: str, now: datetime) -> Response:
        """The warning's live response: a new draft, or the one there is."""
        alert = _alert(self._alerts, alert_id)
        if alert is None:
            raise NotFound(f"没有预警 {alert_id[:64]};它可能写错了,请回到预警列表")
        if alert.resolved_at is not None:
            raise Conflict("预警已解除,不能再起草响应")
        return self._store.create(drafted(alert, self.book, self._city, who, now, exercise=self._drills_only))

    def get(self, response_id: str) -> Response:
        found = self._store.response(response_id)
        if found is None:
            raise NotFound(f"没有响应 {response_id[:40]};它可能写错了,请回到预警查看")
        return found

    def list(self, alert_id: str | None = None, limit: int = 100) -> list[Response]:
        """Newest first."""
        return self._store.responses(alert_id, limit)

    def edit(
        self,
        response_id: str,
        version: int,
        who: str,
        now: datetime,
        *,
        level: str | None = None,
        short: str | None = None,
        long: str | None = None,
        rebase: bool = False,
    ) -> Response:
        """A new version; `Conflict` when somebody else was quicker."""
        alert = _alert(self._alerts, self.get(response_id).alert_id)

        def decide(one: Response) -> Response:
            return edited(one, version, who, now, alert, level=level, short=short, long=long, rebase=rebase)

        return self._store.change_response(response_id, decide)

    def sign(self, response_id: str, version: int, who: str, now: datetime) -> Response:
        """Exactly the version that was read."""
        alert = _alert(self._alerts, self.get(response_id).alert_id)
        return self._store.change_response(response_id, lambda one: signed(one, version, who, now, alert))

    def withdraw(self, response_id: str, version: int, reason: str, who: str, now: datetime) -> Response:
        """Taken back, with the reason."""
        why = reason_of(reason)
        return self._store.change_response(response_id, lambda one: withdrawn(one, version, why, who, now))

    def use(self, response_id: str, who: str, now: datetime) -> Incident:
        """Open the warning's incident (or use the one it is in) at the signed level; its one key sends the notice."""
        found = self.get(response_id)
        if found.status != "signed":
            raise Conflict("签发以后才能叫应;请先由有签发权限的人签发")
        incident = self._dispatch.open_incident([found.alert_id], who, now, type=found.incident_type, level=found.level)
        if incident.level != found.level:
            why = f"按 {found.signed_by} 签发的响应"
            incident = self._incidents.revise(incident.id, why, who, now, level=found.level)
        self._store.change_response(found.id, lambda one: _tied(one, incident.id))
        return incident

    def view(self, response: Response) -> dict[str, Any]:
        """As screens and API show it: with what is missing, whether it is overtaken, and the texts as sent."""
        short, long = rendered(response)
        return to_plain(response) | {
            "missing": missing(response) if response.status == "draft" else [],
            "overtaken": overtaken(response, _alert(self._alerts, response.alert_id)),
            "short_rendered": short,
            "long_rendered": long,
            "short_room": room_of(response),
            "approved": bool(response.level_source),
        }


def _tied(response: Response, incident_id: str) -> Response:
    if response.status != "signed":
        raise Conflict("响应刚刚被撤回;请刷新后再叫应")
    return replace(response, incident_id=incident_id)
