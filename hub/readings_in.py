"""Checking what comes in against the sensors there are; the database is asked again only when a row was refused."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from alerts.intake import Checked, check_observations
from alerts.ports import SensorRegistry
from alerts.quantities import QUANTITIES


class ReadingCheck:
    """One a process; safe on several threads."""

    def __init__(self, registry: SensorRegistry) -> None:
        self.registry = registry
        self._numbers: Mapping[str, int] = {}

    def __call__(self, payload: Any, now: datetime) -> Checked:
        """`alerts.intake.check_observations`, with sensors that were registered a moment ago."""
        known = len(self._numbers)
        if known:
            checked = check_observations(payload, self._numbers, QUANTITIES, now)
            if not checked.rejects:
                return checked
        self._numbers = self.registry.numbers()  # the same mapping, grown
        if known and len(self._numbers) == known:
            return checked
        return check_observations(payload, self._numbers, QUANTITIES, now)
