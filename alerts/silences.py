"""Silences: a person asks, for a time and with a reason, that matching alerts notify nobody."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from alerts.matchers import Matcher, all_match
from geodata.clock import new_id, require_aware
from geodata.errors import BadInput, Conflict

MAX_MATCHERS = 20
LONGEST = timedelta(days=31)
REASON_CHARS = 500


@dataclass(frozen=True, slots=True)
class Silence:
    """In force from `starts_at` up to, but not at, `ends_at` or `ended_at`, whichever is earlier."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    owner: str
    reason: str
    created_at: datetime
    ended_at: datetime | None = None  # by hand, before its time
    ended_by: str | None = None
    ended_why: str | None = None


def is_active(silence: Silence, now: datetime) -> bool:
    """Whether it is in force at `now`."""
    return silence.starts_at <= now < (silence.ended_at or silence.ends_at)


def new_silence(
    matchers: tuple[Matcher, ...], starts_at: datetime, ends_at: datetime, owner: str, reason: str, now: datetime
) -> Silence:
    """A silence to be stored. Raises `BadInput` for one without a reason or an end, or that would hold everything."""
    starts, ends = max(require_aware(starts_at), now), require_aware(ends_at)
    if not matchers or all_match(matchers, {}):
        raise BadInput("静默必须至少有一个不匹配空值的条件(例:county=兰山区);不能静默全部告警")
    if len(matchers) > MAX_MATCHERS:
        raise BadInput(f"一条静默最多 {MAX_MATCHERS} 个条件,收到 {len(matchers)} 个")
    if ends <= starts:
        raise BadInput("静默的结束时间必须晚于开始时间和现在")
    if ends - starts > LONGEST:
        raise BadInput(f"静默最长 {LONGEST.days} 天;到期后仍需要时请重新登记")
    if not reason.strip():
        raise BadInput("静默必须写明原因")
    if len(reason) > REASON_CHARS:
        raise BadInput(f"静默的原因不能超过 {REASON_CHARS} 个字符")
    return Silence(new_id("SL", now), matchers, starts, ends, owner, reason.strip(), now)


def ended(silence: Silence, who: str, why: str, now: datetime) -> Silence:
    """The silence, over from `now` on. Raises `Conflict` when it is over already."""
    if silence.ended_at is not None:
        raise Conflict(f"静默 {silence.id} 已由 {silence.ended_by} 结束")
    if silence.ends_at <= now:
        raise Conflict(f"静默 {silence.id} 已到期")
    return replace(silence, ended_at=now, ended_by=who, ended_why=why.strip()[:REASON_CHARS])


def silence_to_plain(silence: Silence, now: datetime) -> dict[str, Any]:
    """Plain JSON values; `state` is pending, active or ended at `now`."""
    state = "active" if is_active(silence, now) else "pending" if now < silence.starts_at else "ended"
    if silence.ended_at is not None and silence.ended_at <= now:
        state = "ended"
    return {
        "id": silence.id,
        "matchers": [str(matcher) for matcher in silence.matchers],
        "starts_at": silence.starts_at.isoformat(),
        "ends_at": silence.ends_at.isoformat(),
        "owner": silence.owner,
        "reason": silence.reason,
        "created_at": silence.created_at.isoformat(),
        "ended_at": silence.ended_at.isoformat() if silence.ended_at else None,
        "ended_by": silence.ended_by,
        "ended_why": silence.ended_why,
        "state": state,
    }


def matchers_to_plain(matchers: tuple[Matcher, ...]) -> list[dict[str, str]]:
    """As they are stored: exact, whatever characters a value has."""
    return [{"name": one.name, "op": one.op, "value": one.value} for one in matchers]


def matchers_from_plain(plain: list[Mapping[str, str]]) -> tuple[Matcher, ...]:
    return tuple(Matcher(one["name"], one["op"], one["value"]) for one in plain)
