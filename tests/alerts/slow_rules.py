"""One (rule, sensor) pair told the slow way, from all its readings in order: what the kernel must equal."""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

from alerts.rules import LevelStep, Rule
from alerts.series_rules import RateSpec, WindowSpec

Reading = tuple[int, float]  # ms, value
NEVER = -(10**18)


def exact(value: float) -> Fraction:
    """The decimal number that was meant."""
    return Fraction(str(value))


def windowed(spec: WindowSpec, readings: list[Reading], window_ms: int) -> tuple[Fraction, bool]:
    """(measure of the window up to the last reading, covered)."""
    end = readings[-1][0]
    begin, known, amount, inside = end - window_ms, 0, Fraction(0), []
    gap_ms = round(spec.max_gap_s * 1000)
    for place, (ms, value) in enumerate(readings):
        if ms <= begin:
            continue
        inside.append(exact(value))
        if place == 0:
            continue
        earlier, before = readings[place - 1]
        is_whole = ms - earlier <= gap_ms
        part_ms = ms - max(earlier, begin)
        known += part_ms if is_whole else 0
        if spec.measure == "integral" and is_whole:
            amount += exact(value) * part_ms
        if spec.measure == "increase" and (is_whole or earlier >= begin):
            amount += exact(value) - exact(before) if value >= before else exact(value)
    total = {
        "sum": sum(inside, Fraction(0)),
        "mean": sum(inside, Fraction(0)) / len(inside),
        "max": max(inside),
        "increase": amount,
        "integral": amount / (1000 * exact(spec.per_s)),
    }[spec.measure]
    return total, known >= spec.min_coverage * window_ms


def slope(rule: Rule, spec: RateSpec, readings: list[Reading]) -> tuple[Fraction | None, bool]:
    end, last = readings[-1]
    inside = [(ms - end, exact(value) - exact(last)) for ms, value in readings if ms >= end - spec.window_s * 1000]
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(inside)]
    if len(inside) < spec.min_points or -inside[0][0] < max(spec.min_span_s * 1000, 1):
        return None, False
    if max(gaps) > spec.max_gap_s * 1000:
        return None, False
    n, x_sum, y_sum = len(inside), sum(x for x, _ in inside), sum((y for _, y in inside), Fraction(0))
    xy, xx = sum((x * y for x, y in inside), Fraction(0)), sum(x * x for x, _ in inside)
    found = (n * xy - x_sum * y_sum) / (n * xx - x_sum * x_sum) * 1000 * exact(spec.per_s)
    found = -found if rule.direction == "falling" else found
    return Fraction(round(found * 10**9), 10**9), True


def judged(rule: Rule, step: LevelStep, readings: list[Reading]) -> tuple[Fraction | None, bool]:
    if isinstance(rule.spec, WindowSpec):
        return windowed(rule.spec, readings, round(step.window_s * 1000))
    if isinstance(rule.spec, RateSpec):
        return slope(rule, rule.spec, readings)
    return exact(readings[-1][1]), True


@dataclass
class Slow:
    """Readings must be told in order, each once. `patience_ms`: how long a reading says something."""

    rule: Rule
    patience_ms: int = 3_600_000
    level: int = 0
    since: dict[int, int] = field(default_factory=dict)
    below: dict[int, int] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)

    def pass_until(self, ms: int) -> None:
        """Holds and fall holds that end by `ms`, as if a clock had ticked all the time."""
        if not self.readings:
            return
        until, old = min(ms, self.readings[-1][0] + self.patience_ms), self.level
        for step in self.rule.levels:
            name = int(step.level)
            if name <= old and name in self.below and until - self.below[name] >= self.rule.fall_hold_s * 1000:
                del self.since[name], self.below[name]
        in_force = [
            int(step.level)
            for step in self.rule.levels
            if step.level in self.since and (step.level <= old or until - self.since[step.level] >= step.hold_s * 1000)
        ]
        self.level = max(in_force, default=0)

    def read(self, ms: int, value: float) -> None:
        self.pass_until(ms)
        self.readings.append((ms, value))
        old = self.level
        in_force = [int(step.level) for step in self.rule.levels if self._is_in_force(step, int(step.level), old, ms)]
        self.level = max(in_force, default=0)

    def _is_in_force(self, step: LevelStep, name: int, old: int, ms: int) -> bool:
        is_held = name <= old and name in self.since
        found = self._verdict(step, is_held)
        if found:
            self.below.pop(name, None)
            self.since.setdefault(name, ms)
            return is_held or ms - self.since[name] >= step.hold_s * 1000
        if found is None and is_held:
            self.below.pop(name, None)
            return True
        if is_held and self.rule.fall_hold_s and ms - self.below.setdefault(name, ms) < self.rule.fall_hold_s * 1000:
            return True
        self.since.pop(name, None)
        self.below.pop(name, None)
        return False

    def _verdict(self, step: LevelStep, is_held: bool) -> bool | None:
        value, covered = judged(self.rule, step, self.readings)
        if value is None:
            return None
        above, at, loose = self.rule.direction != "below", exact(step.at), exact(self.rule.deadband)
        if is_held and loose:
            beyond = value > at - loose if above else value < at + loose
        else:
            beyond = value >= at if above else value <= at
        spec: Any = self.rule.spec
        grows = isinstance(spec, WindowSpec) and spec.measure in ("sum", "increase", "integral", "max")
        return beyond if covered or (grows and beyond == above) else None


def replayed(rule: Rule, readings: list[Reading], patience_ms: int = 3_600_000) -> Slow:
    """The pair after the readings, put in order, the first of two with the same time."""
    slow, kept = Slow(rule, patience_ms), dict[int, float]()
    for ms, value in readings:
        kept.setdefault(ms, value)
    for ms in sorted(kept):
        slow.read(ms, kept[ms])
    return slow
