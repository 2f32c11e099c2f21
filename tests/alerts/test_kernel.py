"""The kernel equals a slow reference that sees all readings in order, however they were cut, repeated or delayed."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import compiled, judging, kernel, windows
from alerts.model import Level
from alerts.ports import ReadingBatch
from alerts.rules import LevelStep, Rule, SensorFilter, parse_rules
from alerts.sensors import SensorInfo
from alerts.slots import SlotState, build_slots, in_observed_order, passed, stepped
from tests.alerts.slow_rules import Reading, replayed

ALL = SensorFilter(all=True)
RULES = parse_rules("""
rules:
- {id: above, title: a, event: a, quantity: depth_m, sensors: {all: true}, source: t, deadband: 0.5,
   levels: [{level: yellow, at: 2, native: y, hold_s: 3}, {level: red, at: 4, native: r, hold_s: 6}]}
- {id: below, title: b, event: b, quantity: depth_m, sensors: {all: true}, source: t, deadband: 1, direction: below,
   levels: [{level: blue, at: 1, native: b}, {level: orange, at: 0.5, native: o, hold_s: 2}]}
- {id: plain, title: p, event: p, quantity: depth_m, sensors: {all: true}, source: t,
   levels: [{level: blue, at: 3, native: b}]}
- {id: slow-down, title: f, event: f, quantity: depth_m, sensors: {all: true}, source: t, fall_hold_s: 5, deadband: 0.3,
   levels: [{level: blue, at: 1, native: b}, {level: red, at: 3, native: r, hold_s: 1}]}
- {id: sum, kind: window, measure: sum, title: w, event: w, quantity: depth_m, sensors: {all: true}, source: t,
   max_gap_s: 4,
   levels: [{level: blue, at: 10, native: b, window_s: 12}, {level: orange, at: 10, native: o, window_s: 5}]}
- {id: counter, kind: window, measure: increase, title: w, event: w, quantity: depth_m, sensors: {all: true}, source: t,
   max_gap_s: 4, window_s: 9, deadband: 0.5, levels: [{level: blue, at: 3, native: b}, {level: red, at: 5, native: r}]}
- {id: integral, kind: window, measure: integral, per_s: 2, unit: m·s, title: w, event: w, quantity: depth_m, source: t,
   sensors: {all: true}, max_gap_s: 3, min_coverage: 0.75, fall_hold_s: 2,
   levels: [{level: blue, at: 4, native: b, window_s: 8}, {level: red, at: 4, native: r, window_s: 4, hold_s: 2}]}
- {id: max, kind: window, measure: max, title: w, event: w, quantity: depth_m, sensors: {all: true}, source: t,
   max_gap_s: 5, window_s: 10, levels: [{level: yellow, at: 4, native: y}]}
- {id: dry, kind: window, measure: mean, title: w, event: w, quantity: depth_m, sensors: {all: true}, source: t,
   direction: below, max_gap_s: 5, window_s: 10, levels: [{level: yellow, at: 1, native: y}]}
- {id: rising, kind: rate, title: r, event: r, quantity: depth_m, sensors: {all: true}, source: t, window_s: 10,
   per_s: 60, max_gap_s: 6, min_span_s: 4, deadband: 2,
   levels: [{level: blue, at: 6, native: b}, {level: red, at: 20, native: r}]}
- {id: falling, kind: rate, title: r, event: r, quantity: depth_m, sensors: {all: true}, source: t, window_s: 10,
   per_s: 60, direction: falling, levels: [{level: blue, at: 6, native: b, hold_s: 2}]}
""").rules
SENSORS = {no: SensorInfo(no, f"s{no}", f"s{no}", "gauge") for no in (1, 2, 5)}
TABLE = build_slots(RULES, "depth_m", SENSORS)
VALUES = [0.0, 0.1, 0.5, 0.7, 1.0, 1.3, 1.7, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0]
Row = tuple[int, float, int]  # sensor, value, second
ROWS = st.lists(st.tuples(st.sampled_from([1, 2, 3, 5, 99]), st.sampled_from(VALUES), st.integers(0, 40)), max_size=60)


def batch_of(rows: list[Row]) -> ReadingBatch:
    numbers, values, seconds = zip(*rows, strict=True) if rows else ((), (), ())
    return ReadingBatch(
        "depth_m",
        np.array(numbers, np.int32),
        np.array(values, np.float64),
        np.array(seconds, np.int64) * 1000,
        0,
    )


def told(batches: list[list[Row]]) -> SlotState:
    state = SlotState.fresh(len(TABLE.rule_of))
    for rows in batches:
        state, _ = stepped(TABLE, state, in_observed_order(batch_of(rows)))
    return state


def of_sensor(rows: list[Row], no: int) -> list[Reading]:
    return [(second * 1000, value) for sensor, value, second in rows if sensor == no]


def assert_equals_the_replay(state: SlotState, rows: list[Row]) -> None:
    for slot in range(len(TABLE.rule_of)):
        rule_id, no = TABLE.key(slot)
        slow = replayed(
            RULES[TABLE.rule_of[slot]], of_sensor(rows, no), int(TABLE.terms.patience_ms[TABLE.rule_of[slot]])
        )
        assert state.level[slot] == slow.level, (rule_id, no)
        if rule_id != "plain":  # it has no past
            since = {step: ms for step, ms in enumerate(state.since_ms[slot].tolist()) if ms >= 0}
            below = {step: ms for step, ms in enumerate(state.below_ms[slot].tolist()) if ms >= 0}
            assert (since, below) == (slow.since, slow.below), (rule_id, no)


@settings(max_examples=300, deadline=None)
@given(ROWS, st.lists(st.integers(0, 60), max_size=6), st.data())
def test_any_cut_and_any_repeat_in_order_equals_the_reference(
    rows: list[Row], cuts: list[int], data: st.DataObject
) -> None:
    rows = sorted(rows, key=lambda row: row[2])
    places = [0, *sorted(cut for cut in cuts if cut <= len(rows)), len(rows)]
    batches = [rows[a:b] for a, b in pairwise(places)]
    repeated = [one for part in batches for one in [part] * data.draw(st.integers(1, 2))]
    assert_equals_the_replay(told(repeated), rows)


@settings(max_examples=300, deadline=None)
@given(ROWS, st.permutations(range(6)))
def test_any_order_within_the_lateness_that_is_judged_equals_the_ordered_replay(
    rows: list[Row], order: list[int]
) -> None:
    distinct = list({(row[0], row[2]): row for row in rows}.values())
    batches = [distinct[part::6] for part in order]
    assert_equals_the_replay(told(batches), distinct)


@settings(max_examples=100, deadline=None)
@given(st.lists(ROWS, max_size=4))
def test_a_step_leaves_the_state_before_it_whole(batches: list[list[Row]]) -> None:
    state, seen = SlotState.fresh(len(TABLE.rule_of)), list[Row]()
    for rows in batches:
        other, _ = stepped(TABLE, state, in_observed_order(batch_of([(no, 5.0, 41) for no in SENSORS])))
        assert (other.last_ms == 41_000).all()
        state, _ = stepped(TABLE, state, in_observed_order(batch_of(rows)))
        seen += rows
    assert_equals_the_replay(state, list({(row[0], row[2]): row for row in reversed(seen)}.values()))


def test_moves_say_what_was_judged_and_when() -> None:
    rows = [(1, 5.0, second) for second in range(3)] + [(1, 0.0, 3)]
    state, moves = stepped(TABLE, SlotState.fresh(len(TABLE.rule_of)), batch_of(rows))
    named = [
        (TABLE.key(slot)[0], old, new, ms, value)
        for (slot, old, new, ms, _), value in zip(moves.table.tolist(), moves.values.tolist(), strict=True)
    ]
    assert ("plain", 0, 1, 0, 5.0) in named
    assert ("plain", 1, 0, 3000, 0.0) in named
    assert ("sum", 0, 3, 1000, 10.0) in named
    assert ("slow-down", 1, 4, 1000, 5.0) in named
    assert moves.late == 0
    assert stepped(TABLE, state, batch_of([(1, 1.0, 2), (1, 1.0, 1)]))[1].late == 2


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_state_survives_json(rows: list[Row]) -> None:
    state = told([rows])
    back = SlotState.fresh(len(TABLE.rule_of))
    for slot in range(len(TABLE.rule_of)):
        back.restore(slot, state.plain(slot))
    names = ("level", "since_ms", "below_ms", "last_ms", "last_value")
    assert all(np.array_equal(getattr(back, name), getattr(state, name), equal_nan=True) for name in names)


HOLD = (
    Rule(
        "hold", "h", "h", "depth_m", ALL, (LevelStep(Level.YELLOW, 2.0, "y", 3.0), LevelStep(Level.RED, 4.0, "r", 6.0))
    ),
)
FALL = (
    Rule("fall", "f", "f", "depth_m", ALL, (LevelStep(Level.YELLOW, 2.0, "y"), LevelStep(Level.RED, 4.0, "r")),
         deadband=0.5, fall_hold_s=60.0),
)  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "rows", "ticks"),
    [  # ticks: second → (level moved to) or None
        (HOLD, [(1, 4.5, 10)], {12: None, 13: 2, 15: None, 16: 4}),
        (HOLD, [(1, 4.5, 10)], {10 + 3601: None}),  # an hour later that reading says nothing
        (HOLD, [(1, 4.5, 10), (1, 1.0, 12)], {20: None}),
        # reached red at 0, 3.4 at 100: red is left 60 s later, to the yellow then reached; 1.5 is left after 60 s more
        (FALL, [(1, 4.2, 0), (1, 3.4, 100)], {159: None, 160: 2}),
        (FALL, [(1, 4.2, 0), (1, 3.6, 100)], {900: None}),  # within the deadband
        (FALL, [(1, 4.2, 0), (1, 3.4, 100), (1, 4.0, 130), (1, 3.4, 140)], {160: None, 199: None, 200: 2}),
        (FALL, [(1, 4.2, 0), (1, 3.4, 100), (1, 1.5, 130)], {160: 2, 189: None, 190: 0}),
        (FALL, [(1, 4.2, 0), (1, 0.0, 100)], {160: 0}),
        (FALL, [(1, 4.2, 0), (1, 0.0, 100)], {100 + 3601: None}),
    ],
)
def test_holds_pass_with_time_alone(rules: tuple[Rule, ...], rows: list[Row], ticks: dict[int, int | None]) -> None:
    table = build_slots(rules, "depth_m", {1: SENSORS[1]})
    state, _ = stepped(table, SlotState.fresh(1), batch_of(rows))
    for second, level in ticks.items():
        moved = [(slot, to) for slot, to, _, _ in passed(table, state, second * 1000, 0)]
        assert moved == ([] if level is None else [(0, level)]), second


@pytest.mark.parametrize("ticking", [False, True])
def test_it_makes_no_difference_whether_the_clock_ticked_in_between(ticking: bool) -> None:
    rows: list[Row] = [(1, 4.2, 0), (1, 3.4, 100), (1, 1.8, 130), (1, 1.4, 170), (1, 1.0, 300), (1, 2.0, 310)]
    table, state, levels = build_slots(FALL, "depth_m", {1: SENSORS[1]}), SlotState.fresh(1), []
    for row, until in zip(rows, [*(row[2] for row in rows[1:]), 400], strict=True):
        state, _ = stepped(table, state, batch_of([row]))
        levels.append(int(state.level[0]))
        for second in range(row[2], until) if ticking else ():
            passed(table, state, second * 1000, 0)
    assert levels == [4, 4, 4, 2, 0, 2]


def test_disabled_rules_other_kinds_and_unknown_sensors_take_no_slot() -> None:
    off = Rule("off", "c", "c", "depth_m", ALL, (LevelStep(Level.RED, 0.0, "r"),), enabled=False)
    other = Rule("other", "c", "c", "depth_m", ALL, (LevelStep(Level.RED, 0.0, "r"),), kind="combination")
    table = build_slots((*HOLD, off, other), "depth_m", SENSORS)
    assert {table.key(slot)[0] for slot in range(len(table.rule_of))} == {"hold"}
    assert len(build_slots(RULES, "flow_m3s", SENSORS).rule_of) == 0
    assert len(build_slots(RULES, "depth_m", {}).rule_of) == 0


def long_series(seed: int) -> list[Row]:
    """A day of readings every half a minute of three sensors, in order."""
    rng = np.random.default_rng(seed)
    rows = []
    for no in (1, 2, 5):
        value = np.clip(np.cumsum(rng.normal(0, 0.4, 2880)) % 6, 0, 5).round(1)
        rows += [(no, float(one), 30 * place) for place, one in enumerate(value)]
    return sorted(rows, key=lambda row: row[2])


LONG = parse_rules("""
rules:
- {id: held, title: a, event: a, quantity: depth_m, sensors: {all: true}, source: t, deadband: 0.5, fall_hold_s: 300,
   levels: [{level: yellow, at: 2, native: y, hold_s: 60}, {level: red, at: 4, native: r, hold_s: 120}]}
- {id: sum, kind: window, measure: integral, per_s: 3600, unit: m·h, title: w, event: w, quantity: depth_m, source: t,
   sensors: {all: true}, max_gap_s: 120, deadband: 0.1, fall_hold_s: 60, levels: [
   {level: blue, at: 8, native: b, window_s: 10800}, {level: red, at: 4, native: o, window_s: 3600, hold_s: 60}]}
- {id: rate, kind: rate, title: r, event: r, quantity: depth_m, sensors: {all: true}, source: t, window_s: 600,
   per_s: 3600, deadband: 1, levels: [{level: blue, at: 6, native: b}]}
""").rules


@pytest.mark.parametrize("seed", range(4))
def test_a_tenth_twice_a_fifth_out_of_order_and_some_ten_minutes_late_end_as_the_ordered_replay(seed: int) -> None:
    rows, rng = long_series(seed), np.random.default_rng(seed)
    delay_s = np.where(rng.random(len(rows)) < 0.2, rng.integers(0, 120, len(rows)), 0)
    delay_s = np.where(rng.random(len(rows)) < 0.01, 600, delay_s)
    arrival = np.array([row[2] for row in rows]) + delay_s
    twice = np.flatnonzero(rng.random(len(rows)) < 0.1)
    coming = np.concatenate((np.arange(len(rows)), twice))
    at_s = np.concatenate((arrival, arrival[twice] + rng.integers(1, 300, len(twice))))
    coming = coming[np.argsort(at_s, kind="stable")]
    table = build_slots(LONG, "depth_m", SENSORS)
    ordered, mixed, moved = SlotState.fresh(9), SlotState.fresh(9), 0
    for place in range(0, len(rows), 17):
        ordered, moves = stepped(table, ordered, batch_of(rows[place : place + 17]))
        moved += len(moves.table)
    for place in range(0, len(coming), 13):
        part = [rows[one] for one in coming[place : place + 13].tolist()]
        mixed, _ = stepped(table, mixed, in_observed_order(batch_of(part)))
    assert moved > 20
    for name in ("level", "since_ms", "below_ms", "last_ms", "last_value", "partial"):
        assert np.array_equal(getattr(mixed, name), getattr(ordered, name)), name
    assert mixed.pool.samples.ms.size < 20_000  # what can no longer change is forgotten


def test_later_than_is_judged_a_threshold_stays_and_a_window_is_made_whole() -> None:
    table = build_slots(LONG, "depth_m", {1: SENSORS[1]})
    rows: list[Row] = [(1, 1.0, 60 * minute) for minute in range(121)]
    late: Row = (1, 5.0, 60 * 90 + 30)  # half an hour before the newest
    whole, _ = stepped(table, SlotState.fresh(3), in_observed_order(batch_of([*rows, late])))
    state, _ = stepped(table, SlotState.fresh(3), batch_of(rows))
    after, moves = stepped(table, state, batch_of([late]))
    assert moves.late == 1
    assert (after.level[0], after.last_value[0]) == (0, 1.0)
    assert after.last_value[1] == whole.last_value[1] > state.last_value[1]


def test_what_is_kept_compiled_is_good_only_while_none_of_its_files_changes() -> None:
    folder = Path(kernel.__file__).parent
    wanted = {(one.stat().st_mtime, one.stat().st_size) for one in map(folder.joinpath, compiled._FILES)}
    for function in (kernel.step_slots, kernel.ripen_slots, kernel.fill_block, judging.judge, windows.measured):
        assert wanted <= set(function._cache._cache_file._source_stamp)
    with_code = {path.name for path in folder.glob("*.py") if "@compiled\n" in path.read_text(encoding="utf-8")}
    assert with_code <= set(compiled._FILES)


def test_readings_too_dense_to_keep_leave_a_window_that_says_so() -> None:
    [rule] = parse_rules("""
rules:
- {id: sum, kind: window, measure: sum, title: w, event: w, quantity: depth_m, sensors: {all: true}, source: t,
   max_gap_s: 4, window_s: 43200, levels: [{level: blue, at: 7000, native: b}]}
""").rules
    table, state, n = build_slots((rule,), "depth_m", {1: SENSORS[1]}), SlotState.fresh(1), 80_000
    ms = np.arange(n, dtype=np.int64) * 500  # 11 hours at two a second
    for place in range(0, n, 9_999):
        part = slice(place, place + 9_999)
        size = len(ms[part])
        batch = ReadingBatch("depth_m", np.ones(size, np.int32), np.full(size, 0.1), ms[part], 0)
        state, _ = stepped(table, state, batch)
    assert compiled.MOST_SAMPLES // 2 < state.counts[0] <= compiled.MOST_SAMPLES * 2
    assert state.last_value[0] == pytest.approx(state.counts[0] / 10)
    assert state.partial[0]
    assert state.level[0] == (state.last_value[0] >= 7000)
