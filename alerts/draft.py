"""The changes of one step in the making."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from alerts.chatter import Conditions
from alerts.handling import Handling
from alerts.lifecycle import STALE, Move, dedup_key, fired, levelled, number_text, resolved, revalued, silent
from alerts.model import Alert, Level
from alerts.sensors import Sensors
from alerts.slots import SlotState, SlotTable
from geodata.clock import epoch_ms, from_epoch_ms

VALUE_REFRESH_MS = 10_000
Slots = npt.NDArray[np.intp]


class Draft(Conditions):
    """Changes over a copy of the open alerts; what has been told is marked in the state given."""

    def __init__(
        self,
        table: SlotTable,
        state: SlotState,
        sensors: Sensors,
        alerts: Mapping[str, Alert],
        exercise: str,
        now: datetime,
        recent: Mapping[str, Alert] | None = None,
        handling: Handling | None = None,
    ) -> None:
        super().__init__(alerts, recent or {}, handling or Handling(), now)
        self.moved: set[int] = set()
        self._table, self._state, self._sensors = table, state, sensors
        self._exercise, self._now_ms = exercise, epoch_ms(now)

    def _move(self, slot: int, level: Level, value: float | None, since_ms: int) -> Move:
        rule, sensor = self._table.rules[self._table.rule_of[slot]], self._sensors[int(self._table.sensor_of[slot])]
        is_partial = bool(self._state.partial[slot])
        return Move(rule, sensor, level, value, from_epoch_ms(since_ms), self._exercise, is_partial)

    def move(self, slot: int, level: Level, value: float, since_ms: int) -> None:
        move = self._move(slot, level, value, since_ms)
        alert = self.open.get(dedup_key(move.rule.id, move.sensor.id, self._exercise))
        self._state.told_ms[slot] = self._now_ms
        self.moved.add(slot)
        if level and alert is None:
            self.take(fired(move, self._now))
        elif level and alert is not None and alert.level != level:
            self.take(levelled(alert, move, self._now))
        elif level and alert is not None and alert.held is not None:  # chattering, and there again: with its value
            again = revalued(alert, move.rule, move.sensor, value, self._now, move.is_partial)
            self.take(replace(again, alert=replace(again.alert, held=None, flapped_at=self._now)))
        elif alert is not None and not level:
            why = f"读数回落:{number_text(value, move.rule.unit)}"
            self.take(resolved(alert, why, self._now, value))

    def refresh(self, slots: Slots) -> None:
        """A newer value for open alerts, at most every `VALUE_REFRESH_MS` each."""
        for slot in slots[self._now_ms - self._state.told_ms[slots] >= VALUE_REFRESH_MS].tolist():
            value = float(self._state.last_value[slot])
            move = self._move(slot, Level(int(self._state.level[slot])), value, 0)
            alert = self.open.get(dedup_key(move.rule.id, move.sensor.id, self._exercise))
            self._state.told_ms[slot] = self._now_ms
            if alert is not None and alert.value != value:
                self.take(revalued(alert, move.rule, move.sensor, value, self._now, move.is_partial))

    def fell_silent(self, slots: Slots) -> None:
        for slot in slots.tolist():
            value = float(self._state.last_value[slot])
            move = self._move(slot, Level.BLUE, None if np.isnan(value) else value, int(self._state.last_ms[slot]))
            self._state.stale[slot] = True
            if dedup_key(move.rule.id + STALE, move.sensor.id) not in self.open:
                self.take(silent(move, self._now))

    def spoke_again(self, slots: Slots) -> None:
        for slot in slots.tolist():
            move = self._move(slot, Level.NONE, float(self._state.last_value[slot]), 0)
            alert = self.open.get(dedup_key(move.rule.id + STALE, move.sensor.id))
            self._state.stale[slot] = False
            if alert is not None:
                self.take(resolved(alert, "恢复上报", self._now, move.value))
