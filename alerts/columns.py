"""Open alerts as rows of what a list needs: small enough to send ten thousand, named as in `alerts.model_json`."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from alerts.model import Alert
from alerts.standing import Standing

_AS_THEY_ARE = (
    "id", "version", "event", "headline", "native_level", "status", "place", "county", "source", "sensor", "sender",
    "rule_id", "value", "unit", "lon", "lat", "incident_id", "acknowledged_by", "reopened", "escalation",
)  # fmt: skip
_TIMES = ("fired_at", "acknowledged_at", "chattering_since", "shelved_until")
FIELDS = ("level", "level_no", *_TIMES, *_AS_THEY_ARE)


def rows_of(alerts: Iterable[Alert]) -> list[list[Any]]:
    """One list per alert in the order of `FIELDS`; times ISO 8601 with offset or None."""
    return [
        [
            alert.level.name.lower(),
            int(alert.level),
            *[None if moment is None else moment.isoformat() for moment in _times(alert)],
            *[getattr(alert, name) for name in _AS_THEY_ARE],
        ]
        for alert in alerts
    ]


def _times(alert: Alert) -> tuple[datetime | None, ...]:
    return alert.fired_at, alert.acknowledged_at, alert.chattering_since, alert.shelved_until


def held_back(standings: Mapping[str, Standing]) -> dict[str, list[Any]]:
    """Alert id → [state, why, hides] of those that a shelf, a silence or an inhibition holds back."""
    return {key: [one.state.value, one.why, one.hides] for key, one in standings.items() if one.mutes}
