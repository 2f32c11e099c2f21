"""A page of this server as a document: its address on this machine, and a sign-in that lasts a minute."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from starlette.responses import Response

from hub.api.deps import Hub, identity_of
from hub.gate import COOKIE


def page_of(hub: Hub, request: Request, path: str, query: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The page's address as this process is reached, and the cookie of whoever asks."""
    token, _ = hub.auth.issue(identity_of(request).username, "cookie", hub.services.clock(), timedelta(minutes=1))
    server = request.scope["server"]
    origin = f"http://{server[0]}:{server[1]}"
    cookie = {"name": COOKIE, "value": token, "url": origin, "httpOnly": True, "sameSite": "Lax"}
    return f"{origin}{path}?{urlencode(dict(query))}", cookie


def document(body: bytes, media_type: str, name: str) -> Response:
    """A download: never shown by the browser as a page of ours (the gate adds nosniff)."""
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_. ") else "_" for sign in name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
    return Response(body, media_type=media_type, headers=headers)
