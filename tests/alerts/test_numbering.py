"""Numbered floods: 临沂 from 4,000 m³/s, a new number only after more than 24 h below, restarting with the year."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.evaluators import Stored
from alerts.findings import FindingDraft
from alerts.model import Level
from alerts.numbered import NumberingEvaluator
from alerts.rules import Rule
from alerts.sensors import SensorInfo
from geodata.clock import SHANGHAI
from geodata.errors import BadInput
from hazards.river import numbered_floods
from tests.alerts.kinds import T0, Memory, at, batch, one_rule

HOUR = 3600
YI = {1: SensorInfo(1, "yi-linyi", "沂河临沂站", "river_gauge", 118.36, 35.05, "371302", "", ("flow_m3s",))}
Reading = tuple[float, int, float]


def rule(more: str = "") -> Rule:
    return one_rule(f"""
rules:
  - id: yi-flood-number
    kind: numbering
    title: 沂河编号洪水
    event: 洪水
    river: 沂河
    station: yi-linyi
    at: 4000
    level: yellow
    native: 编号洪水 4000 m³/s
    source: 公开资料
    {more}
""")


def engine(more: str = "") -> Memory:
    return Memory(NumberingEvaluator(rule(more), YI))


def flows(*hours: tuple[float, float]) -> list[Reading]:
    return [(hour * HOUR, 1, flow) for hour, flow in hours]


def feed(memory: Memory, *readings: Reading) -> None:
    for reading in readings:
        memory.observe(batch("flow_m3s", [reading]), at(reading[0]))


def numbers(memory: Memory) -> list[str]:
    return [one.headline for one in memory.found if one.level and one.is_news]


@pytest.mark.parametrize(
    ("readings", "keys"),
    [
        (flows((0, 3999.9), (1, 4000), (2, 10_900)), ["2026-1"]),
        (flows((0, 4100), (5, 3000), (24, 4100)), ["2026-1"]),
        (flows((0, 4100), (5, 3000), (24.1, 4100)), ["2026-1", "2026-2"]),
        (flows((0, 4100), (20, 4100), (40, 4100)), ["2026-1"]),
        (flows((0, 4100), (0, 4100), (1, 4100)), ["2026-1"]),
        (flows((10, 4100), (0, 4100), (11, 4100)), ["2026-1"]),  # a late one gives no number
        (flows((0, 4100), (21, 3000), (20, 4100), (30, 4100)), ["2026-1"]),  # but prolongs the flood it belongs to
        (flows((0, 4100), (41, 3000), (40, 4100), (50, 4100)), ["2026-1", "2026-2"]),
    ],
)
def test_numbers(readings: list[Reading], keys: list[str]) -> None:
    memory = engine()
    feed(memory, *readings)
    assert [one.key for one in memory.found if one.level and one.is_news] == keys


def test_it_is_said_as_the_ministry_says_it_and_ends_when_readings_show_it() -> None:
    memory = engine()
    feed(memory, *flows((0, 4100), (1, 6000), (2, 3000)))
    fired = memory.found[0]
    assert (fired.headline, fired.sensor, fired.value) == ("沂河 2026 年第 1 号洪水", "yi-linyi", 4100)
    assert "2026-07-01 08:00 流量 4100 m³/s" in fired.why
    assert [(one.value, one.is_news) for one in memory.found[1:]] == [(6000, False), (3000, False)]
    feed(memory, *flows((25, 3000)))
    assert memory.found[-1].level == Level.YELLOW
    assert memory.tick(at(90 * HOUR)) == []  # silence ends nothing
    feed(memory, *flows((25.1, 3000)))
    assert (memory.found[-1].level, memory.found[-1].key) == (Level.NONE, "2026-1")
    feed(memory, *flows((26, 5000)))
    assert memory.found[-1].headline == "沂河 2026 年第 2 号洪水"


def test_numbers_restart_with_the_year_of_shanghai() -> None:
    new_year = datetime(2027, 1, 1, tzinfo=SHANGHAI)
    last_hours, first_hours = ((new_year - T0) / timedelta(hours=1) + shift for shift in (-0.5, 40))
    memory = engine()
    feed(memory, *flows((0, 4100), (100, 100), (last_hours, 4100), (first_hours, 4100)))
    assert numbers(memory) == ["沂河 2026 年第 1 号洪水", "沂河 2026 年第 2 号洪水", "沂河 2027 年第 1 号洪水"]
    assert [one.key for one in memory.found if not one.level] == ["2026-1", "2026-2"]


def test_floods_before_this_system_are_counted() -> None:
    memory = engine("so_far: {year: 2026, number: 3}")
    feed(memory, *flows((0, 4100), (30, 4100)))
    assert numbers(memory) == ["沂河 2026 年第 4 号洪水", "沂河 2026 年第 5 号洪水"]


def test_a_drill_has_its_own_numbers() -> None:
    memory = engine()
    memory.observe(batch("flow_m3s", flows((0, 9000)), "演练"), at(0))
    feed(memory, *flows((1, 4100)))
    assert [(one.key, one.exercise) for one in memory.found] == [("2026-1", "演练"), ("2026-1", "")]
    assert memory.found[0].dedup_key != memory.found[1].dedup_key


def test_a_value_refreshes_an_open_alert_and_never_makes_one() -> None:
    memory = engine()
    feed(memory, *flows((0, 4100), (1, 4200)))
    draft = FindingDraft({}, at(2 * HOUR))
    draft.add_all(memory.found[1:])
    assert draft.changes == []
    draft.add_all(memory.found)
    assert [(c.kind, c.alert.value, c.alert.headline) for c in draft.changes] == [
        ("fired", 4100, "沂河 2026 年第 1 号洪水"),
        ("value", 4200, "沂河 2026 年第 1 号洪水"),
    ]


FLOWS = st.lists(st.tuples(st.floats(0.25, 60), st.sampled_from([0, 3999, 4000, 9000])), max_size=20)


def series(steps: list[tuple[float, float]]) -> list[Reading]:
    hour, made = 0.0, []
    for step, flow in steps:
        hour += round(step, 2)
        made.append((round(hour * HOUR), 1, float(flow)))
    return made


@settings(max_examples=100, deadline=None)
@given(FLOWS, st.lists(st.integers(0, 20), max_size=4), st.integers(0, 20))
def test_splits_repeats_and_restarts_never_give_another_number(
    steps: list[tuple[float, float]], cuts: list[int], crash: int
) -> None:
    readings = series(steps)
    whole, split = engine(), engine()
    if readings:
        whole.observe(batch("flow_m3s", readings), at(readings[-1][0]))
    for begin, end in pairwise(sorted({0, *cuts, len(readings)})):
        part = readings[begin:end]
        if not part:
            continue
        split.observe(batch("flow_m3s", part), at(part[-1][0]))
        if begin <= crash < end:  # killed after the state was stored, before the readings were
            split.evaluator = NumberingEvaluator(rule(), YI)
            split.evaluator.restore(Stored(split.rows, {}, {}), at(part[-1][0]))
            split.observe(batch("flow_m3s", part), at(part[-1][0]))
    news = [[(one.key, one.level, one.since) for one in m.found if one.is_news] for m in (whole, split)]
    assert news[0] == news[1]
    expected = numbered_floods("yi-linyi", [(at(second), flow) for second, _, flow in readings])
    assert [since for _, level, since in news[0] if level] == [flood.at for flood in expected]


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("so_far: {year: 2026}", "rules:13: 缺少 number"),
        ("so_far: 3", "rules:13: so_far 必须是键值对"),
        ("quantity: flow_m3s", "rules:13: 不认识 quantity"),
        ("native: 又一次", "native 写了两次"),
    ],
)
def test_mistakes_are_named_with_their_line(more: str, what: str) -> None:
    with pytest.raises(BadInput) as refused:
        rule(more)
    assert what in str(refused.value)
