"""Alerts out: lists with their standing, one with its history, what a person does with them, and a feed of CAP."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Depends, Query, Request

from alerts.model import Alert
from alerts.model_json import alert_to_plain
from alerts.standing import standing_to_plain
from geodata.errors import BadInput
from hub.api.alert_lists import AlertLists, Asked
from hub.api.deps import Hub, Json, bounded, identity_of, object_body, parse_time, require

MANY = 2_000


def router(hub: Hub) -> APIRouter:
    """`/api/v1/alerts…`"""
    api = APIRouter(prefix="/api/v1", tags=["alerts"])
    desk, clock, lists = hub.services.alerts, hub.services.clock, AlertLists(hub.services)

    @api.get("/alerts", dependencies=[Depends(require("see"))])
    def list_alerts(
        state: str = "open",
        limit: int = 200,
        before: str | None = None,
        at: str | None = None,
        level: str = "",
        county: str = "",
        event: str = "",
        match: list[str] = Query(default=[]),  # noqa: B008  (how FastAPI takes a repeated parameter)
    ) -> Json:
        """Alerts, worst first when open, each with its `standing`. `at` shows them as they were at that time."""
        bounded(limit, 1, 1000, "limit")
        asked = Asked.of(level=level, county=county, event=event, match=match)
        if at:
            return Json(lists.as_of(asked, limit, parse_time(at, "at")))
        return Json(lists.now(state, asked, limit, before, clock()))

    @api.get("/alerts/{alert_id}", dependencies=[Depends(require("see"))])
    def get_alert(alert_id: str) -> Json:
        now, alert = clock(), desk.get(alert_id)
        standing = standing_to_plain(desk.standings(now, [alert])[alert_id])
        return Json(alert_to_plain(alert, now, standing) | {"history": desk.history(alert_id)})

    @api.post("/alerts/acknowledge", dependencies=[Depends(require("acknowledge"))])
    async def acknowledge_many(request: Request) -> Json:
        """Say that a person has seen them, in one transaction; `outcomes` tells of each."""
        body = await object_body(request)
        ids = body.get("ids")
        if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
            raise BadInput("ids 必须是至少一个告警编号的列表")
        if len(ids) > MANY:
            raise BadInput(f"一次最多确认 {MANY} 条,收到 {len(ids)} 条")
        who = identity_of(request).username
        given = (ids, who, _text(body, "note"), clock())
        return Json({"outcomes": await asyncio.to_thread(desk.acknowledge_many, *given)})

    @api.post("/alerts/{alert_id}/acknowledge", dependencies=[Depends(require("acknowledge"))])
    async def acknowledge(alert_id: str, request: Request) -> Json:
        """Say that a person has seen it. Doing it twice changes nothing."""
        body: dict[str, Any] = await object_body(request)
        now = clock()
        note = str(body.get("note", ""))[:500]
        given = (alert_id, identity_of(request).username, note, now)
        return Json(alert_to_plain(await asyncio.to_thread(desk.acknowledge, *given), now))

    @api.post("/alerts/{alert_id}/shelve", dependencies=[Depends(require("acknowledge"))])
    async def shelve(alert_id: str, request: Request) -> Json:
        """Put it aside until `until`, or for `minutes`; its level limits how long."""
        body, now = await object_body(request), clock()
        return await _done(
            desk.shelve, now, alert_id, _until(body, now), identity_of(request).username, _text(body, "reason"), now
        )

    @api.post("/alerts/{alert_id}/unshelve", dependencies=[Depends(require("acknowledge"))])
    async def unshelve(alert_id: str, request: Request) -> Json:
        """Take it off the shelf before its time."""
        body, now = await object_body(request), clock()
        return await _done(desk.unshelve, now, alert_id, identity_of(request).username, _text(body, "reason"), now)

    @api.post("/alerts/{alert_id}/close", dependencies=[Depends(require("acknowledge"))])
    async def close(alert_id: str, request: Request) -> Json:
        """Put it away; 409 while a rule still sees its condition."""
        body, now = await object_body(request), clock()
        return await _done(desk.close, now, alert_id, identity_of(request).username, _text(body, "reason"), now)

    @api.post("/alerts/{alert_id}/reopen", dependencies=[Depends(require("acknowledge"))])
    async def reopen(alert_id: str, request: Request) -> Json:
        """Open again what was over; 409 when its condition has another open alert."""
        body, now = await object_body(request), clock()
        return await _done(desk.reopen, now, alert_id, identity_of(request).username, _text(body, "reason"), now)

    async def _done(act: Callable[..., Alert], now: datetime, *given: Any) -> Json:
        """The alert after `act(*given)`: away from the event loop, where a slow disk would hold up every screen."""

        def work() -> dict[str, Any]:
            alert = act(*given)
            standing = desk.standings(now, [alert])[alert.id]
            return alert_to_plain(alert, now, standing_to_plain(standing))

        return Json(await asyncio.to_thread(work))

    return api


def _text(body: dict[str, Any], name: str) -> str:
    found = body.get(name, "")
    if not isinstance(found, str):
        raise BadInput(f"{name} 必须是文本")
    return found


def _until(body: dict[str, Any], now: datetime) -> datetime:
    minutes = body.get("minutes")
    if isinstance(body.get("until"), str) and minutes is None:
        return parse_time(body["until"], "until")
    if isinstance(minutes, int | float) and not isinstance(minutes, bool) and 0 < minutes <= 10_080:
        return now + timedelta(minutes=minutes)
    raise BadInput("写 until(带时区的时间)或 minutes(大于 0 的分钟数)")
