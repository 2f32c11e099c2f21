"""How every feed is doing."""

import asyncio

from fastapi import APIRouter, Depends

from hub.api.deps import Hub, Json, require


def router(hub: Hub) -> APIRouter:
    """`/api/v1/feeds`"""
    api = APIRouter(prefix="/api/v1", tags=["feeds"])

    @api.get("/feeds", dependencies=[Depends(require("see"))])
    async def list_feeds() -> Json:
        """Every feed with its state, last message, lag, rate and counts; failing ones first."""
        feeds = hub.services.feeds
        rows = await asyncio.to_thread(feeds.rows)
        return Json({"items": rows, "next": None, "problem": feeds.book.problem})

    return api
