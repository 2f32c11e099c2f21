"""What each error becomes for whoever asked: one table, RFC 9457 problem documents."""

import math
from typing import Any

import orjson
import redis
import sqlalchemy.exc
import structlog
from starlette.requests import Request
from starlette.responses import Response

from geodata.errors import CityError

log = structlog.get_logger()

# error code → (HTTP status, title the operator reads)
TABLE: dict[str, tuple[int, str]] = {
    "bad-input": (422, "输入有误"),
    "too-large": (413, "内容过大"),
    "not-found": (404, "没有找到"),
    "conflict": (409, "当前状态不允许"),
    "forbidden": (403, "没有权限"),
    "not-signed-in": (401, "请先登录"),
    "not-configured": (503, "尚未配置"),
    "not-saved": (503, "没有保存"),
    "bus-away": (503, "消息总线不可用"),
    "too-many": (429, "超过限额"),
    "city-error": (500, "内部错误"),
}
# what a database or its driver refuses to take; nothing was written
UNSTORABLE = (sqlalchemy.exc.DataError, UnicodeEncodeError)


def problem(code: str, detail: str, **more: Any) -> Response:
    """A problem document with the table's status and title."""
    status, title = TABLE[code]
    body = {"type": f"urn:citybrain:problem:{code}", "title": title, "status": status, "detail": detail, **more}
    headers = {"Retry-After": "2"} if status == 503 else {}
    if status == 429:
        headers["Retry-After"] = str(math.ceil(more.get("retry_after_s", 1)))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(
        orjson.dumps(body, default=str), status_code=status, media_type="application/problem+json", headers=headers
    )


def from_exception(_request: Request, error: Exception) -> Response:
    """The problem document of any error the rooms or their parts raise."""
    if isinstance(error, CityError):
        more = {key: value for key, value in error.where.items() if key not in {"type", "title", "status", "detail"}}
        if problems := getattr(error, "problems", None):
            more["problems"] = problems
        known = (kind.__dict__.get("code") for kind in type(error).__mro__)  # a room's own error is of its base's kind
        return problem(next((code for code in known if code in TABLE), "city-error"), str(error), **more)
    if isinstance(error, redis.RedisError):
        return problem("bus-away", "消息总线暂时不可用,数据没有接收,请稍后重发")
    if isinstance(error, sqlalchemy.exc.OperationalError):
        log.error("database.away", problem=str(error.orig))
        return problem("not-saved", "数据库暂时不可用,操作没有保存,请稍后再试")
    if isinstance(error, UNSTORABLE):
        log.warning("request.unstorable", problem=type(error).__name__)
        return problem("bad-input", "内容里有数据库存不下的字符或数字;没有保存")
    log.exception("request.failed", exc_info=error)
    return problem("city-error", "服务器内部错误,已记入日志")
