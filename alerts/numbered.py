"""Evaluating flood numbering: one alert a numbered flood, open until the readings show that it is over."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from alerts.evaluators import WHOLE_RULE, Finding, Outcome, Stored, exercise_of, orphans_of, row_key
from alerts.model import Level
from alerts.numbering import NumberingSpec
from alerts.ports import ReadingBatch
from alerts.rules import Rule
from alerts.sensors import Sensors
from geodata.clock import SHANGHAI, epoch_ms, from_epoch_ms
from hazards.river import FloodCount, counted

QUANTITY = "flow_m3s"


@dataclass(frozen=True, slots=True)
class _State:
    """`began`, `began_m3s`: the reading that gave the newest number; `is_open`: its flood is not over."""

    count: FloodCount = field(default_factory=FloodCount)
    began: datetime | None = None
    began_m3s: float = 0.0
    is_open: bool = False

    def plain(self, station: str) -> dict[str, Any]:
        return {
            "station": station,
            "year": self.count.year,
            "number": self.count.number,
            "last_above_ms": _ms(self.count.last_above),
            "last_ms": _ms(self.count.last),
            "began_ms": _ms(self.began),
            "began_m3s": self.began_m3s,
            "is_open": self.is_open,
        }

    @classmethod
    def of(cls, plain: Any) -> "_State":
        count = FloodCount(plain["year"], plain["number"], _moment(plain["last_above_ms"]), _moment(plain["last_ms"]))
        return cls(count, _moment(plain["began_ms"]), plain["began_m3s"], plain["is_open"])


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else epoch_ms(moment)


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else from_epoch_ms(ms)


class NumberingEvaluator:
    """`alerts.evaluators.Evaluator` of one river's numbering. A station that is no sensor is never heard."""

    def __init__(self, rule: Rule, sensors: Sensors) -> None:
        if not isinstance(rule.spec, NumberingSpec):
            raise TypeError(f"rule {rule.id} is not a numbering")
        self._rule, self._spec = rule, rule.spec
        self._sensor = next((one for one in sensors.values() if one.id == rule.spec.station), None)
        self._states: dict[str, _State] = {}
        self._orphans: list[Finding] = []

    @property
    def rule(self) -> Rule:
        return self._rule

    def watches(self, quantity: str) -> bool:
        return quantity == QUANTITY and self._sensor is not None

    def exercises(self) -> set[str]:
        return {name for name, state in self._states.items() if name and state.count.number}

    def restore(self, stored: Stored, now: datetime) -> None:  # noqa: ARG002  (the readings' own times count)
        self._states = {}
        for (name, number), plain in stored.rows.items():
            exercise = exercise_of(self._rule, name)
            if exercise is not None and number == WHOLE_RULE and plain.get("station") == self._spec.station:
                self._states[exercise] = _State.of(plain)
        for batch in stored.latest.values():
            for ms, _ in self._readings(batch):
                state = self._states.get(batch.exercise, _State())
                last = state.count.last
                if last is None or last < from_epoch_ms(ms):  # it changed nothing, or it would be stored
                    count = replace(state.count, last=from_epoch_ms(ms))
                    self._states[batch.exercise] = replace(state, count=count)
        alive = {
            self._finding(state, exercise, Level.NONE, None).dedup_key
            for exercise, state in self._states.items()
            if state.is_open and self._sensor is not None
        }
        self._orphans = orphans_of(self._rule, stored.open_alerts, alive) if self._sensor is not None else []

    def observe(self, batch: ReadingBatch, now: datetime) -> Outcome | None:  # noqa: ARG002
        before = state = self._states.get(batch.exercise, _State())
        findings: list[Finding] = []
        newest: float | None = None
        for ms, flow_m3s in self._readings(batch):
            at = from_epoch_ms(ms)
            is_newer = state.count.last is None or at > state.count.last
            count, is_new = counted(state.count, at, flow_m3s, self._spec.at)
            count = self._after_known(count) if is_new else count
            if state.is_open and (is_new or count.is_over):
                findings.append(self._finding(state, batch.exercise, Level.NONE, None))
                state = replace(state, is_open=False)
            state = replace(state, count=count)
            if is_new:
                state = replace(state, began=at, began_m3s=flow_m3s, is_open=True)
                findings.append(self._finding(state, batch.exercise, self._spec.level, flow_m3s))
                newest = None
            elif is_newer:
                newest = flow_m3s
                if not state.is_open and count.number and flow_m3s >= self._spec.at:  # switched off and on in a flood
                    state = replace(state, is_open=True)
                    findings.append(self._finding(state, batch.exercise, self._spec.level, flow_m3s))
        if newest is not None and state.is_open:
            told = self._finding(state, batch.exercise, self._spec.level, newest)
            findings.append(replace(told, is_news=False))
        if state == before:
            return None
        told_before = replace(before, count=replace(before.count, last=None))
        is_stored = told_before != replace(state, count=replace(state.count, last=None))
        rows = {row_key(self._rule, batch.exercise): state.plain(self._spec.station)} if is_stored else {}
        return Outcome(findings, rows, (batch.exercise, state))

    def tick(self, now: datetime) -> Outcome | None:  # noqa: ARG002
        """Time alone brings nothing: while a station is silent its flood is neither over nor another."""
        return Outcome(self._orphans, {}, ("", self._states.get("", _State()))) if self._orphans else None

    def due_ms(self, after_ms: int) -> int | None:  # noqa: ARG002  (see `tick`)
        return None

    def forget(self, exercise: str) -> Outcome | None:
        if exercise not in self._states:
            return None
        return Outcome((), {row_key(self._rule, exercise): {}}, (exercise, None))

    def adopt(self, outcome: Outcome) -> None:
        self._orphans = [one for one in self._orphans if one not in outcome.findings]
        exercise, state = outcome.after
        if state is None:
            self._states.pop(exercise, None)
        else:
            self._states[exercise] = state

    def _readings(self, batch: ReadingBatch) -> list[tuple[int, float]]:
        if batch.quantity != QUANTITY or self._sensor is None:
            return []
        mine = np.flatnonzero(batch.sensor_no == self._sensor.no)
        return list(zip(batch.observed_ms[mine].tolist(), batch.value[mine].tolist(), strict=True))

    def _after_known(self, count: FloodCount) -> FloodCount:
        """The number after those of this year that came before this system."""
        spec = self._spec
        later = count.year == spec.known_year and count.number <= spec.known_number
        return replace(count, number=spec.known_number + 1) if later else count

    def _finding(self, state: _State, exercise: str, level: Level, value: float | None) -> Finding:
        spec, sensor, began = self._spec, self._sensor, state.began
        assert sensor is not None
        assert began is not None
        title = f"{spec.river} {state.count.year} 年第 {state.count.number} 号洪水"
        when = f"{began.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
        why = f"{title}:{sensor.name} {when} 流量 {state.began_m3s:.6g} m³/s,达到编号流量 {spec.at:g} m³/s"
        return Finding(
            self._rule, f"{state.count.year}-{state.count.number}", level, value, began,
            native=spec.native,
            headline=title,
            why=why if level else "流量低于编号流量已超过 24 小时",
            place=sensor.name, lon=sensor.lon, lat=sensor.lat, county=sensor.county, sensor=sensor.id,
            threshold=spec.at, quantity=QUANTITY, unit="m³/s", exercise=exercise,
        )  # fmt: skip
