"""An alert as a value: one condition, however often it reports. Field names are CAP 1.2's where CAP has them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any


class Level(IntEnum):
    """Normalised level, worst highest. The native level is always kept and shown beside it."""

    NONE = 0
    BLUE = 1
    YELLOW = 2
    ORANGE = 3
    RED = 4


class AlertState(StrEnum):
    """Derived by `state_of` (and, where others have a say in it, by `alerts.standing`), never stored."""

    PENDING = "pending"  # a threshold is reached and its hold time not yet over: no alert exists
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    SHELVED = "shelved"  # put aside by a person until a time
    SUPPRESSED = "suppressed"  # silenced or inhibited, and it is said by what
    RESOLVED = "resolved"  # the condition is over
    CLOSED = "closed"  # over, and put away by a person or by time


OVER = frozenset({AlertState.RESOLVED, AlertState.CLOSED})


@dataclass(frozen=True, slots=True)
class Alert:
    """What raised it (`sensor` of a rule, or the `identifier` of a warning), where, how bad, since when.

    `dedup_key` is equal for two reports of one condition; only one open alert may hold it.
    Times are aware UTC. `area` is a GeoJSON geometry in WGS-84 (longitude first). `status` is CAP's
    (Actual, Exercise, System, Test, Draft); `level` is normalised and `native_level` is the words of the source.
    """

    id: str
    dedup_key: str
    source: str  # "rule" | "cap"
    event: str
    headline: str
    level: Level
    native_level: str
    status: str
    onset_at: datetime
    fired_at: datetime
    updated_at: datetime
    severity: str = "Unknown"
    urgency: str = "Unknown"
    certainty: str = "Unknown"
    description: str = ""
    rule_id: str | None = None
    sensor: str | None = None
    identifier: str | None = None
    quantity: str | None = None
    value: float | None = None
    unit: str | None = None
    threshold: float | None = None
    lon: float | None = None
    lat: float | None = None
    area: Mapping[str, Any] | None = None
    place: str = ""
    sender: str | None = None
    expires_at: datetime | None = None
    resolved_at: datetime | None = None
    resolved_why: str | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    incident_id: str | None = None
    sent_at: datetime | None = None  # of the newest warning message this alert stands for
    county: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)  # of the source, beside those of `alerts.labels`
    reopened: int = 0  # how often its condition came back soon after it was over
    reopened_at: datetime | None = None
    onsets_ms: tuple[int, ...] = ()  # its latest comings (fired, reopened, risen), epoch ms, oldest first
    chattering_since: datetime | None = None  # it comes and goes too often; held open until it has been quiet
    flapped_at: datetime | None = None  # while chattering: when its condition last moved
    held: Mapping[str, Any] | None = None  # while chattering: what its condition is now, `level` 0 when it is gone
    waiting_since: datetime | None = None  # since when somebody should have acknowledged it (`fired_at` when None)
    escalation: int = 0  # steps taken because nobody acknowledged it
    escalated_at: datetime | None = None
    escalated_to: str = ""  # who the last step names
    shelved_until: datetime | None = None
    shelved_by: str | None = None
    shelved_why: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    closed_why: str | None = None
    version: int = 1


def state_of(alert: Alert, now: datetime) -> AlertState:
    """The state at `now`, from what happened up to then. An expired warning counts as resolved.

    Silences and inhibitions are not the alert's own: `alerts.standing` adds them.
    """
    if alert.closed_at is not None and alert.closed_at <= now:
        return AlertState.CLOSED
    ended = alert.resolved_at is not None and alert.resolved_at <= now
    expired = alert.expires_at is not None and alert.expires_at <= now
    if ended or expired:
        return AlertState.RESOLVED
    if alert.shelved_until is not None and alert.shelved_until > now:
        return AlertState.SHELVED
    if alert.acknowledged_at is not None and alert.acknowledged_at <= now:
        return AlertState.ACKNOWLEDGED
    return AlertState.FIRING


def is_over(alert: Alert, now: datetime) -> bool:
    """Whether its condition is no longer there at `now`."""
    return state_of(alert, now) in OVER


def revised(alert: Alert, now: datetime, **changes: Any) -> Alert:
    """`alert` with `changes`, its version one higher and `updated_at` at `now`."""
    return replace(alert, **changes, updated_at=now, version=alert.version + 1)


@dataclass(frozen=True, slots=True)
class AlertChange:
    """One step: `kind` is fired, level, updated, value, resolved, reopened, cancelled (what the condition did);
    acknowledged, shelved, unshelved, closed, reopened, linked, unlinked (what a person did); chattering, quiet,
    escalated, unshelved, closed (what time did; then `who` is the engine)."""

    alert: Alert
    kind: str
    at: datetime
    who: str
    detail: str = ""
