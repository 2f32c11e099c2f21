"""An alert as plain JSON values: one function for the HTTP API, the events and the screens."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from alerts.model import Alert, Level, state_of

_TIMES = frozenset(field.name for field in fields(Alert) if field.type in (datetime, datetime | None))
_NAMES = tuple(field.name for field in fields(Alert))
LEVEL_TITLES = {Level.NONE: "未定级", Level.BLUE: "蓝色", Level.YELLOW: "黄色", Level.ORANGE: "橙色", Level.RED: "红色"}


def alert_to_plain(alert: Alert, now: datetime, standing: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Every field; `level` as lower-case name with `level_no` and `level_title`; times ISO 8601 with offset.

    `state` and `age_s` (since fired) are derived at `now`; `exercise` is true for anything that is not real.
    `standing`, if given, is what silences and inhibitions make of it (`alerts.standing.standing_to_plain`).
    """
    plain: dict[str, Any] = {}
    for name in _NAMES:
        value = getattr(alert, name)
        plain[name] = value.isoformat() if name in _TIMES and value is not None else value
    plain["level"] = alert.level.name.lower()
    plain["level_no"] = int(alert.level)
    plain["level_title"] = LEVEL_TITLES[alert.level]
    plain["state"] = state_of(alert, now).value
    plain["age_s"] = max(0, round((now - alert.fired_at).total_seconds()))
    plain["exercise"] = alert.status != "Actual"
    if standing is not None:
        plain["standing"] = standing
    return plain


def alert_from_plain(plain: Mapping[str, Any]) -> Alert:
    """The alert that `alert_to_plain` was given."""
    values = {name: plain[name] for name in _NAMES if name in plain}
    for name in _TIMES & values.keys():
        values[name] = None if values[name] is None else datetime.fromisoformat(values[name])
    values["level"] = Level[plain["level"].upper()]
    values["onsets_ms"] = tuple(values.get("onsets_ms", ()))
    return Alert(**values)
