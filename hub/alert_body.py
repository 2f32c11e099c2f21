"""An alert as the bytes that are kept of it and told of it: encoded once for its row, its history and its event.

What stands at its default is left out, which makes a storm's alerts much smaller; reading puts it back.
"""

from dataclasses import MISSING, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

import orjson

from alerts.model import Alert, Level, state_of
from alerts.model_json import LEVEL_TITLES

_FIELDS = fields(Alert)
_NAMES = tuple(field.name for field in _FIELDS)
_VALUES = attrgetter(*_NAMES)
_ALWAYS = frozenset({"lon", "lat", "value"})  # screens ask whether these are null
_REQUIRED = object()
_NAME_SET = frozenset(_NAMES)
_TIMES = frozenset(field.name for field in _FIELDS if field.type in (datetime, datetime | None))
_LEVEL_OF = {level.name.lower(): level for level in Level}


def _default(field: Any) -> object:
    if field.name in _ALWAYS:
        return _REQUIRED
    if field.default is not MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not MISSING else _REQUIRED


_DEFAULTS = tuple(_default(field) for field in _FIELDS)


def body_of(alert: Alert, at: datetime) -> bytes:
    """JSON with the names of `alert_to_plain`, without what stands at its default and without the age."""
    values = zip(_NAMES, _VALUES(alert), _DEFAULTS, strict=True)
    plain = {name: value for name, value, default in values if value is not default and value != default}
    level = alert.level
    plain["level"] = level.name.lower()
    plain["level_no"] = int(level)
    plain["level_title"] = LEVEL_TITLES[level]
    plain["state"] = state_of(alert, at).value
    plain["exercise"] = alert.status != "Actual"
    return orjson.dumps(plain)


def alert_of(body: bytes) -> Alert:
    """The inverse of `body_of`."""
    return alert_of_plain(orjson.loads(body))


def alert_of_plain(plain: dict[str, Any]) -> Alert:
    """What `alert_from_plain` makes of it, in half the time."""
    values = {name: value for name, value in plain.items() if name in _NAME_SET}
    for name in _TIMES & values.keys():
        if values[name] is not None:
            values[name] = datetime.fromisoformat(values[name])
    values["level"] = _LEVEL_OF[values["level"]]
    if "onsets_ms" in values:
        values["onsets_ms"] = tuple(values["onsets_ms"])
    return Alert(**values)


def told_in(event: bytes) -> list[dict[str, Any]]:
    """The alerts, as they stood after it, that an event's body tells of: one, many of a storm, or none."""
    plain = orjson.loads(event)
    return [plain["alert"]] if "alert" in plain else [one["alert"] for one in plain.get("alerts", ())]
