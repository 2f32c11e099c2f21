"""Rules tried against readings of the past: what would have fired. The same kernel as in force; nothing is stored."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from alerts.compiled import THRESHOLD
from alerts.ports import ReadingBatch
from alerts.rules import SERIES_KINDS, Rule
from alerts.sensors import Sensors
from alerts.slots import SlotState, SlotTable, build_slots, in_observed_order, passed, stepped
from alerts.trial_found import MOST_STEPS, try_found
from alerts.trial_past import NOTHING_REPORTED, Past
from alerts.trial_result import MOST_EPISODES, MOST_MOVES, Episode, OpenEpisode, Tally, Trial
from geodata.clock import epoch_ms

__all__ = ["MOST_EPISODES", "Episode", "Past", "Trial", "try_rules"]

MOST_READINGS = 5_000_000
_TICKS = 1_000  # that the time tried is cut into, at most one every ten seconds
_LEAST_TICK_MS = 10_000


def try_rules(
    rules: Sequence[Rule],
    sensors: Sensors,
    batches: Iterable[ReadingBatch],
    since: datetime,
    until: datetime,
    past: Past = NOTHING_REPORTED,
) -> dict[str, Trial]:
    """What each rule, switched on or not, would have done from `since` to `until`.

    `batches` come in time order within a quantity, `past` brings what spatial rules judge. What came before `since`
    only fills windows and holds: what began with it is not counted as fired. Work is bounded: `truncated` says where
    it ended.
    """
    heard = list(batches)
    tried = [replace(rule, enabled=True) for rule in rules]
    series = [rule for rule in tried if rule.kind in SERIES_KINDS]
    runs = {
        quantity: _Run(build_slots(series, quantity, sensors), sensors, epoch_ms(since), epoch_ms(until))
        for quantity in dict.fromkeys(rule.quantity for rule in series)
    }
    left = MOST_READINGS
    for batch in heard:
        run = runs.get(batch.quantity)
        if run is None or not len(run.table.rule_of) or run.cut_ms is not None:
            continue
        left -= len(batch.sensor_no)
        if left < 0 or run.moves > MOST_MOVES:
            run.cut_ms = run.now_ms
            continue
        run.take(batch)
    found = {trial.rule_id: trial for run in runs.values() for trial in run.finish()}
    others = [rule for rule in tried if rule.id not in found]
    for rule in others:
        found[rule.id] = try_found(rule, sensors, heard, since, until, past, MOST_STEPS // len(others))
    return {rule.id: found[rule.id] for rule in rules}


class _Run:
    """The rules of one quantity on their way through time."""

    def __init__(self, table: SlotTable, sensors: Sensors, since_ms: int, until_ms: int) -> None:
        self.table, self.sensors, self.since_ms, self.until_ms = table, sensors, since_ms, until_ms
        self.state = SlotState.fresh(len(table.rule_of))
        self.every_ms = max(_LEAST_TICK_MS, (until_ms - since_ms) // _TICKS)
        self.now_ms = since_ms
        self.cut_ms: int | None = None
        self.moves = 0
        self.open: dict[int, OpenEpisode] = {}
        self.tallies = [Tally() for _ in table.rules]

    def take(self, batch: ReadingBatch) -> None:
        """The batch in parts, with the clock ticking in between."""
        ordered = in_observed_order(batch)
        end = int(np.searchsorted(ordered.observed_ms, self.until_ms, side="right"))
        begin = 0
        while begin < end:
            first_ms = int(ordered.observed_ms[begin])
            self._tick_until(first_ms)
            next_ms = max(self.now_ms, first_ms) + self.every_ms
            stop = int(np.searchsorted(ordered.observed_ms[:end], next_ms, side="left"))
            self._step(_part(ordered, begin, stop))
            begin = stop

    def finish(self) -> list[Trial]:
        """Time passes to the end; then the figures."""
        if self.cut_ms is None:
            self._tick_until(self.until_ms)
        still = Counter(int(self.table.rule_of[slot]) for slot in self.open)
        for slot, one in self.open.items():
            self._note(slot, one, None)
        watched = Counter(self.table.rule_of.tolist())
        return [
            tally.trial(rule.id, still[index], watched[index], self.cut_ms)
            for index, (rule, tally) in enumerate(zip(self.table.rules, self.tallies, strict=True))
        ]

    def _tick_until(self, ms: int) -> None:
        while self.now_ms + self.every_ms <= ms:
            self.now_ms += self.every_ms
            for slot, level, value, _ in passed(self.table, self.state, self.now_ms, self.since_ms):
                self._move(slot, level, value, self.now_ms)

    def _step(self, part: ReadingBatch) -> None:
        before = self.state
        self.state, moves = stepped(self.table, before, part)
        inside = part.observed_ms >= self.since_ms
        heard = np.bincount(part.sensor_no[inside], minlength=len(self.table.first))[self.table.sensor_of]
        for rule, count in enumerate(np.bincount(self.table.rule_of, heard, len(self.table.rules)).tolist()):
            self.tallies[rule].readings += int(count)
        furthest = self._furthest(part)
        for (slot, _, level, ms, _), value in zip(moves.table.tolist(), moves.values.tolist(), strict=True):
            self._move(slot, level, value, ms)
        for slot in np.flatnonzero(self.state.last_ms > before.last_ms).tolist() if self.open else ():
            if slot in self.open:
                self._look(slot, float(furthest[slot]))

    def _furthest(self, part: ReadingBatch) -> npt.NDArray[np.float64]:
        """By slot, the value furthest out in this part; of what is no plain threshold, the last one judged."""
        table, signed = self.table, np.full(len(self.table.first), -np.inf)
        low = signed.copy()
        inside = (part.sensor_no >= 0) & (part.sensor_no < len(signed))
        np.maximum.at(signed, part.sensor_no[inside], part.value[inside])
        np.maximum.at(low, part.sensor_no[inside], -part.value[inside])
        of_reading = np.where(table.terms.sign[table.rule_of] > 0, signed[table.sensor_of], -low[table.sensor_of])
        return np.where(table.terms.kind[table.rule_of] == THRESHOLD, of_reading, self.state.last_value)

    def _move(self, slot: int, level: int, value: float, ms: int) -> None:
        one, tally = self.open.get(slot), self.tallies[self.table.rule_of[slot]]
        self.moves += 1
        if one is None and level:
            counts = ms >= self.since_ms
            self.open[slot] = OpenEpisode(level, ms, value, counts)
            tally.fired += counts
        elif one is not None and level:
            one.level = max(one.level, level)
            self._look(slot, value)
        elif one is not None:
            self._note(slot, one, ms)
            del self.open[slot]

    def _look(self, slot: int, value: float) -> None:
        one, sign = self.open[slot], self.table.terms.sign[self.table.rule_of[slot]]
        if one.peak is None or value * sign > one.peak * sign:
            one.peak = value

    def _note(self, slot: int, one: OpenEpisode, ended_ms: int | None) -> None:
        sensor = self.sensors[int(self.table.sensor_of[slot])]
        self.tallies[self.table.rule_of[slot]].note(sensor.id, one, ended_ms)


def _part(batch: ReadingBatch, begin: int, end: int) -> ReadingBatch:
    rows = slice(begin, end)
    return replace(batch, sensor_no=batch.sensor_no[rows], value=batch.value[rows], observed_ms=batch.observed_ms[rows])
