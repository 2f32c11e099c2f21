"""An alert as the bytes that are kept of it and told of it: encoded once for its row, its history and its event.

What stands at its default is left out, which makes a storm's alerts much smaller; reading puts it back.
"""

from dataclasses import MISSING, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

import orjson

from alerts.model import Alert, state_of
from alerts.model_json import LEVEL_TITLES, alert_from_plain

_FIELDS = fields(Alert)
_NAMES = tuple(field.name for field in _FIELDS)
_VALUES = attrgetter(*_NAMES)
_ALWAYS = frozenset({"lon", "lat", "value"})  # screens ask whether these are null
_REQUIRED = object()


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
    return alert_from_plain(orjson.loads(body))
