"""Who asks, and for which moment: from the request that the gate let through."""

from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from flask import request

from geodata.clock import require_aware
from geodata.errors import BadInput, Forbidden
from hub.services import Services
from layouts.model import ScreenContext

NEARLY_NOW = timedelta(minutes=2)  # a report is asked for "as of now": that is the live state, not a replay


def username() -> str:
    """The signed-in user's name; `Forbidden` when the gate put none there."""
    user = request.environ.get("citybrain.user")
    if user is None:
        raise Forbidden("请先登录")
    return str(user.username)


def context(services: Services) -> ScreenContext:
    """The screen's context. Dash asks for the layout by itself, so the page's query is read from the referrer."""
    user = request.environ.get("citybrain.user")
    if user is None:
        raise Forbidden("请先登录")
    query = dict(parse_qsl(urlsplit(request.headers.get("Referer", "")).query)) | request.args.to_dict()
    now = services.clock()
    asked = asked_for(query.get("at"), now)
    who = str(user.username), str(user.name), str(user.role)
    return ScreenContext(
        now, *who, past(asked, now), query, asked, may_call=user.may("call"), may_sign=user.may("sign")
    )


def past(asked: datetime | None, now: datetime) -> datetime | None:
    """The moment asked for; None when there is none or it is under two minutes ago."""
    return asked if asked is not None and now - asked > NEARLY_NOW else None


def asked_for(text: str | None, now: datetime) -> datetime | None:
    """The moment of `?at=`; None when it is not asked for or lies ahead. `BadInput` when it is no time."""
    if not text:
        return None
    try:
        moment = require_aware(datetime.fromisoformat(text.replace(" ", "+")))
    except ValueError as problem:
        raise BadInput(f"时间 at={text[:40]!r} 无法识别;应写作 2026-01-31T08:00:00+08:00") from problem
    return moment if moment <= now else None
