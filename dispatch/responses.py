"""A warning's notice and response level: drafted from a template, edited and signed by a person. Pure functions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from alerts.model import Alert, Level
from dispatch.plan_book import DRILL, RESPONSE_LEVELS, SMS_CHARS, fill, short_message
from dispatch.response_book import FIELDS, LEVEL_FIELD, ResponseBook
from geodata.clock import SHANGHAI, new_id
from geodata.errors import BadInput, Conflict

LONG_CHARS = 5_000
COLOURS = {Level.RED: "红色", Level.ORANGE: "橙色", Level.YELLOW: "黄色", Level.BLUE: "蓝色"}
_OPEN = re.compile(r"【待填[^】]*】?|\{\w+\}")
_LEVEL_SIGN, _GAP_SIGNS = "\ue000", 0xE100  # stand-ins of one sign, so that cutting to 70 never breaks a mark


@dataclass(frozen=True, slots=True)
class Response:
    """`short` and `long` may hold `{level}` and 【待填:…】 until they are signed. `basis` names the warning as it was
    when this was written; `history` has every earlier version, oldest first."""

    id: str
    alert_id: str
    incident_id: str | None
    status: str  # draft | signed | withdrawn
    version: int
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    signed_at: datetime | None
    signed_by: str | None
    title: str
    level: str
    level_source: str
    short: str
    long: str
    exercise: bool
    incident_type: str
    basis: str
    template: str
    template_source: str
    withdrawn_why: str = ""
    history: tuple[Mapping[str, Any], ...] = ()


def basis_of(alert: Alert) -> str:
    """The warning as it stands: an Update, or another level, gives another text."""
    sent = alert.sent_at.isoformat() if alert.sent_at else ""
    return f"{alert.identifier or alert.id} {sent} {alert.level.name.lower()}"


def overtaken(response: Response, alert: Alert | None) -> str:
    """Why the text no longer fits the warning; "" while it does."""
    if alert is None:
        return "预警已查不到"
    if alert.resolved_at is not None:
        return f"预警已解除({alert.resolved_why or '原因未写'})"
    return "" if response.basis == basis_of(alert) else "预警已更新,请按新的预警核对"


def drafted(
    alert: Alert, book: ResponseBook, city: str, who: str, now: datetime, *, exercise: bool = False
) -> Response:
    """A draft from the template of the event; the level is empty where no published source confirms one."""
    template = book.template_of(alert)
    level, source = template.levels.get(alert.level, ("", ""))
    values = _values(alert, city)
    drill = exercise or alert.status != "Actual"
    return Response(
        id=new_id("RSP", now), alert_id=alert.id, incident_id=None, status="draft", version=1,
        created_at=now, created_by=who, updated_at=now, updated_by=who, signed_at=None, signed_by=None,
        title=f"{alert.headline}"[:120], level=level, level_source=source,
        short=_short(template.short, values, exercise=drill),
        long=fill(template.long, {name: text or _gap(name) for name, text in values.items()}).replace("\n\n", "\n"),
        exercise=drill, incident_type=template.incident_type,
        basis=basis_of(alert), template=template.id, template_source=book.source,
    )  # fmt: skip


def _values(alert: Alert, city: str) -> dict[str, str]:
    return {
        "city": city,
        "place": alert.place,
        "event": alert.event.removesuffix("预警"),
        "colour": COLOURS.get(alert.level, ""),
        "native": alert.native_level,
        "sender": alert.labels.get("sender_name", "") or ("" if (alert.sender or "").isdigit() else alert.sender or ""),
        "sent_at": _time_text(alert.sent_at or alert.fired_at),
        "expires_at": _time_text(alert.expires_at),
        "headline": alert.headline,
        "description": alert.description.strip(),
    }


def _time_text(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(SHANGHAI):%Y年%m月%d日%H时%M分}"


def _gap(name: str) -> str:
    return f"【待填:{FIELDS[name]}】"


def _short(template: str, values: Mapping[str, str], *, exercise: bool) -> str:
    """Place, then event, are cut until it fits into one SMS with the level filled in."""
    gaps = {chr(_GAP_SIGNS + number): name for number, name in enumerate(values) if not values[name]}
    signs = {name: sign for sign, name in gaps.items()}
    known = {name: text or signs[name] for name, text in values.items()} | {LEVEL_FIELD: _LEVEL_SIGN}
    text = short_message(template, known, exercise=exercise).removeprefix(DRILL if exercise else "")
    for sign, name in gaps.items():
        text = text.replace(sign, _gap(name))
    return text.replace(_LEVEL_SIGN, "{level}")


def rendered(response: Response) -> tuple[str, str]:
    """Short and long with the level in them, as they would be sent (a drill's without its mark)."""
    values = {LEVEL_FIELD: response.level} if response.level else {}
    return fill(response.short, values), fill(response.long, values)


def missing(response: Response) -> list[str]:
    """What still stands between this draft and a signature."""
    short, long = rendered(response)
    found = [] if response.level else ["响应级别没有填写(未核定,须由人确定)"]
    gaps = dict.fromkeys(mark for mark in _OPEN.findall(f"{short}\n{long}") if mark != "{level}")
    found += [f"还有待填内容:{mark}" for mark in gaps]
    found += [f"{name}是空的" for name, text in (("短信", short), ("通知全文", long)) if not text.strip()]
    over = len(short) - room_of(response)
    return found + ([f"短信超出 {over} 字(最多 {room_of(response)} 字)"] if over > 0 else [])


def room_of(response: Response) -> int:
    """Signs the short text may have: a drill's mark takes its place too."""
    return SMS_CHARS - (len(DRILL) if response.exercise else 0)


def edited(
    response: Response, version: int, who: str, now: datetime, alert: Alert | None, *, level: str | None = None,
    short: str | None = None, long: str | None = None, rebase: bool = False,
) -> Response:  # fmt: skip
    """A new version. `rebase`: checked against the warning as it is now. A stale `version` raises `Conflict`."""
    _current(response, version)
    if response.status != "draft":
        raise Conflict("只有草稿能修改;已签发的请先撤回,再重新起草")
    if level is not None and level not in ("", *RESPONSE_LEVELS):
        raise BadInput(f"没有响应级别 {level[:20]};可用:{'、'.join(RESPONSE_LEVELS)}")
    changes: dict[str, Any] = {}
    if level is not None and level != response.level:
        changes |= {"level": level, "level_source": ""}  # a person's choice is no published source
    for name, text, most in (("short", short, 200), ("long", long, LONG_CHARS)):
        if text is not None:
            kept = text.strip() if name == "long" else " ".join(text.split())
            if len(kept) > most:
                raise BadInput(f"{name} 最多 {most} 字,收到 {len(kept)} 字")
            changes[name] = kept
    if rebase and alert is not None:
        changes["basis"] = basis_of(alert)
    changes = {name: value for name, value in changes.items() if value != getattr(response, name)}
    return _next(response, who, now, **changes) if changes else response


def signed(response: Response, version: int, who: str, now: datetime, alert: Alert | None) -> Response:
    """Signed word for word; refused while a level or a field is open, or the warning has moved on."""
    _current(response, version)
    if response.status == "signed":
        return response
    if response.status != "draft":
        raise Conflict("已撤回的草稿不能签发;请重新起草")
    if why := overtaken(response, alert):
        raise Conflict(f"不能签发:{why}")
    if gaps := missing(response):
        raise Conflict(f"不能签发:{';'.join(gaps)}")
    short, long = rendered(response)
    return _next(response, who, now, status="signed", signed_at=now, signed_by=who, short=short, long=long)


def withdrawn(response: Response, version: int, reason: str, who: str, now: datetime) -> Response:
    """Taken back, draft or signed; a new draft may be made then."""
    _current(response, version)
    return response if response.status == "withdrawn" else _next(
        response, who, now, status="withdrawn", withdrawn_why=reason
    )  # fmt: skip


def _current(response: Response, version: int) -> None:
    if version != response.version:
        raise Conflict(
            f"{response.updated_by} 已改到第 {response.version} 版,您看的是第 {version} 版;请刷新后再改",
            version=response.version,
        )


def _next(response: Response, who: str, now: datetime, **changes: Any) -> Response:
    names = ("version", "updated_at", "updated_by", "status", "level", "short", "long", "basis")
    earlier = {name: getattr(response, name) for name in names}
    earlier["updated_at"] = response.updated_at.isoformat()
    history = (*response.history, earlier)
    return replace(response, **changes, version=response.version + 1, updated_at=now, updated_by=who, history=history)
