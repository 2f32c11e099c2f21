"""Alerts out: the open ones, one with its history, acknowledge, and a feed of CAP."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from alerts.cap import cap_feed
from alerts.model import Alert
from alerts.model_json import alert_to_plain
from hub.api.deps import Hub, Json, bounded, identity_of, object_body, parse_time, require


def router(hub: Hub) -> APIRouter:
    """`/api/v1/alerts…`"""
    api = APIRouter(prefix="/api/v1", tags=["alerts"])
    desk, clock = hub.services.alerts, hub.services.clock

    @api.get("/alerts", dependencies=[Depends(require("see"))])
    def list_alerts(state: str = "open", limit: int = 200, before: str | None = None, at: str | None = None) -> Json:
        """Alerts, worst first when open. `at` shows them as they were at that time."""
        now = clock()
        bounded(limit, 1, 1000, "limit")
        if at:
            past = parse_time(at, "at")
            return Json({"items": [alert_to_plain(alert, past) for alert in desk.as_of(past)][:limit], "next": None})
        if state == "open":
            return Json(_page(desk.open(now), limit, before, now))
        alerts = desk.list(state, limit, before)
        items = [alert_to_plain(alert, now) for alert in alerts]
        return Json({"items": items, "next": items[-1]["id"] if len(items) == limit else None})

    @api.get("/alerts.cap", dependencies=[Depends(require("see"))])
    def feed() -> Response:
        """The open alerts as an Atom feed of CAP 1.2 messages."""
        return Response(cap_feed(desk.open(clock())), media_type="application/atom+xml")

    @api.get("/alerts/{alert_id}", dependencies=[Depends(require("see"))])
    def get_alert(alert_id: str) -> Json:
        alert = desk.get(alert_id)
        return Json(alert_to_plain(alert, clock()) | {"history": desk.history(alert_id)})

    @api.post("/alerts/{alert_id}/acknowledge", dependencies=[Depends(require("acknowledge"))])
    async def acknowledge(alert_id: str, request: Request) -> Json:
        """Say that a person has seen it. Doing it twice changes nothing."""
        body: dict[str, Any] = await object_body(request)
        now = clock()
        note = str(body.get("note", ""))[:500]
        return Json(alert_to_plain(desk.acknowledge(alert_id, identity_of(request).username, note, now), now))

    return api


def _page(alerts: list[Alert], limit: int, before: str | None, now: datetime) -> dict[str, Any]:
    """A page of the open alerts, worst first, after the one called `before` (from the start when it has ended)."""
    start = next((place + 1 for place, alert in enumerate(alerts) if alert.id == before), 0)
    page = alerts[start : start + limit]
    more = start + limit < len(alerts)
    items = [alert_to_plain(alert, now) for alert in page]
    return {"items": items, "next": page[-1].id if more else None, "total": len(alerts)}
