"""Silences: listed, tried before they are made, made, ended before their time."""

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, Request

from alerts.silences import silence_to_plain
from geodata.errors import BadInput
from hub.api.deps import Hub, Json, bounded, identity_of, object_body, parse_time, require


def router(hub: Hub) -> APIRouter:
    """`/api/v1/silences…`"""
    api = APIRouter(prefix="/api/v1/silences", tags=["alerts"])
    desk, clock = hub.services.silences, hub.services.clock

    @api.get("", dependencies=[Depends(require("see-city"))])
    def listed(state: str = "all", limit: int = 200) -> Json:
        """Newest first; `state=active` only those in force."""
        if state not in ("all", "active"):
            raise BadInput("state 只能是 all 或 active")
        now = clock()
        found = desk.active(now) if state == "active" else desk.listed(bounded(limit, 1, 1000, "limit"))
        return Json({"items": [silence_to_plain(one, now) for one in found], "next": None})

    @api.post("", dependencies=[Depends(require("silence"))], status_code=201)
    async def make(request: Request) -> Json:
        """Hold back the notifications of what matches, until an end and for a reason; the maker owns it."""
        body, now = await object_body(request), clock()
        starts = body.get("starts_at")
        made = await asyncio.to_thread(
            desk.silence,
            _matchers(body),
            now if starts is None else parse_time(str(starts), "starts_at"),
            parse_time(str(body.get("ends_at", "")), "ends_at"),
            identity_of(request).username,
            str(body.get("reason", "")),
            now,
        )
        return Json(silence_to_plain(made, now), status_code=201)

    @api.post("/preview", dependencies=[Depends(require("see-city"))])
    async def preview(request: Request) -> Json:
        """How many open alerts it would hold, and how many of them are red; nothing is made."""
        body = await object_body(request)
        held, red = await asyncio.to_thread(desk.preview, _matchers(body), clock())
        return Json({"count": len(held), "red": red, "ids": [alert.id for alert in held[:200]]})

    @api.post("/{silence_id}/end", dependencies=[Depends(require("silence"))])
    async def end(silence_id: str, request: Request) -> Json:
        """End it now."""
        body, now = await object_body(request), clock()
        reason = str(body.get("reason", ""))
        ended = await asyncio.to_thread(desk.end, silence_id, identity_of(request).username, reason, now)
        return Json(silence_to_plain(ended, now))

    return api


def _matchers(body: dict[str, Any]) -> list[str]:
    found = body.get("matchers")
    if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
        raise BadInput('matchers 必须是匹配条件的列表,例如 ["event=积水", "county=兰山区"]')
    if len(found) > 20:
        raise BadInput("matchers 最多 20 个")
    return found
