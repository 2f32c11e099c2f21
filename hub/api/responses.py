"""Warning → drafted response: draft, edit, sign, withdraw, and the incident in which a signed notice is called."""

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, Request

from dispatch.model import to_plain
from geodata.errors import BadInput
from hub.api.deps import Hub, Json, bounded, identity_of, object_body, require
from hub.api.fields import number_in, reason_in, text_in


def router(hub: Hub) -> APIRouter:
    """`/api/v1/alerts/{id}/response`, `/api/v1/responses…`"""
    api = APIRouter(prefix="/api/v1", tags=["responses"])
    desk, clock = hub.services.responses, hub.services.clock
    may_call, may_see = [Depends(require("call"))], [Depends(require("see-city"))]

    @api.post("/alerts/{alert_id}/response", status_code=201, dependencies=may_call)
    def draft(alert_id: str, request: Request) -> Json:
        """The warning's live response: a new draft, or the one there is. Nothing is sent."""
        return Json(desk.view(desk.draft(alert_id, identity_of(request).username, clock())), status_code=201)

    @api.get("/responses", dependencies=may_see)
    def responses(alert_id: str | None = None, limit: int = 100) -> Json:
        found = desk.list(alert_id, bounded(limit, 1, 500, "limit"))
        return Json({"items": [desk.view(one) for one in found], "next": None})

    @api.get("/responses/{response_id}", dependencies=may_see)
    def get_response(response_id: str) -> Json:
        """With what is missing, whether the warning has moved on, and every earlier version."""
        return Json(desk.view(desk.get(response_id)))

    @api.patch("/responses/{response_id}", dependencies=may_call)
    async def edit(response_id: str, request: Request) -> Json:
        """`version` as it was read, and `level`, `short`, `long`; `rebase`: checked against the newest warning."""
        body, who = await object_body(request), identity_of(request).username
        return Json(await asyncio.to_thread(_edit, hub, response_id, body, who))

    @api.post("/responses/{response_id}/sign", dependencies=[Depends(require("sign"))])
    async def sign(response_id: str, request: Request) -> Json:
        """`{"version"}`: exactly what was read; refused while a level or a field is open."""
        body, who = await object_body(request), identity_of(request).username
        signed = await asyncio.to_thread(desk.sign, response_id, number_in(body, "version"), who, clock())
        return Json(desk.view(signed))

    @api.post("/responses/{response_id}/withdraw", dependencies=may_see)
    async def withdraw(response_id: str, request: Request) -> Json:
        """`{"version","reason"}`. A signed one may only be taken back by who may sign."""
        body, identity = await object_body(request), identity_of(request)
        identity.require("sign" if desk.get(response_id).status == "signed" else "call")
        given = (response_id, number_in(body, "version"), reason_in(body), identity.username, clock())
        return Json(desk.view(await asyncio.to_thread(desk.withdraw, *given)))

    @api.post("/responses/{response_id}/incident", dependencies=may_call)
    def use(response_id: str, request: Request) -> Json:
        """Open the warning's incident at the signed level, or use the one it is in; its one key sends the notice."""
        return Json(to_plain(desk.use(response_id, identity_of(request).username, clock())))

    return api


def _edit(hub: Hub, response_id: str, body: dict[str, Any], who: str) -> dict[str, Any]:
    desk = hub.services.responses
    unknown = sorted(body.keys() - {"version", "level", "short", "long", "rebase"})
    if unknown:
        raise BadInput(f"不能改 {'、'.join(unknown)[:100]};可改 level、short、long")
    texts = {name: text_in(body, name) for name in ("level", "short", "long")}
    version, rebase = number_in(body, "version"), body.get("rebase") is True
    return desk.view(desk.edit(response_id, version, who, hub.services.clock(), rebase=rebase, **texts))
