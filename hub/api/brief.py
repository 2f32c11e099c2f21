"""The leadership report as a picture and as a document: the very page `/brief`, seen by Chromium."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from geodata.clock import SHANGHAI
from geodata.errors import BadInput
from hub.api.deps import Hub, identity_of, parse_time, require
from hub.gate import COOKIE
from hub.render import SIZES


def router(hub: Hub) -> APIRouter:
    api = APIRouter(prefix="/api/v1", tags=["brief"], dependencies=[Depends(require("see-city"))])

    def page_of(request: Request, at: str | None) -> tuple[str, dict[str, Any], str]:
        """The page's address on this machine, a sign-in for one minute, and a file name."""
        now = hub.services.clock()
        moment = parse_time(at, "at") if at else now
        token, _ = hub.auth.issue(identity_of(request).username, "cookie", now, timedelta(minutes=1))
        server = request.scope["server"]
        origin = f"http://{server[0]}:{server[1]}"
        name = f"brief-{moment.astimezone(SHANGHAI):%Y%m%d-%H%M%S}"
        return f"{origin}/brief?{urlencode({'at': moment.isoformat()})}", _cookie(origin, token), name

    @api.get("/brief.png")
    def png(request: Request, size: str = "a4", at: str | None = None) -> Response:
        if size not in SIZES:
            raise BadInput(f"size 应为 {'、'.join(SIZES)}")
        url, cookie, name = page_of(request, at)
        return _file(hub.renderer.png(url, cookie, size), "image/png", f"{name}.png")

    @api.get("/brief.pdf")
    def pdf(request: Request, at: str | None = None) -> Response:
        url, cookie, name = page_of(request, at)
        return _file(hub.renderer.pdf(url, cookie), "application/pdf", f"{name}.pdf")

    return api


def _cookie(origin: str, token: str) -> dict[str, Any]:
    return {"name": COOKIE, "value": token, "url": origin, "httpOnly": True, "sameSite": "Lax"}


def _file(body: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type=media_type, headers=headers)
