"""Readings and calls as they were at a moment, for the report: the same moment gives the same page."""

from datetime import datetime

from dispatch.model import Call
from hub.services import Services
from layouts.situation_data import STALE_AFTER, kind_of

Readings = dict[str, dict[str, tuple[float, datetime]]]


def readings_at(services: Services, at: datetime) -> Readings:
    """The last reading of every shown quantity at or before `at`; what was stale by then may be missing."""
    numbers, label, found = services.registry.numbers(), services.exercise(), Readings()
    for sensor, quantities in services.latest().items():
        for quantity, reading in quantities.items():
            kind = kind_of(quantity)
            if not kind:
                continue
            if reading[1] > at:
                since = at - 2 * STALE_AFTER[kind]
                known = (
                    services.readings.series(numbers[sensor], quantity, since, at, label) if sensor in numbers else []
                )
                if not known:
                    continue
                reading = (known[-1][1], known[-1][0])
            found.setdefault(sensor, {})[quantity] = reading
    return found


def calls_at(services: Services, at: datetime) -> tuple[Call, ...]:
    """The calls of the incidents open at `at` that had been pressed by then, newest first."""
    then = [
        one for one in services.dispatch.incidents(None)
        if one.opened_at <= at and (one.closed_at is None or one.closed_at > at)
    ]  # fmt: skip
    calls = [call for one in then for call in services.dispatch.calls(one.id) if call.pressed_at <= at]
    return tuple(sorted(calls, key=lambda call: call.pressed_at, reverse=True))
