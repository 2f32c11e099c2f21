"""The leadership report as a picture and as a document: the very page `/brief`, seen by Chromium."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from geodata.clock import SHANGHAI
from geodata.errors import BadInput
from hub.api.deps import Hub, parse_time, require
from hub.api.printing import document, page_of
from hub.render import SIZES


def router(hub: Hub) -> APIRouter:
    api = APIRouter(prefix="/api/v1", tags=["brief"], dependencies=[Depends(require("see-city"))])

    def page(request: Request, at: str | None) -> tuple[str, dict[str, Any], str]:
        """The page's address on this machine, a sign-in for one minute, and a file name."""
        moment = parse_time(at, "at") if at else hub.services.clock()
        url, cookie = page_of(hub, request, "/brief", {"at": moment.isoformat()})
        return url, cookie, f"brief-{moment.astimezone(SHANGHAI):%Y%m%d-%H%M%S}"

    @api.get("/brief.png")
    def png(request: Request, size: str = "a4", at: str | None = None) -> Response:
        if size not in SIZES:
            raise BadInput(f"size 应为 {'、'.join(SIZES)}")
        url, cookie, name = page(request, at)
        return document(hub.renderer.png(url, cookie, size), "image/png", f"{name}.png")

    @api.get("/brief.pdf")
    def pdf(request: Request, at: str | None = None) -> Response:
        url, cookie, name = page(request, at)
        return document(hub.renderer.pdf(url, cookie), "application/pdf", f"{name}.pdf")

    return api
