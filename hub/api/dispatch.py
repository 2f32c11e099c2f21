"""Opening incidents, the plan preview, the one key, its ledger, and the tasks of people in the field."""

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, Request

from dispatch.model import to_plain
from geodata.errors import BadInput
from hub.api.deps import Hub, Json, identity_of, object_body, require


def router(hub: Hub) -> APIRouter:
    """`/api/v1/incidents…`, `/api/v1/calls…`, `/api/v1/field/tasks…`"""
    api = APIRouter(prefix="/api/v1", tags=["dispatch"])
    desk, clock = hub.services.dispatch, hub.services.clock
    may_call, may_see = [Depends(require("call"))], [Depends(require("see-city"))]

    @api.post("/incidents", status_code=201, dependencies=may_call)
    async def open_incident(request: Request) -> Json:
        """Open an incident from alerts (`alert_ids`), or from `type` and a place. An alert is in one open incident."""
        body = await object_body(request)
        alert_ids = body.get("alert_ids", [])
        if not isinstance(alert_ids, list) or not all(isinstance(item, str) for item in alert_ids):
            raise BadInput("alert_ids 应为告警编号的列表")
        extra = {key: body[key] for key in ("title", "type", "level", "lon", "lat") if body.get(key) is not None}
        who = identity_of(request).username
        incident = await asyncio.to_thread(desk.open_incident, alert_ids, who, clock(), **extra)
        return Json(to_plain(incident), status_code=201)

    @api.post("/incidents/{incident_id}/plan", dependencies=may_call)
    def plan(incident_id: str, request: Request) -> Json:
        """Who would be called now, why, by which channel; which teams, how far. Nothing is sent."""
        return Json(to_plain(desk.preview(incident_id, identity_of(request).username, clock())))

    @api.post("/incidents/{incident_id}/call", status_code=202, dependencies=may_call)
    def call(incident_id: str, request: Request) -> Json:
        """The one key. The same `Idempotency-Key` calls once, however often it is sent."""
        key = request.headers.get("idempotency-key", "").strip()
        if not 1 <= len(key) <= 128:
            raise BadInput("缺少 Idempotency-Key 请求头(1–128 个字符);用预览返回的 idempotency_key")
        made = desk.call(incident_id, key, identity_of(request).username, clock())
        return Json({"call": made.id}, status_code=202)

    @api.get("/calls", dependencies=may_see)
    def active_calls() -> Json:
        return Json({"items": to_plain(desk.active_calls()), "next": None})

    @api.get("/calls/{call_id}", dependencies=may_see)
    def ledger(call_id: str) -> Json:
        """The ledger: every person, every attempt."""
        return Json(to_plain(desk.ledger(call_id)))

    @api.post("/calls/{call_id}/stand-down", dependencies=may_call)
    def stand_down(call_id: str, request: Request) -> Json:
        return Json(to_plain(desk.stand_down(call_id, identity_of(request).username, clock())))

    @api.post("/calls/{call_id}/recall", dependencies=may_call)
    def recall(call_id: str, request: Request) -> Json:
        """Call again all who have not confirmed."""
        return Json(to_plain(desk.recall_unanswered(call_id, identity_of(request).username, clock())))

    @api.get("/field/tasks", dependencies=[Depends(require("field"))])
    def tasks(request: Request) -> Json:
        return Json({"items": to_plain(desk.tasks(identity_of(request).username)), "next": None})

    @api.post("/field/tasks/{row_id}/{action}", dependencies=[Depends(require("field"))])
    def answer_task(row_id: str, action: str, request: Request) -> Json:
        row: Any = desk.answer_task(row_id, identity_of(request).username, action, clock())
        return Json(to_plain(row))

    return api
