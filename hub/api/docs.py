"""`/api/docs`: the API's document to read and to try, by the Swagger UI that lies in a wheel: nothing from outside."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Depends
from starlette.responses import FileResponse, HTMLResponse, Response

from geodata.errors import NotFound
from hub.api.deps import require

PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>接口文档</title>
<link rel="icon" href="/static/icon.svg"><link rel="stylesheet" href="/api/docs/swagger-ui.css"></head>
<body><div id="swagger-ui"></div><script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script></body></html>"""
START = """window.SwaggerUIBundle({url: "/api/openapi.json", dom_id: "#swagger-ui", deepLinking: true,
  requestInterceptor: (request) => { request.headers["X-Requested-With"] = "citybrain"; return request; }});"""
FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}


def router() -> APIRouter:
    api = APIRouter(prefix="/api/docs", include_in_schema=False, dependencies=[Depends(require("see"))])
    # only the folder is wanted: importing the package would bring its own application class
    spec = find_spec("fastapi_offline")
    folder = Path(spec.origin or "").parent / "static" if spec is not None else Path()

    @api.get("")
    async def page() -> Response:
        return HTMLResponse(PAGE)

    @api.get("/start.js")
    async def start() -> Response:
        return Response(START, media_type="text/javascript")

    @api.get("/{name}")
    async def file(name: str) -> Response:
        if name not in FILES:
            raise NotFound(f"没有 {name}")
        return FileResponse(folder / name, media_type=FILES[name], headers={"Cache-Control": "private, max-age=86400"})

    return api
