"""How a feed is doing, from what is known of it: a function of the facts and the time, never stored as such."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

STATES = ("failing", "stale", "waiting", "ok", "off")  # in the order an operator wants to see them


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """What is known of one feed. Counts are rows since the feed was first heard of; `rate_per_min`: last minute."""

    id: str
    kind: str
    title: str
    on: bool = True
    stale_after_s: float = 600.0
    last_message_at: datetime | None = None
    last_observed_at: datetime | None = None
    rate_per_min: float = 0.0
    accepted: int = 0
    rejected: int = 0
    dropped: int = 0
    problem: str = ""
    since: datetime | None = None  # since when it is in this state
    holder: str = ""
    limit_per_s: float = 0.0


def state_of(facts: FeedFacts, now: datetime) -> str:
    """off, failing (it says what is wrong), waiting (never heard), stale (not heard for too long), or ok."""
    if not facts.on:
        return "off"
    if facts.problem:
        return "failing"
    if facts.last_message_at is None:
        return "waiting"
    limit = timedelta(seconds=facts.stale_after_s)
    return "stale" if facts.stale_after_s and now - facts.last_message_at > limit else "ok"


def lag_s(facts: FeedFacts) -> float | None:
    """Seconds between the newest observation and its arrival; None when nothing has come. A clock ahead counts as 0."""
    if facts.last_message_at is None or facts.last_observed_at is None:
        return None
    return max(0.0, (facts.last_message_at - facts.last_observed_at).total_seconds())


def to_plain(facts: FeedFacts, now: datetime) -> dict[str, Any]:
    """As the API gives it."""
    lag = lag_s(facts)
    return {
        "id": facts.id, "kind": facts.kind, "title": facts.title, "state": state_of(facts, now),
        "last_message_at": facts.last_message_at.isoformat() if facts.last_message_at else None,
        "last_observed_at": facts.last_observed_at.isoformat() if facts.last_observed_at else None,
        "lag_s": None if lag is None else round(lag, 1), "rate_per_min": round(facts.rate_per_min),
        "accepted": facts.accepted, "rejected": facts.rejected, "dropped": facts.dropped, "problem": facts.problem,
        "since": facts.since.isoformat() if facts.since else None, "stale_after_s": facts.stale_after_s,
        "limit_per_s": facts.limit_per_s,
    }  # fmt: skip


def worst_first(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Failing first, then stale, waiting, ok, off; within a state those that drop come first, then by title."""
    return sorted(rows, key=lambda row: (STATES.index(row["state"]), not row["dropped"], row["title"], row["id"]))
