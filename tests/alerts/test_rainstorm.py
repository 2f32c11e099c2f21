"""The rainstorm signals: blue 50 mm/12 h, yellow 50 mm/6 h, orange 50 mm/3 h, red 100 mm/3 h; the highest wins.

The tables are computed by hand: rain of so many mm/h makes rate × hours within a window.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from alerts.feeds.drill import storm_frames
from alerts.ports import ReadingBatch
from alerts.rules import Rule, load_rules, parse_rules
from alerts.sensors import SensorInfo
from alerts.slots import SlotState, build_slots, stepped
from alerts.trial import try_rules
from geodata.clock import epoch_ms
from hazards import storm_2020 as storm

T0 = datetime(2026, 7, 1, tzinfo=UTC)
SHIPPED = load_rules(Path(__file__).parents[2] / "alerts" / "rules.yaml").by_id("rainstorm-signal")
assert SHIPPED is not None
SIGNAL: Rule = SHIPPED
AT_ONCE = replace(SIGNAL, fall_hold_s=0.0)
SENSORS = {1: SensorInfo(1, "rain-1", "雨量站", "雨量站", quantities=("rain_mm_h",))}
NONE, BLUE, YELLOW, ORANGE, RED = range(5)
Spell = tuple[int, int, float]  # from minute, to minute, mm/h


def batch(minute: int, value: float, quantity: str = "rain_mm_h") -> ReadingBatch:
    ms = epoch_ms(T0 + timedelta(minutes=minute))
    return ReadingBatch(quantity, np.array([1], np.int32), np.array([value]), np.array([ms]), ms)


def levels_of(rule: Rule, spells: list[Spell]) -> tuple[dict[int, int], dict[int, bool]]:
    """(level by minute, whether the window shown is not covered) from a reading every 5 minutes of every spell.

    A reading stands for the five minutes before it.
    """
    table, state = build_slots((rule,), "rain_mm_h", SENSORS), SlotState.fresh(1)
    levels, partial = {}, {}
    for begin, end, rate in spells:
        for minute in range(begin + 5, end + 1, 5):
            state, _ = stepped(table, state, batch(minute, rate))
            levels[minute], partial[minute] = int(state.level[0]), bool(state.partial[0])
    return levels, partial


def changes(levels: dict[int, int]) -> list[tuple[int, int]]:
    found, before = [], NONE
    for minute, level in levels.items():
        if level != before:
            found.append((minute, level))
        before = level
    return found


@pytest.mark.parametrize(
    ("spells", "wanted"),
    [
        # one reading before the first spell at minute 0 gives the first five minutes a beginning
        ([(0, 1440, 4.0)], []),  # 48 mm in 12 h
        ([(0, 1440, 5.0)], [(600, BLUE)]),  # 50 mm after 10 h; 6 h hold 30 mm
        ([(0, 1440, 10.0)], [(300, YELLOW)]),  # 50 mm after 5 h: blue and yellow at once; 3 h hold 30 mm
        ([(0, 1440, 20.0)], [(150, ORANGE)]),  # 50 mm after 2.5 h; 3 h hold 60 mm
        ([(0, 600, 40.0)], [(75, ORANGE), (150, RED)]),
        # 100 mm until 150, then dry: 3 h hold 100 mm until 180 and 50 mm until 255, 6 h until 435, 12 h until 795
        (
            [(0, 150, 40.0), (150, 900, 0.0)],
            [(75, ORANGE), (150, RED), (185, ORANGE), (260, YELLOW), (440, BLUE), (800, NONE)],
        ),
    ],
)
def test_signals_by_hand(spells: list[Spell], wanted: list[tuple[int, int]]) -> None:
    levels, _ = levels_of(AT_ONCE, [(-5, 0, 0.0), *spells])
    assert changes(levels) == wanted


def test_a_fall_waits_half_an_hour_as_shipped() -> None:
    levels, _ = levels_of(SIGNAL, [(-5, 0, 0.0), (0, 150, 40.0), (150, 900, 0.0)])
    assert changes(levels) == [(75, ORANGE), (150, RED), (215, ORANGE), (290, YELLOW), (470, BLUE), (830, NONE)]


def test_a_gap_is_neither_wet_nor_dry() -> None:
    # 50 mm in 75 minutes; silent until 285; dry from then on. A level is left only when its window is known again:
    # 3 h after 285, 6 h after, 12 h after.
    levels, partial = levels_of(AT_ONCE, [(-5, 0, 0.0), (0, 75, 40.0), (280, 1100, 0.0)])
    assert changes(levels) == [(75, ORANGE), (285 + 180, YELLOW), (285 + 360, BLUE), (285 + 720, NONE)]
    assert partial[285]
    assert partial[285 + 715]
    assert not partial[285 + 720]
    # 49 mm, a gap in which anything may have fallen, and 2 mm more: what is known is 50 mm in the last 6 h
    levels, _ = levels_of(AT_ONCE, [(-5, 0, 0.0), (0, 60, 49.0), (240, 480, 1.0)])
    assert changes(levels) == [(305, YELLOW)]


COUNTER = parse_rules("""
rules:
- {id: counter, kind: window, measure: increase, title: 雨量筒, event: 暴雨, quantity: rain_mm, sensors: {all: true},
   source: 测试, max_gap_s: 3600, window_s: 10800, levels: [{level: orange, at: 50, native: 3 小时 50 mm}]}
- {id: tips, kind: window, measure: sum, title: 雨量筒, event: 暴雨, quantity: rain_mm, sensors: {all: true},
   source: 测试, max_gap_s: 3600, window_s: 3600, levels: [{level: blue, at: 50, native: 1 小时 50 mm}]}
""").rules


def test_a_counter_that_begins_again_loses_nothing() -> None:
    sensors = {1: SensorInfo(1, "tip-1", "翻斗", "雨量站", quantities=("rain_mm",))}
    table, state = build_slots(COUNTER[:1], "rain_mm", sensors), SlotState.fresh(1)
    seen = []
    for place, value in enumerate([100.0, 120.0, 145.0, 2.0, 5.0]):  # +20, +25, then from 0 again: +2, +3
        state, _ = stepped(table, state, batch(30 * place, value, "rain_mm"))
        seen.append((float(state.last_value[0]), int(state.level[0])))
    assert seen == [(0.0, NONE), (20.0, NONE), (45.0, NONE), (47.0, NONE), (50.0, ORANGE)]


def test_five_hundred_tips_of_a_tenth_are_fifty() -> None:
    sensors = {1: SensorInfo(1, "tip-1", "翻斗", "雨量站", quantities=("rain_mm",))}
    table, state = build_slots(COUNTER[1:], "rain_mm", sensors), SlotState.fresh(1)
    ms = epoch_ms(T0) + np.arange(1, 501) * 1000
    tips = ReadingBatch("rain_mm", np.ones(500, np.int32), np.full(500, 0.1), ms, int(ms[-1]))
    state, moves = stepped(table, state, tips)
    assert moves.table[:, 4].tolist() == [499]  # the last one, exactly
    assert moves.values.tolist() == [50.0]


def test_the_storm_of_2020_fires_once_a_gauge_and_as_its_hyetograph_says() -> None:
    """In storm time; a drill played faster holds its rain in shorter windows of real time, and says less."""
    rng = np.random.default_rng(1)
    ids = [f"rain-{number:04d}" for number in range(1, 381)]
    columns = {
        "id": ids,
        "quantities": ["rain_mm_h"] * len(ids),
        "lon": rng.uniform(117.45, 119.15, len(ids)),
        "lat": rng.uniform(34.4, 36.2, len(ids)),
    }
    numbers = {name: place for place, name in enumerate(ids, 1)}
    sensors = {no: SensorInfo(no, name, name, "雨量站", quantities=("rain_mm_h",)) for name, no in numbers.items()}
    batches, moments, values = [], [], []
    for frame in storm_frames(columns, step_s=600.0):
        [rain] = [one for one in frame.batches if one["quantity"] == "rain_mm_h"]
        ms, order = epoch_ms(frame.storm_time), np.array([numbers[one] for one in rain["sensor"]], np.int32)
        batches.append(ReadingBatch("rain_mm_h", order, np.array(rain["value"]), np.full(len(ids), ms), ms))
        moments.append((frame.storm_time - storm.DRILL_START).total_seconds() / 3600)
        values.append(np.array(rain["value"])[np.argsort(order)])
    found = try_rules([SIGNAL], sensors, batches, storm.DRILL_START, storm.DRILL_END)[SIGNAL.id]

    def most(hours: float) -> np.ndarray:
        """The wettest window of every gauge, each reading standing for the time since the one before."""
        end = np.array(moments)
        begin = np.concatenate((end[:1], end[:-1]))
        windows = [
            np.clip(end - np.maximum(begin, last - hours), 0, None) * (end <= last) @ np.array(values) for last in end
        ]
        return np.round(np.max(windows, axis=0), 9)

    three, six, twelve = most(3), most(6), most(12)
    worst = np.select([three >= 100, three >= 50, six >= 50, twelve >= 50], [RED, ORANGE, YELLOW, BLUE], NONE)
    names = {BLUE: "blue", YELLOW: "yellow", ORANGE: "orange", RED: "red"}
    wanted = {name: int((worst == level).sum()) for level, name in names.items() if (worst == level).any()}
    assert found.by_level == wanted
    assert found.fired == sum(wanted.values()) <= len(ids)  # one condition, one alert
    assert len(wanted) == 3  # blue, yellow and orange: the schematic hyetograph has no 100 mm in 3 h
