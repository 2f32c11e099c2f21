"""The kernel equals a plain reading-by-reading reference, and a replay changes nothing."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.kernel import matured
from alerts.model import Level
from alerts.ports import ReadingBatch
from alerts.rules import LevelStep, Rule, SensorFilter
from alerts.sensors import SensorInfo
from alerts.slots import NEVER, SlotState, build_slots, in_observed_order, stepped

ALL = SensorFilter(all=True)
RULES = (
    Rule(
        "above", "a", "a", "depth_m", ALL,
        (LevelStep(Level.YELLOW, 2.0, "y", 3.0), LevelStep(Level.RED, 4.0, "r", 6.0)), deadband=0.5,
    ),
    Rule(
        "below", "b", "b", "depth_m", ALL,
        (LevelStep(Level.BLUE, 1.0, "b"), LevelStep(Level.ORANGE, -1.0, "o", 2.0)), direction="below", deadband=1.0,
    ),
    Rule("off", "c", "c", "depth_m", ALL, (LevelStep(Level.RED, 0.0, "r"),), enabled=False),
)  # fmt: skip
SENSORS = {no: SensorInfo(no, f"s{no}", f"s{no}", "gauge") for no in (1, 2, 5)}


@dataclass
class Plain:
    """One (rule, sensor) pair, told the slow way."""

    rule: Rule
    level: int = 0
    last_ms: int = NEVER
    since: dict[int, int] = field(default_factory=dict)

    def read(self, value: float, ms: int) -> str:
        if ms <= self.last_ms:
            return "late" if ms < self.last_ms else "again"
        self.last_ms = ms
        reached = 0
        for step in self.rule.levels:
            above = self.rule.direction == "above"
            beyond = value >= step.at if above else value <= step.at
            if step.level <= self.level:  # hysteresis
                loose = step.at - self.rule.deadband if above else step.at + self.rule.deadband
                beyond = beyond or (value > loose if above else value < loose)
            if not beyond:
                self.since.pop(step.level, None)
                continue
            start = self.since.setdefault(step.level, ms)
            if step.level <= self.level or ms - start >= step.hold_s * 1000:
                reached = step.level
        self.level = reached
        return "read"


READINGS = st.lists(
    st.tuples(st.sampled_from([1, 2, 3, 5, 99]), st.sampled_from(np.arange(-3, 6, 0.5).tolist()), st.integers(0, 30)),
    max_size=60,
)


def batch_of(readings: list[tuple[int, float, int]]) -> ReadingBatch:
    numbers, values, seconds = zip(*readings, strict=True) if readings else ((), (), ())
    return ReadingBatch(
        "depth_m",
        np.array(numbers, np.int32),
        np.array(values, np.float64),
        np.array(seconds, np.int64) * 1000,
        0,
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(READINGS, max_size=4))
def test_equals_the_reference(batches: list[list[tuple[int, float, int]]]) -> None:
    table = build_slots(RULES, "depth_m", SENSORS)
    state = SlotState.fresh(len(table.rule_of))
    plain = {table.key(slot): Plain(RULES[table.rule_of[slot]]) for slot in range(len(table.rule_of))}
    for readings in batches:
        ordered = in_observed_order(batch_of(readings))
        before = state
        state, moves = stepped(table, before, ordered)
        expected_moves, late, evaluated = [], 0, 0
        for row, (no, value, ms) in enumerate(
            zip(ordered.sensor_no.tolist(), ordered.value.tolist(), ordered.observed_ms.tolist(), strict=True)
        ):
            told = []
            for slot in np.flatnonzero(table.sensor_of == no).tolist():
                pair = plain[table.key(slot)]
                old = pair.level
                told.append(pair.read(value, ms))
                if pair.level != old:
                    expected_moves.append([slot, old, pair.level, ms, row])
            late += "late" in told
            evaluated += told.count("read")
        assert moves.table.tolist() == expected_moves
        assert (moves.late, moves.evaluated) == (late, evaluated)
        assert state.level.tolist() == [plain[table.key(slot)].level for slot in range(len(table.rule_of))]
        again, moved = stepped(table, state, ordered)
        assert len(moved.table) == 0
        assert all(
            np.array_equal(getattr(again, name), getattr(state, name), equal_nan=True)
            for name in ("level", "since_ms", "last_value")
        )


@settings(max_examples=100, deadline=None)
@given(READINGS)
def test_state_survives_json(readings: list[tuple[int, float, int]]) -> None:
    table = build_slots(RULES, "depth_m", SENSORS)
    state, _ = stepped(table, SlotState.fresh(len(table.rule_of)), in_observed_order(batch_of(readings)))
    back = SlotState.fresh(len(table.rule_of))
    for slot in range(len(table.rule_of)):
        back.restore(slot, state.plain(slot))
    assert all(np.array_equal(getattr(back, n), getattr(state, n), equal_nan=True) for n in back.__slots__)


def test_a_hold_matures_without_a_new_reading_but_not_on_an_old_one() -> None:
    table = build_slots(RULES, "depth_m", SENSORS)
    state, moves = stepped(table, SlotState.fresh(len(table.rule_of)), batch_of([(1, 4.5, 10)]))
    assert len(moves.table) == 0

    def at(second: int) -> list[tuple[int, int]]:
        slots, levels = matured(
            second * 1000, table.rule_of, table.hold_ms, table.patience_ms, state.level, state.since_ms, state.last_ms
        )
        return list(zip(slots.tolist(), levels.tolist(), strict=True))

    assert at(12) == []
    assert at(13) == [(0, Level.YELLOW)]
    assert at(16) == [(0, Level.RED)]
    assert at(10 + 3601) == []  # an hour later that reading says nothing


def test_disabled_rules_and_unknown_sensors_take_no_slot() -> None:
    table = build_slots(RULES, "depth_m", SENSORS)
    assert {table.key(slot)[0] for slot in range(len(table.rule_of))} == {"above", "below"}
    assert len(build_slots(RULES, "flow_m3s", SENSORS).rule_of) == 0
    assert len(build_slots(RULES, "depth_m", {}).rule_of) == 0
