"""`GET /stream`: server-sent events for screens."""

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import StreamingResponse

from geodata.errors import BadInput
from hub.api.deps import Hub, identity_of, require
from hub.push import TOPICS


def router(hub: Hub) -> APIRouter:
    api = APIRouter(tags=["push"])

    @api.get("/stream", dependencies=[Depends(require("see"))])
    async def stream(request: Request, topics: str = "alerts,incidents,calls") -> StreamingResponse:
        """Changes as they are committed. `Last-Event-ID` (or `?last=`) resumes; `resync`: load the present state."""
        wanted = frozenset(word.strip() for word in topics.split(",") if word.strip())
        if not wanted or not wanted <= TOPICS:
            raise BadInput(f"topics 只能是 {'、'.join(sorted(TOPICS))}")
        identity = identity_of(request)
        last_id = request.headers.get("last-event-id") or request.query_params.get("last")

        async def still_valid() -> bool:
            found: Any = await asyncio.to_thread(
                hub.auth.identify_hash, identity.token_hash, identity.kind, hub.services.clock()
            )
            return found is not None

        frames = hub.push.stream(wanted, identity.username, last_id, still_valid)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(frames, media_type="text/event-stream", headers=headers)

    return api
