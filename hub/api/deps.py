"""What the HTTP API is made of, and the small things every route needs."""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from alerts.handling import Handling
from geodata.clock import require_aware
from geodata.errors import BadInput
from hub.alert_queue import AlertQueue
from hub.audit import AuditLog
from hub.auth import Auth
from hub.bus import RedisReadingBus
from hub.metrics import Metrics
from hub.push import Push
from hub.render import Renderer
from hub.rights import Identity
from hub.services import Services
from hub.settings import Settings


@dataclass(frozen=True, slots=True)
class Hub:
    """The server's own parts beside the `services` that screens use."""

    settings: Settings
    services: Services
    auth: Auth
    audit: AuditLog
    bus: RedisReadingBus
    push: Push
    renderer: Renderer
    metrics: Metrics
    alert_queue: AlertQueue
    handling: Handling


class Json(Response):
    """JSON by orjson."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def identity_of(request: Request) -> Identity:
    """The signed-in identity; the gate lets nobody else through."""
    identity: Identity = request.scope["citybrain.user"]
    return identity


def require(right: str) -> Callable[[Request], Awaitable[Identity]]:
    """A dependency that lets only roles with `right` pass."""

    async def check(request: Request) -> Identity:
        identity = identity_of(request)
        identity.require(right)
        return identity

    return check


async def json_body(request: Request) -> Any:
    """The body as JSON, decoded off the event loop when large; `BadInput` says where it breaks."""
    body = await request.body()
    return await asyncio.to_thread(parse_json, body) if len(body) > 50_000 else parse_json(body)


def parse_json(body: bytes) -> Any:
    """JSON. What only the lenient parser takes (NaN, Infinity, numbers too long for a double) is let through, so that
    the one reading it stands in can be refused by name and the rest of its batch be kept."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as strict:
        try:
            return json.loads(body, parse_int=_integer)
        except (ValueError, RecursionError):
            where = f"第 {strict.lineno} 行第 {strict.colno} 列"
            raise BadInput(f"请求体不是合法的 JSON:{where},{strict.msg}") from None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 300 else math.inf


async def object_body(request: Request) -> dict[str, Any]:
    """The body as a JSON object of texts that can be stored; an empty body is an empty object."""
    if not await request.body():
        return {}
    body = await json_body(request)
    if not isinstance(body, dict):
        raise BadInput("请求体应为 JSON 对象")
    require_storable(body)
    return body


def require_storable(value: object) -> None:
    """`BadInput` when a text in `value`, however deep, is none that every database keeps (NUL, half a surrogate)."""
    rest = [value]
    while rest:
        match rest.pop():
            case str() as text:
                if "\x00" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
                    raise BadInput("文字里有不能保存的字符(NUL 或残缺的代理对);请去掉后再发")
            case dict() as found:
                rest += [*found.keys(), *found.values()]
            case list() | tuple() as found:
                rest += found


def parse_time(text: str, name: str) -> datetime:
    """An ISO 8601 time with offset from a query or body."""
    try:
        return require_aware(datetime.fromisoformat(text.replace(" ", "+")))
    except ValueError:
        raise BadInput(f"{name}={text!r} 不是带时区的 ISO 8601 时间,例如 2026-01-31T08:00:00+08:00") from None


def bounded(value: int, low: int, high: int, name: str) -> int:
    if not low <= value <= high:
        raise BadInput(f"{name} 应在 {low} 与 {high} 之间,收到 {value}")
    return value
