"""Vector tiles by URL. A map asks for a hundred at once, so that they take a way of their own past the API's router."""

import asyncio
import gzip
import re
from functools import lru_cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from geodata.errors import CityError
from geodata.points import PointIndex
from geodata.tiles import Tile, TileService
from hub.errors import from_exception

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
LARGE = 60_000  # bytes; compressing so much would hold up every other request
GZIP_FROM = 1_400  # bytes; below it a packet carries the tile anyway
_PATH = re.compile(r"/tiles/([a-z_]{1,40})/(\d{1,2})/(\d{1,8})/(\d{1,8})\.pbf")


@lru_cache(maxsize=512)
def _zipped(_etag: str, body: bytes) -> bytes:
    return gzip.compress(body, 1, mtime=0)


def cached(request: Request, body: bytes, etag: str, media_type: str) -> Response:
    """`body`, or 304 when the browser has it; compressed when that is worth it. A `?v=` names the version for good."""
    fixed = "max-age=86400, immutable" if b"v=" in request.scope["query_string"] else "max-age=0, must-revalidate"
    headers = {"ETag": etag, "Cache-Control": f"private, {fixed}", "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    if len(body) >= GZIP_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        body = _zipped(etag, body)
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type=media_type, headers=headers)


async def tile_answer(tiles: TileService, layer: str, z: int, x: int, y: int, request: Request) -> Response:
    """One tile. Points are encoded in well under a millisecond, here; lines and polygons, and all while the kernels are
    being compiled, on a thread."""
    made: Tile | None = tiles.cached(layer, z, x, y)
    if made is None and tiles.is_warm and isinstance(tiles.city.index(layer), PointIndex):
        made = tiles.tile(layer, z, x, y)
    if made is None:
        made = await asyncio.to_thread(tiles.tile, layer, z, x, y)
    if len(made.body) > LARGE:
        return await asyncio.to_thread(cached, request, made.body, made.etag, MEDIA_TYPE)
    return cached(request, made.body, made.etag, MEDIA_TYPE)


class TileDoor:
    """ASGI: answers tiles, passes everything else on. The gate stands before it; the API documents the same route."""

    def __init__(self, app: Any, tiles: TileService) -> None:
        self.app, self.tiles = app, tiles

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if found is None:
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        layer, z, x, y = found.groups()
        try:
            scope["citybrain.user"].require("see")
            answer = await tile_answer(self.tiles, layer, int(z), int(x), int(y), request)
        except CityError as error:
            answer = from_exception(request, error)
        await answer(scope, receive, send)
