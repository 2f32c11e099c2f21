"""Readings to alert changes: the kernel over each quantity, the lifecycle, one transaction, then the history."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from alerts.chatter import pruned, recently_over
from alerts.draft import Draft
from alerts.engine_load import restore_groups
from alerts.evaluators import Evaluator, Outcome, Rows, Stored
from alerts.findings import FindingDraft
from alerts.handling import Handling
from alerts.lifecycle import DRILL_OVER, EXPIRED, resolved
from alerts.model import Alert, AlertChange, Level
from alerts.ports import AlertStore, ReadingBatch, ReadingStore
from alerts.retired import retired_alerts, retired_states
from alerts.rules import RuleSet
from alerts.sensors import SensorInfo, Sensors
from alerts.slot_step import Group, SlotStep, state_key
from alerts.slots import NEVER, Moves, SlotState, SlotTable, build_slots, in_observed_order, passed, stepped
from geodata.clock import epoch_ms
from geodata.errors import Conflict

__all__ = ["RuleEngine", "SensorInfo", "StepResult"]
Fence = tuple[str, int] | None
Observed = tuple[Evaluator, Outcome | None]


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step did: alert changes committed, readings older than known ones, (rule, sensor) comparisons made;
    the drills that reports came in for."""

    changes: list[AlertChange]
    late: int
    evaluated: int
    drills: frozenset[str] = frozenset()


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
        evaluators: Sequence[Evaluator] = (),
        handling: Handling | None = None,
    ) -> None:
        self._rules, self._sensors = rules, sensors
        self._store, self._readings, self._clock = store, readings, clock
        self._evaluators = tuple(evaluators)
        self._tables: dict[str, SlotTable] = {}
        self._states: dict[Group, SlotState] = {}
        self._handling = handling or Handling()
        self._open: dict[str, Alert] = {}
        self._recent: dict[str, Alert] = {}  # ended lately: their conditions may come back
        self._loaded_ms = NEVER
        self._must_load = True

    def load(self) -> None:
        """Take the state from the stores: rule states, open alerts, and the latest readings they were made from."""
        quantities = {rule.quantity for rule in self._rules.active}
        self._tables = {quantity: build_slots(self._rules.rules, quantity, self._sensors) for quantity in quantities}
        self._open = {alert.dedup_key: alert for alert in self._store.open_alerts()}
        self._recent = recently_over(self._store, self._handling, self._clock())
        stored = Stored(self._store.rule_states(), self._readings.latest(), self._open)
        self._states = restore_groups(
            self._tables, self._sensors, stored.rows, stored.latest, self._open, self._readings.window, self._clock()
        )
        for evaluator in self._evaluators:
            evaluator.restore(stored, self._clock())
        self._loaded_ms = epoch_ms(self._clock())
        self._must_load = False

    def retire(self, now: datetime, fence: Fence = None) -> StepResult:
        """End what rules have raised that are no longer in force; `load` belongs after it."""
        changes = retired_alerts(self._rules, self._sensors, self._store.open_alerts(), now)
        self._apply(changes, retired_states(self._rules, self._sensors, self._store.rule_states()), fence)
        return StepResult(changes, 0, 0)

    def open_alerts(self) -> list[Alert]:
        """The rule alerts this engine holds open (acknowledgements live in the store)."""
        return list(self._open.values())

    def adopt(self, changes: Iterable[AlertChange]) -> None:
        """What time has done to alerts and is committed."""
        for key, alert in ((change.alert.dedup_key, change.alert) for change in changes):
            if key in self._open and alert.resolved_at is not None:
                del self._open[key]
                self._recent[key] = alert
            elif key in self._open:
                self._open[key] = alert

    def exercises(self) -> set[str]:
        """The drills that have left a state or an open alert."""
        marked = (key.partition(":exercise:")[2] for key in self._open)
        found = {name for name in (*marked, *(group[1] for group in self._states)) if name}
        return found.union(*(evaluator.exercises() for evaluator in self._evaluators))

    def step(self, batch: ReadingBatch, now: datetime, fence: Fence = None) -> StepResult:
        """Evaluate, commit the changes, then store the readings. Made again after a crash, it changes nothing."""
        if self._must_load:
            self.load()
        ordered = in_observed_order(batch)
        slots, moves = self._step_slots(ordered, now)
        observed = [(one, one.observe(ordered, now)) for one in self._evaluators if one.watches(batch.quantity)]
        changes = self._commit(slots, observed, now, fence)
        self._readings.add(batch)
        return StepResult(changes, moves.late if moves else 0, moves.evaluated if moves else 0)

    def _step_slots(self, batch: ReadingBatch, now: datetime) -> tuple[SlotStep | None, Moves | None]:
        table = self._tables.get(batch.quantity)
        if table is None or not len(table.rule_of):
            return None, None
        group = (batch.quantity, batch.exercise)
        before = self._states.get(group) or SlotState.fresh(len(table.rule_of))
        after, moves = stepped(table, before, batch)
        draft = Draft(table, after, self._sensors, self._open, batch.exercise, now, self._recent, self._handling)
        for (slot, _, level, ms, _), value in zip(moves.table.tolist(), moves.values.tolist(), strict=True):
            since_ms = int(after.since_ms[slot, level]) if level else ms
            draft.move(slot, Level(level), value, since_ms if since_ms > 0 else ms)
        draft.spoke_again(np.flatnonzero(before.stale & (after.last_ms > before.last_ms)))
        draft.refresh(np.flatnonzero((after.level > 0) & (after.last_ms > before.last_ms)))
        return SlotStep(group, table, before, after, draft), moves

    def tick(self, now: datetime, fence: Fence = None) -> StepResult:
        """What time alone brings: holds that have passed, sensors fallen silent, warnings that have expired."""
        if self._must_load:
            self.load()
        changes: list[AlertChange] = []
        for group, before in list(self._states.items()):
            table, after = self._tables[group[0]], before.copy()
            draft = Draft(table, after, self._sensors, self._open, group[1], now, self._recent, self._handling)
            for slot, level, value, since_ms in passed(table, after, epoch_ms(now), self._loaded_ms, not group[1]):
                draft.move(slot, Level(level), value, since_ms)
            if not group[1]:  # a drill that is over has not fallen silent
                draft.fell_silent(self._silent_slots(table, after, epoch_ms(now)))
            if draft.changes or draft.moved:
                changes += self._commit(SlotStep(group, table, before, after, draft), (), now, fence)
        drills: set[str] = set()
        for evaluator in self._evaluators:
            outcome = evaluator.tick(now)
            changes += self._commit(None, [(evaluator, outcome)], now, fence)
            drills.update(found.exercise for found in (outcome.findings if outcome else ()) if found.level)
        return StepResult(changes + self._expire(now, fence), 0, 0, frozenset(drills - {""}))

    def end_exercise(self, exercise: str, now: datetime, fence: Fence = None) -> StepResult:
        """Resolve every alert of a drill and forget its state, so that it can be held again."""
        if self._must_load:
            self.load()
        suffix = f":exercise:{exercise}"
        ended = [alert for key, alert in self._open.items() if key.endswith(suffix)]
        changes = [resolved(alert, DRILL_OVER, now) for alert in ended]
        states: Rows = {}
        for group, state in self._states.items():
            if group[1] == exercise:
                blank = SlotState.fresh(1).plain(0)
                told = np.flatnonzero((state.since_ms >= 0).any(axis=1) | (state.level > 0))
                states |= {state_key(self._tables[group[0]], slot, exercise): blank for slot in told.tolist()}
        forgotten = [(one, one.forget(exercise)) for one in self._evaluators]
        for _, outcome in forgotten:
            states |= outcome.rows if outcome is not None else {}
        self._apply(changes, states, fence)
        for evaluator, outcome in forgotten:
            if outcome is not None:
                evaluator.adopt(outcome)
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
            resolved(alert, EXPIRED, now)
            for alert in self._store.open_alerts()
            if alert.expires_at is not None and alert.expires_at <= now
        ]
        if over:
            self._apply(over, {}, fence)
        return over

    def _commit(
        self, slots: SlotStep | None, observed: Iterable[Observed], now: datetime, fence: Fence
    ) -> list[AlertChange]:
        """Store every change with the state that belongs to it, in one transaction; only then adopt both."""
        changes = list(slots.draft.changes) if slots else []
        rows: Rows = slots.rows() if slots else {}
        opened, recent = (slots.draft.open, slots.draft.recent) if slots else (self._open, self._recent)
        told = [(evaluator, outcome) for evaluator, outcome in observed if outcome is not None]
        if told:
            findings = FindingDraft(opened, now, recent, self._handling)
            for _, outcome in told:
                findings.add_all(outcome.findings)
                rows |= outcome.rows
            changes += findings.changes
            opened, recent = findings.open, findings.recent
        self._apply(changes, rows, fence)
        if slots:
            self._states[slots.group] = slots.after
        self._open, self._recent = opened, pruned(recent, self._handling, now)
        for evaluator, outcome in told:
            evaluator.adopt(outcome)
        return changes

    def _apply(self, changes: list[AlertChange], rows: Rows, fence: Fence) -> None:
        if not changes and not rows:
            return
        try:
            self._store.apply(changes, rows, fence)
        except Conflict:
            self._must_load = True  # somebody else wrote: start from what is stored
            raise
