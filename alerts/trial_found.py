"""Rules over several sensors, reports or a river, tried against the past: the engine's own evaluators, led through
time moment by moment, with a tick wherever time alone may bring something."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from alerts.combination import CombinationSpec
from alerts.evaluators import Evaluator, Finding, Outcome, Stored
from alerts.numbered import QUANTITY
from alerts.numbering import NumberingSpec
from alerts.ports import ReadingBatch
from alerts.quantities import QUANTITIES
from alerts.rule_evaluators import build_evaluators
from alerts.rules import SERIES_KINDS, Rule, RuleSet
from alerts.sensors import Sensors
from alerts.sightings import Sighting
from alerts.spatial import SpatialSpec
from alerts.trial_past import Past, PastReports
from alerts.trial_result import MOST_MOVES, OpenEpisode, Tally, Trial
from geodata.clock import epoch_ms, from_epoch_ms
from hazards.river import RENUMBER_AFTER

MOST_STEPS = 100_000  # moments and ticks, shared among the rules tried
LONGEST_LEAD_S = 3 * 86_400.0
_FAR = 2**62
Moment = tuple[int, ReadingBatch | None]  # None: reports have come in


def try_found(
    rule: Rule,
    sensors: Sensors,
    batches: Sequence[ReadingBatch],
    since: datetime,
    until: datetime,
    past: Past,
    steps: int,
) -> Trial:
    """What `rule`, of a kind that the kernel does not judge, would have done from `since` to `until`, in at most so
    many steps."""
    reports = PastReports(_of_rule(rule, past))
    evaluators = build_evaluators(RuleSet((rule,)), sensors, past.places, reports)
    if not evaluators:
        return Trial(rule.id, 0, {}, (), 0, 0, 0, f"这类规则({rule.kind})没有可试算的内容")
    run = _Run(evaluators[0], sensors, reports, since, until, past.exercise)
    run.most_steps = steps
    run.go(run.moments(batches))
    return run.trial()


def quantities_of(rule: Rule) -> tuple[str, ...]:
    """The quantities whose readings `rule` judges."""
    if isinstance(rule.spec, CombinationSpec):
        return tuple(dict.fromkeys(one.quantity for one in rule.spec.conditions))
    if isinstance(rule.spec, NumberingSpec):
        return (QUANTITY,)
    return (rule.quantity,) if rule.kind in SERIES_KINDS else ()


def lead_s(rule: Rule) -> float:
    """How long before the time tried a rule must be led through the past, so that it knows what it would have known."""
    found = 0.0
    if isinstance(rule.spec, CombinationSpec):
        found = max(one.hold_s + one.max_age_s for one in rule.spec.conditions)
    elif isinstance(rule.spec, NumberingSpec):
        found = RENUMBER_AFTER.total_seconds() + 3_600.0
    elif isinstance(rule.spec, SpatialSpec):
        found = 2 * rule.spec.merge_s
    return min(max((found, *(step.window_s for step in rule.levels))), LONGEST_LEAD_S)


def peak_unit(rule: Rule) -> str:
    """The unit of `Episode.peak`."""
    if isinstance(rule.spec, SpatialSpec):
        return "起"
    return QUANTITIES[QUANTITY].unit if isinstance(rule.spec, NumberingSpec) else rule.unit


def _of_rule(rule: Rule, past: Past) -> list[Sighting]:
    if not isinstance(rule.spec, SpatialSpec):
        return []
    return [one for one in past.reports if one.kind == rule.spec.of and one.exercise == past.exercise]


def _watched(rule: Rule, sensors: Sensors) -> dict[str, set[int]]:
    """By quantity, the numbers of the sensors whose readings count."""
    found: dict[str, set[int]] = {}
    if isinstance(rule.spec, CombinationSpec):
        for one in rule.spec.conditions:
            taken = {no for no, sensor in sensors.items() if one.sensors.takes(sensor, one.quantity)}
            found.setdefault(one.quantity, set()).update(taken)
    elif isinstance(rule.spec, NumberingSpec):
        found[QUANTITY] = {no for no, sensor in sensors.items() if sensor.id == rule.spec.station}
    return found


def _least_wait_ms(rule: Rule) -> int:
    """Nothing that comes in brings anything by time alone sooner than this."""
    if isinstance(rule.spec, CombinationSpec):
        conditions = rule.spec.conditions
        waits = [one.max_age_s for one in conditions] + [one.hold_s for one in conditions if one.hold_s]
        return math.floor(min(waits) * 1000)
    return math.floor(rule.spec.merge_s * 1000) if isinstance(rule.spec, SpatialSpec) else _FAR


class _Run:
    """One rule on its way through time."""

    def __init__(
        self, evaluator: Evaluator, sensors: Sensors, reports: PastReports, since: datetime, until: datetime, drill: str
    ) -> None:
        self.evaluator, self.reports, self.drill = evaluator, reports, drill
        self.since_ms, self.until_ms = epoch_ms(since), epoch_ms(until)
        self.watched = _watched(evaluator.rule, sensors)
        self.least_ms = _least_wait_ms(evaluator.rule)
        self.due_ms = self.now_ms = 0  # nothing is due before
        self.cut_ms: int | None = None
        self.steps, self.most_steps, self.moves = 0, MOST_STEPS, 0
        self.open: dict[str, OpenEpisode] = {}
        self.places: dict[str, str] = {}
        self.tally = Tally()

    def moments(self, batches: Sequence[ReadingBatch]) -> list[Moment]:
        """Everything that came in and matters, in order; readings of one moment quantity by quantity."""
        found = list[tuple[int, int, Moment]]()
        for place, quantity in enumerate(self.watched):
            numbers = np.array(sorted(self.watched[quantity]), np.int32)
            of_it = [one for one in batches if one.quantity == quantity and one.exercise == self.drill]
            for one in of_it:
                found += [(ms, place, (ms, part)) for ms, part in _moments_of(one, numbers)]
        found += [(ms, 0, (ms, None)) for ms in sorted(set(self.reports.came_ms.tolist()))] if self.reports.kept else []
        return [moment for *_, moment in sorted(found, key=lambda one: one[:2])]

    def go(self, moments: Sequence[Moment]) -> None:
        """Through all of `moments`, then to the end, as far as the work is bounded."""
        begin_ms = min(moments[0][0] if moments else self.since_ms, self.since_ms)
        self.now_ms = self.due_ms = begin_ms
        self.evaluator.restore(Stored({}, {}, {}), from_epoch_ms(begin_ms) - timedelta(milliseconds=1))
        for ms, part in moments:
            if ms > self.until_ms or not self._pass_until(ms):
                break
            self._come(ms, part)
            self.due_ms = min(self.due_ms, ms + self.least_ms)
        self._pass_until(self.until_ms)

    def trial(self) -> Trial:
        for key, one in self.open.items():
            self.tally.note(self.places[key], one, None)
        sensors = len(set().union(*self.watched.values()))
        return self.tally.trial(self.evaluator.rule.id, len(self.open), sensors, self.cut_ms)

    def _come(self, ms: int, part: ReadingBatch | None) -> None:
        self.now_ms, now = ms, from_epoch_ms(ms)
        inside = ms >= self.since_ms
        if part is not None:
            self.tally.readings += inside * len(part.sensor_no)
            self._take(self.evaluator.observe(part, now))
            return
        self.tally.readings += inside * int((self.reports.came_ms == ms).sum())
        self.reports.hear_until(ms)
        while self._take(self.evaluator.tick(now)):  # as many at once as the engine takes, until none is left
            pass

    def _pass_until(self, ms: int) -> bool:
        """The ticks that are due by then, before anything comes in at that moment. Whether there is work left to do."""
        while self.due_ms <= ms and self.steps <= self.most_steps:
            due = self.evaluator.due_ms(self.now_ms)
            if due is None or due > ms:
                self.due_ms = _FAR if due is None else due
                break
            self.due_ms = self.now_ms = due
            self.steps += 1
            self._take(self.evaluator.tick(from_epoch_ms(due)))
        self.steps += 1
        if self.cut_ms is None and (self.steps > self.most_steps or self.moves > MOST_MOVES):
            self.cut_ms = self.now_ms
        return self.cut_ms is None

    def _take(self, outcome: Outcome | None) -> bool:
        if outcome is None:
            return False
        self.evaluator.adopt(outcome)
        for finding in outcome.findings:
            if finding.exercise == self.drill:
                self._move(finding)
        return True

    def _move(self, finding: Finding) -> None:
        """As `alerts.findings` does with the alerts."""
        key, level = finding.key, int(finding.level)
        one = self.open.get(key)
        self.moves += 1
        if one is None and level and finding.is_news:
            one = self.open[key] = OpenEpisode(level, self.now_ms, finding.value, self.now_ms >= self.since_ms)
            self.places[key] = finding.sensor or finding.place or key
            self.tally.fired += one.counts
        elif one is not None and level:
            one.level = max(one.level, level)
            one.peak = max((value for value in (one.peak, finding.value) if value is not None), default=None)
        elif one is not None:
            self.tally.note(self.places[key], one, self.now_ms)
            del self.open[key]


def _moments_of(batch: ReadingBatch, numbers: npt.NDArray[np.int32]) -> Iterator[tuple[int, ReadingBatch]]:
    """(moment, its readings) of the sensors `numbers`; of two readings of a sensor at one moment the first counts."""
    mine = np.flatnonzero(np.isin(batch.sensor_no, numbers))
    mine = mine[np.argsort(batch.observed_ms[mine], kind="stable")]
    ms = batch.observed_ms[mine]
    bounds = np.flatnonzero(np.diff(ms, prepend=ms[:1] - 1, append=ms[-1:] + 1)).tolist() if len(ms) else []
    for begin, end in pairwise(bounds):
        rows = mine[begin:end]
        part = replace(
            batch, sensor_no=batch.sensor_no[rows], value=batch.value[rows], observed_ms=batch.observed_ms[rows]
        )
        yield int(ms[begin]), part
