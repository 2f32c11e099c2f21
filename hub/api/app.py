"""One ASGI application: the API, tiles, stream and files in Starlette; the Dash screens behind it on threads."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import redis
import sqlalchemy.exc
from a2wsgi import WSGIMiddleware
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from flask import Flask
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from geodata.errors import CityError
from hub.api import (  # fmt: skip
    alertmanager,
    alerts,
    brief,
    cap_out,
    city,
    dispatch,
    docs,
    feeds,
    health,
    incident_parts,
    incidents,
    intake,
    load,
    open_alerts,
    pages,
    responses,
    rules,
    sensorthings,
    sightings,
    silences,
    stream,
)
from hub.api.deps import Hub
from hub.api.tiles import TileDoor
from hub.errors import UNSTORABLE, from_exception, problem
from hub.gate import Gate

ROOMS = (
    intake,
    alertmanager,
    open_alerts,
    cap_out,
    alerts,
    sightings,
    silences,
    incidents,
    incident_parts,
    responses,
    dispatch,
    city,
    stream,
    health,
    brief,
    load,
    pages,
    rules,
    feeds,
    sensorthings,
)
SCREENS = ("desk", "wall", "field", "brief", "load", "rules", "incident", "feeds")
CITY_REFRESH_S = 2.0


class _ScreenPaths:
    """`/desk` is answered where Dash keeps `/desk/`, without sending the browser elsewhere."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] in {f"/{name}" for name in SCREENS}:
            scope = scope | {"path": scope["path"] + "/", "raw_path": scope["path"].encode() + b"/"}
        await self.app(scope, receive, send)


def _identity_to_flask(flask_app: Flask) -> Any:
    """The gate's identity, where screens look for it: `flask.request.environ["citybrain.user"]`."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        environ["citybrain.user"] = environ["asgi.scope"].get("citybrain.user")
        return flask_app.wsgi_app(environ, start_response)

    return application


def create_asgi(hub: Hub, flask_app: Flask, script_hashes: dict[str, list[str]], assets: Path) -> Any:
    """The whole web process as one ASGI callable."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(work) for work in (hub.push.run(), _keep_city_fresh(hub), _watch_feeds(hub))]
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    app = FastAPI(
        title="临沂 CityBrain", version="1", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json",
        lifespan=lifespan,
    )  # fmt: skip
    for error in (CityError, redis.RedisError, sqlalchemy.exc.OperationalError, *UNSTORABLE, Exception):
        app.add_exception_handler(error, from_exception)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.include_router(pages.token_router(hub))
    app.include_router(docs.router())
    for room in ROOMS:
        app.include_router(room.router(hub))
    app.add_api_route(
        "/api/{path:path}", _unknown, methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False
    )
    app.mount("/static", StaticFiles(directory=assets))
    screens: Any = WSGIMiddleware(_identity_to_flask(flask_app), workers=16)
    app.mount("/", screens)
    return Gate(
        TileDoor(_ScreenPaths(app), hub.services.tiles),
        hub.auth,
        hub.settings.ingest_max_bytes,
        script_hashes,
        hub.settings.attachment_max_bytes + 1_000_000,
    )


def _unknown(path: str) -> Response:
    return problem("not-found", f"没有接口 /api/{path};接口文档在 /api/docs")


def _invalid(_request: Request, error: Any) -> Response:
    found = [f"{'.'.join(str(part) for part in item['loc'])}:{item['msg']}" for item in error.errors()]
    return problem("bad-input", "请求参数有误", problems=found)


async def _watch_feeds(hub: Hub) -> None:
    """Tell what was counted here and what has changed with the feeds, once a second; silent while Redis is away."""
    while True:
        await asyncio.sleep(1.0)
        with suppress(redis.RedisError, sqlalchemy.exc.SQLAlchemyError):
            await asyncio.to_thread(hub.services.feeds.watch)


async def _keep_city_fresh(hub: Hub) -> None:
    """Take up what an import or the sample builder has written, within seconds and without a restart."""
    while True:
        await asyncio.sleep(CITY_REFRESH_S)
        await asyncio.to_thread(hub.services.city.refresh)
