"""Incidents: list and look, suggestions, merge and split, alerts in and out, type and level, close, reopen, PDF."""

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from alerts.model_json import alert_to_plain
from dispatch.handling import is_overdue, overdue_s
from dispatch.model import Incident, to_plain
from dispatch.suggest import Suggestion
from geodata.clock import SHANGHAI
from geodata.errors import BadInput
from hub.api.deps import Hub, Json, identity_of, object_body, require
from hub.api.fields import reason_in, text_in, texts_in
from hub.api.printing import document, page_of
from hub.api.remembered import UntilNextEvent

HINTS_S = 30.0  # what belongs together also depends on how long ago it was


def router(hub: Hub) -> APIRouter:
    """`/api/v1/incidents…` as far as it is not calling."""
    api = APIRouter(prefix="/api/v1/incidents", tags=["incidents"])
    services, clock = hub.services, hub.services.clock
    dispatch, desk = services.dispatch, services.incidents
    may_call, may_see = [Depends(require("call"))], [Depends(require("see-city"))]
    hints = UntilNextEvent(hub.services, lambda: [suggestion_plain(one) for one in desk.suggestions(clock())], HINTS_S)

    @api.get("", dependencies=may_see)
    def list_incidents(status: str = "open") -> Json:
        """Newest first, each with its steps counted: `steps`, `done`, `overdue`."""
        if status not in {"open", "closed", "all"}:
            raise BadInput("status 应为 open、closed 或 all")
        found = dispatch.incidents(None if status == "all" else status)
        counts = desk.counts([one.id for one in found], clock())
        return Json({"items": [to_plain(one) | counts[one.id] for one in found], "next": None})

    @api.get("/suggestions", dependencies=may_see)
    def suggestions() -> Json:
        """Which open alerts seem to belong together, and why. Nothing is changed."""
        return Json({"items": hints.get()[1], "next": None})

    @api.get("/{incident_id}", dependencies=may_see)
    def get_incident(incident_id: str) -> Json:
        """The incident with its alerts, steps, people, files, calls and the incidents merged into it."""
        return Json(whole(hub, dispatch.incident(incident_id)))

    @api.get("/{incident_id}/timeline", dependencies=may_see)
    def timeline(incident_id: str) -> Json:
        return Json({"items": to_plain(dispatch.timeline(incident_id)), "next": None})

    @api.get("/{incident_id}/timeline.pdf", dependencies=may_see)
    def timeline_pdf(incident_id: str, request: Request) -> Response:
        """The printable timeline, A4, with text that can be selected."""
        incident = dispatch.incident(incident_id)
        url, cookie = page_of(hub, request, "/incident/", {"id": incident.id})
        name = f"{incident.id}-{clock().astimezone(SHANGHAI):%Y%m%d-%H%M%S}.pdf"
        return document(hub.renderer.pdf(url, cookie), "application/pdf", name)

    @api.patch("/{incident_id}", dependencies=may_call)
    async def revise(incident_id: str, request: Request) -> Json:
        """`title`, `type`, `level` or `status` (open, closed), with a `reason`."""
        body, who = await object_body(request), identity_of(request).username
        return Json(to_plain(await asyncio.to_thread(_revise, hub, incident_id, body, who)))

    @api.post("/{incident_id}/merge", dependencies=may_call)
    async def merge(incident_id: str, request: Request) -> Json:
        """`{"from":[ids],"reason"}`: those end and become part of this one."""
        body, who = await object_body(request), identity_of(request).username
        given = (texts_in(body, "from"), reason_in(body), who, clock())
        return Json(to_plain(await asyncio.to_thread(desk.merge, incident_id, *given)))

    @api.post("/{incident_id}/split", status_code=201, dependencies=may_call)
    async def split(incident_id: str, request: Request) -> Json:
        """`{"alert_ids","title"?,"reason"}` → the new incident."""
        body, who = await object_body(request), identity_of(request).username
        given = (texts_in(body, "alert_ids"), reason_in(body), who, clock(), text_in(body, "title"))
        return Json(to_plain(await asyncio.to_thread(desk.split, incident_id, *given)), status_code=201)

    @api.post("/{incident_id}/alerts", dependencies=may_call)
    async def change_alerts(incident_id: str, request: Request) -> Json:
        """`{"add":[ids],"remove":[ids],"reason"}`."""
        body, who = await object_body(request), identity_of(request).username
        given = (texts_in(body, "add"), texts_in(body, "remove"), reason_in(body), who, clock())
        return Json(to_plain(await asyncio.to_thread(desk.change_alerts, incident_id, *given)))

    @api.post("/{incident_id}/close", dependencies=may_call)
    async def close(incident_id: str, request: Request) -> Json:
        """`{"reason"}`: its calls are stood down."""
        body, who = await object_body(request), identity_of(request).username
        reason = text_in(body, "reason") or ""
        return Json(to_plain(await asyncio.to_thread(dispatch.close_incident, incident_id, who, clock(), reason)))

    @api.post("/{incident_id}/reopen", dependencies=may_call)
    async def reopen(incident_id: str, request: Request) -> Json:
        """`{"reason"}`: open again, with those of its alerts nobody else handles now."""
        body, who = await object_body(request), identity_of(request).username
        return Json(to_plain(await asyncio.to_thread(desk.reopen, incident_id, reason_in(body), who, clock())))

    return api


def _revise(hub: Hub, incident_id: str, body: dict[str, Any], who: str) -> Incident:
    """One change a request: a status together with other fields would be two."""
    desk, now, reason = hub.services.incidents, hub.services.clock(), reason_in(body)
    status, others = text_in(body, "status"), {name: text_in(body, name) for name in ("title", "type", "level")}
    unknown = sorted(body.keys() - {"reason", "status", *others})
    if unknown:
        raise BadInput(f"不能改 {'、'.join(unknown)[:100]};可改 title、type、level、status")
    if status is None:
        return desk.revise(incident_id, reason, who, now, **others)
    if any(value is not None for value in others.values()):
        raise BadInput("status 请单独改,不要和 title、type、level 一起")
    if status not in {"open", "closed"}:
        raise BadInput("status 应为 open 或 closed")
    if status == "open":
        return desk.reopen(incident_id, reason, who, now)
    return hub.services.dispatch.close_incident(incident_id, who, now, reason)


def suggestion_plain(one: Suggestion) -> dict[str, Any]:
    """With the reasons as one sentence too."""
    plain: dict[str, Any] = to_plain(one)
    more = f" 等 {len(one.reasons)} 条" if len(one.reasons) > 1 else ""
    return plain | {"reason": one.reasons[0] + more if one.reasons else ""}


def whole(hub: Hub, incident: Incident) -> dict[str, Any]:
    """The incident with everything that hangs on it, as plain values."""
    dispatch, desk, now = hub.services.dispatch, hub.services.incidents, hub.services.clock()
    tasks = desk.tasks([incident.id]).get(incident.id, ())
    steps = [
        to_plain(task) | {"overdue": is_overdue(task, now), "overdue_s": round(overdue_s(task, now))} for task in tasks
    ]
    plain: dict[str, Any] = to_plain(incident)
    return (
        plain
        | desk.counts([incident.id], now)[incident.id]
        | {
            "alerts": [alert_to_plain(alert, now) for alert in desk.alerts(incident)],
            "tasks": steps,
            "people": to_plain(desk.people(incident.id)),
            "files": to_plain(desk.files.all(incident.id)),
            "merged": to_plain(desk.parts(incident.id)),
            "calls": to_plain(dispatch.calls(incident.id)),
            "handling_status": desk.book.status if not desk.book.source else "",
        }
    )
