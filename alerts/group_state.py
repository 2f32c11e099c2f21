"""A group of alerts on its way to a receiver, as values: what is in it, what was told, and what is to be told."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import inf

from alerts.model import Alert
from alerts.routing import Place

RETRY_FIRST_S, RETRY_MOST_S = 1.0, 60.0


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to one receiver. `key` is equal for the same message sent again, and for no other."""

    place: Place
    firing: tuple[Alert, ...]
    over: tuple[Alert, ...]
    key: str


@dataclass(frozen=True, slots=True)
class Record:
    """What must be remembered of a group so that a restart neither repeats nor forgets: alert id → what was told."""

    told: Mapping[str, str]
    last_key: str


@dataclass(slots=True)
class Group:
    """One group while it lives. Times are seconds of the caller's steady clock."""

    place: Place
    members: dict[str, Alert] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)
    told: dict[str, str] = field(default_factory=dict)
    pending: dict[str, tuple[float, int]] = field(default_factory=dict)  # id → (since, event number), oldest first
    sent_at: float | None = None
    last_key: str = ""
    flying: bool = False
    retry_at: float = -inf
    failures: int = 0
    scheduled: float = inf  # its earliest entry in the heap

    def due_at(self, muted: Collection[str]) -> float:
        route = self.place.route
        if self.flying:
            return inf
        rest = -inf if self.sent_at is None else self.sent_at + route.group_interval_s
        if self.pending:
            since, _ = next(iter(self.pending.values()))
            return max(since + route.group_wait_s, rest, self.retry_at)
        if self.sent_at is not None and any(one not in muted for one in self.told):
            return max(self.sent_at + route.repeat_interval_s, self.retry_at)
        return inf


def mark(alert: Alert) -> str:
    """What of a firing alert a receiver must hear of when it changes."""
    return f"{int(alert.level)}.{alert.escalation}.{alert.reopened}"
