"""Rules tried against the past: the same answers as the kernel in force, and never 0 for what was not tried."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from alerts import trial
from alerts.ports import ReadingBatch
from alerts.rules import Rule, SensorFilter, parse_rules
from alerts.sensors import SensorInfo
from alerts.trial import Episode, try_rules
from geodata.clock import epoch_ms

T0 = datetime(2026, 7, 1, tzinfo=UTC)
SENSORS = {n: SensorInfo(n, f"g{n}", f"水尺{n}", "gauge") for n in (1, 2, 3)}
RULES = parse_rules("""
rules:
- {id: depth, title: 积水, event: 积水, quantity: depth_m, sensors: {all: true}, source: 测试, enabled: false,
   levels: [{level: yellow, at: 0.2, native: 慢行}, {level: red, at: 0.3, native: 封闭, hold_s: 90}]}
- {id: silent, kind: absence, title: 无数据, event: 无数据, quantity: depth_m, sensors: {ids: [g3]}, source: 测试,
   levels: [{level: blue, absent_after_s: 1800, native: 半小时}]}
- {id: flow, title: 流量, event: 洪水, quantity: flow_m3s, sensors: {all: true}, source: 测试,
   levels: [{level: red, at: 1, native: 大}]}
""").rules
OTHER = Rule("both", "t", "e", "", SensorFilter(), (), kind="combination")


def at(minute: float) -> datetime:
    return T0 + timedelta(minutes=minute)


def batch(*rows: tuple[int, float, float]) -> ReadingBatch:
    """Rows of (sensor, value, minute)."""
    numbers, values, minutes = zip(*rows, strict=True)
    ms = np.array([epoch_ms(at(minute)) for minute in minutes])
    return ReadingBatch("depth_m", np.array(numbers, np.int32), np.array(values, np.float64), ms, int(ms.max()))


DEPTHS = [
    batch((1, 0.25, -5), (2, 0.0, -5)),  # before: an alert that is already open
    batch((1, 0.1, 1), (2, 0.22, 2), (1, 0.31, 3), (2, 0.28, 4), (2, 0.1, 10)),
    batch((1, 0.45, 20), (1, 0.35, 21), (1, 0.0, 60), (2, 0.21, 110)),
]


def test_what_would_have_fired() -> None:
    found = try_rules([*RULES, OTHER], SENSORS, DEPTHS, T0, at(120))
    depth = found["depth"]
    assert (depth.fired, dict(depth.by_level), depth.open_at_end) == (3, {"yellow": 2, "red": 1}, 1)
    assert depth.episodes == (
        Episode("g2", "yellow", at(110), None, 0.21),
        Episode("g1", "red", at(3), at(60), 0.45),  # red once the hold had passed, 4.5 minutes in
        Episode("g2", "yellow", at(2), at(10), 0.28),
    )
    assert (depth.readings, depth.sensors, depth.truncated) == (9, 3, "")
    silent = found["silent"]
    assert (silent.fired, silent.open_at_end, silent.sensors) == (1, 1, 1)
    assert at(30) <= silent.episodes[0].began_at < at(31)
    flow = found["flow"]
    assert (flow.fired, flow.readings, flow.truncated) == (0, 0, "")
    assert "没有可试算的内容" in found["both"].truncated


def test_work_is_bounded_and_says_where_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "MOST_READINGS", 8)
    found = try_rules(RULES[:1], SENSORS, DEPTHS, T0, at(120))["depth"]
    assert found.readings == 5
    assert found.fired == 2
    assert found.truncated.startswith("数据太多,只试算到 07-01 08:")


def test_only_the_newest_episodes_are_kept() -> None:
    rows = [(1, 0.25 if minute % 2 else 0.0, float(minute)) for minute in range(1, 1001)]
    found = try_rules(RULES[:1], SENSORS, [batch(*rows)], T0, at(1000))["depth"]
    assert (found.fired, len(found.episodes), found.open_at_end) == (500, trial.MOST_EPISODES, 0)
    assert found.episodes[0].began_at == at(999)
