"""What the tests of the rule kinds share: an alert store in memory, sensors, batches, and a script's picture."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from alerts.evaluators import Evaluator, Finding, Stored
from alerts.ports import ReadingBatch
from alerts.rules import Rule, parse_rules
from alerts.sensors import SensorInfo
from geodata.clock import epoch_ms

T0 = datetime(2026, 7, 1, tzinfo=UTC)


def at(second: float) -> datetime:
    return T0 + timedelta(seconds=second)


def one_rule(text: str) -> Rule:
    return parse_rules(text).rules[0]


def sensor(no: int, quantity: str, county: str = "371302", asset: str = "") -> SensorInfo:
    return SensorInfo(no, f"s{no}", f"站{no}", "gauge", 118.3 + no / 100, 35.1, county, "", (quantity,), asset)


def batch(quantity: str, rows: Sequence[tuple[int, float, float]], exercise: str = "") -> ReadingBatch:
    """`rows`: (second, sensor number, value), in observed order."""
    return ReadingBatch(
        quantity,
        np.array([no for _, no, _ in rows], np.int32),
        np.array([value for _, _, value in rows], np.float64),
        np.array([epoch_ms(at(second)) for second, _, _ in rows], np.int64),
        epoch_ms(at(rows[-1][0] if rows else 0)),
        exercise,
    )


class Memory:
    """An evaluator with what a store would keep: `observe` and `tick` adopt at once and remember rows and readings."""

    def __init__(self, evaluator: Evaluator, rows: Mapping[tuple[str, int], Any] | None = None) -> None:
        self.evaluator = evaluator
        self.rows: dict[tuple[str, int], Any] = dict(rows or {})
        self.latest: dict[str, ReadingBatch] = {}
        self.found: list[Finding] = []
        evaluator.restore(Stored(self.rows, self.latest, {}), T0)

    def observe(self, given: ReadingBatch, now: datetime) -> list[Finding]:
        return self._take(self.evaluator.observe(given, now))

    def tick(self, now: datetime) -> list[Finding]:
        return self._take(self.evaluator.tick(now))

    def _take(self, outcome: Any) -> list[Finding]:
        if outcome is None:
            return []
        self.rows |= outcome.rows
        self.evaluator.adopt(outcome)
        self.found += outcome.findings
        return list(outcome.findings)


def told(findings: Sequence[Finding]) -> list[tuple[str, str, str]]:
    """(key, level, moment it has stood since) of each finding."""
    return [(one.key, one.level.name.lower(), one.since.isoformat()) for one in findings]
