"""Readings to alert changes: the kernel over each quantity, the lifecycle, one transaction, then the history."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from alerts.draft import Draft
from alerts.engine_load import restore_groups
from alerts.kernel import matured
from alerts.lifecycle import resolved
from alerts.model import Alert, AlertChange, Level
from alerts.ports import AlertStore, ReadingBatch, ReadingStore
from alerts.rules import RuleSet
from alerts.sensors import SensorInfo, Sensors
from alerts.slots import NEVER, SlotState, SlotTable, build_slots, in_observed_order, stepped
from geodata.clock import epoch_ms
from geodata.errors import Conflict

__all__ = ["RuleEngine", "SensorInfo", "StepResult"]
Fence = tuple[str, int] | None
Group = tuple[str, str]  # quantity, exercise


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step did: alert changes committed, readings older than known ones, (rule, sensor) comparisons made."""

    changes: list[AlertChange]
    late: int
    evaluated: int


class RuleEngine:
    """One engine; not for several threads at once. Call `load()` before the first step.

    Nothing in memory moves before the store has committed: when `apply` raises, the step can simply be made again.
    """

    def __init__(
        self,
        rules: RuleSet,
        sensors: Sensors,
        store: AlertStore,
        readings: ReadingStore,
        clock: Callable[[], datetime],
    ) -> None:
        self._rules, self._sensors = rules, sensors
        self._store, self._readings, self._clock = store, readings, clock
        self._tables: dict[str, SlotTable] = {}
        self._states: dict[Group, SlotState] = {}
        self._open: dict[str, Alert] = {}
        self._loaded_ms = NEVER
        self._must_load = True

    def load(self) -> None:
        """Take the state from the stores: rule states, open alerts, and the latest readings they were made from."""
        quantities = {rule.quantity for rule in self._rules.active}
        self._tables = {quantity: build_slots(self._rules.rules, quantity, self._sensors) for quantity in quantities}
        self._open = {alert.dedup_key: alert for alert in self._store.open_alerts()}
        self._states = restore_groups(
            self._tables, self._sensors, self._store.rule_states(), self._readings.latest(), self._open
        )
        self._loaded_ms = epoch_ms(self._clock())
        self._must_load = False

    def open_alerts(self) -> list[Alert]:
        """The rule alerts this engine holds open (acknowledgements live in the store)."""
        return list(self._open.values())

    def exercises(self) -> set[str]:
        """The drills that have left a state or an open alert."""
        marked = (key.partition(":exercise:")[2] for key in self._open)
        return {name for name in (*marked, *(group[1] for group in self._states)) if name}

    def step(self, batch: ReadingBatch, now: datetime, fence: Fence = None) -> StepResult:
        """Evaluate, commit the changes, then store the readings. Made again after a crash, it changes nothing."""
        if self._must_load:
            self.load()
        table = self._tables.get(batch.quantity)
        if table is None or not len(table.rule_of):
            self._readings.add(batch)
            return StepResult([], 0, 0)
        ordered = in_observed_order(batch)
        group = (batch.quantity, batch.exercise)
        before = self._states.get(group) or SlotState.fresh(len(table.rule_of))
        after, moves = stepped(table, before, ordered)
        draft = Draft(table, after, self._sensors, self._open, batch.exercise, now)
        for slot, _, level, ms, row in moves.table.tolist():
            since_ms = int(after.since_ms[slot, level]) if level else ms
            draft.move(slot, Level(level), float(ordered.value[row]), since_ms if since_ms > 0 else ms)
        draft.spoke_again(np.flatnonzero(before.stale & (after.last_ms > before.last_ms)))
        draft.refresh(np.flatnonzero((after.level > 0) & (after.last_ms > before.last_ms)))
        self._commit(group, before, after, draft, fence)
        self._readings.add(batch)
        return StepResult(draft.changes, moves.late, moves.evaluated)

    def tick(self, now: datetime, fence: Fence = None) -> StepResult:
        """What time alone brings: holds that have passed, sensors fallen silent, warnings that have expired."""
        if self._must_load:
            self.load()
        changes: list[AlertChange] = []
        for group, before in list(self._states.items()):
            table, after = self._tables[group[0]], before.copy()
            draft = Draft(table, after, self._sensors, self._open, group[1], now)
            slots, levels = matured(
                epoch_ms(now), table.rule_of, table.hold_ms, table.patience_ms,
                after.level, after.since_ms, after.last_ms,
            )  # fmt: skip
            for slot, level in zip(slots.tolist(), levels.tolist(), strict=True):
                after.level[slot] = level
                draft.move(slot, Level(level), float(after.last_value[slot]), int(after.since_ms[slot, level]))
            if not group[1]:  # a drill that is over has not fallen silent
                draft.fell_silent(self._silent_slots(table, after, epoch_ms(now)))
            if draft.changes:
                self._commit(group, before, after, draft, fence)
                changes += draft.changes
        return StepResult(changes + self._expire(now, fence), 0, 0)

    def end_exercise(self, exercise: str, now: datetime, fence: Fence = None) -> StepResult:
        """Resolve every alert of a drill and forget its state, so that it can be held again."""
        if self._must_load:
            self.load()
        suffix = f":exercise:{exercise}"
        ended = [alert for key, alert in self._open.items() if key.endswith(suffix)]
        changes = [resolved(alert, "演练结束", now) for alert in ended]
        states: dict[tuple[str, int], dict[str, Any]] = {}
        for group, state in self._states.items():
            if group[1] == exercise:
                blank = SlotState.fresh(1).plain(0)
                told = np.flatnonzero((state.since_ms >= 0).any(axis=1) | (state.level > 0))
                states |= {state_key(self._tables[group[0]], slot, exercise): blank for slot in told.tolist()}
        self._apply(changes, states, fence)
        self._states = {group: state for group, state in self._states.items() if group[1] != exercise}
        self._open = {key: alert for key, alert in self._open.items() if not key.endswith(suffix)}
        return StepResult(changes, 0, 0)

    def _silent_slots(self, table: SlotTable, state: SlotState, now_ms: int) -> npt.NDArray[np.intp]:
        limit = table.stale_ms[table.rule_of]
        heard = np.maximum(state.last_ms, self._loaded_ms)  # what waited while the engine was away counts as heard
        watched = (limit > 0) & (state.last_ms > NEVER) & ~state.stale
        return np.flatnonzero(watched & (now_ms - heard > limit))

    def _expire(self, now: datetime, fence: Fence) -> list[AlertChange]:
        over = [
            resolved(alert, "已到失效时间", now)
            for alert in self._store.open_alerts()
            if alert.source == "cap" and alert.expires_at is not None and alert.expires_at <= now
        ]
        if over:
            self._apply(over, {}, fence)
        return over

    def _commit(self, group: Group, before: SlotState, after: SlotState, draft: Draft, fence: Fence) -> None:
        """Store the changes with the state of every slot that moved or whose waiting began or ended; then adopt it."""
        table = self._tables[group[0]]
        changed = (before.since_ms != after.since_ms).any(axis=1) | (before.level != after.level)
        slots = draft.moved.union(np.flatnonzero(changed).tolist())
        self._apply(draft.changes, {state_key(table, slot, group[1]): after.plain(slot) for slot in slots}, fence)
        self._states[group] = after
        self._open = draft.open

    def _apply(self, changes: list[AlertChange], rows: dict[tuple[str, int], dict[str, Any]], fence: Fence) -> None:
        if not changes and not rows:
            return
        try:
            self._store.apply(changes, rows, fence)
        except Conflict:
            self._must_load = True  # somebody else wrote: start from what is stored
            raise


def state_key(table: SlotTable, slot: int, exercise: str) -> tuple[str, int]:
    """The key of a slot's stored state; a drill's has its name behind an @."""
    rule_id, sensor_no = table.key(slot)
    return (f"{rule_id}@{exercise}" if exercise else rule_id), sensor_no
