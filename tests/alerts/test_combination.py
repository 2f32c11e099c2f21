"""Combinations: three-valued truth, scopes, hold times, splits into batches, restarts, bad rules."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.combination import MAX_CONDITIONS, MAX_DEPTH, Among, Condition, Not
from alerts.combined import CombinationEvaluator
from alerts.evaluators import Stored
from alerts.model import Level
from alerts.rule_parts import SensorFilter
from alerts.rules import Rule, parse_rules
from alerts.sensors import SensorInfo
from alerts.truth import Truth, truth_of
from geodata.errors import BadInput
from tests.alerts.kinds import Memory, at, batch, one_rule, sensor

RAIN = "{sensors: {all: true}, quantity: rain_mm_h, above: 30, max_age_s: 600}"
DEPTH = "{sensors: {all: true}, quantity: depth_m, above: 0.15, max_age_s: 600}"


def rule(when: str, per: str = "all") -> Rule:
    return one_rule(f"""
rules:
  - id: both
    kind: combination
    title: 强降雨且已积水
    event: 内涝
    level: orange
    native: 雨强 30 mm/h 且积水 0.15 m
    per: {per}
    when: {when}
    source: 测试
""")


def rain_and_depth(*counties: str) -> dict[int, SensorInfo]:
    """Numbers 1, 3, 5… measure rain, 2, 4, 6… depth: one of each a county."""
    return {
        no: sensor(no, quantity, county)
        for place, county in enumerate(counties)
        for no, quantity in ((2 * place + 1, "rain_mm_h"), (2 * place + 2, "depth_m"))
    }


def test_rain_and_water_in_the_same_county_are_one_alert_a_county() -> None:
    sensors = rain_and_depth("371302", "371311")
    engine = Memory(CombinationEvaluator(rule(f"{{all: [{RAIN}, {DEPTH}]}}", "county"), sensors))
    assert engine.observe(batch("rain_mm_h", [(0, 1, 31.0), (0, 3, 45.0)]), at(0)) == []
    assert engine.observe(batch("depth_m", [(5, 2, 0.1), (5, 4, 0.2)]), at(5)) != []
    [fired] = engine.found
    assert (fired.key, fired.level, fired.since, fired.county) == ("371311", Level.ORANGE, at(5), "371311")
    assert "站3:45" in fired.why
    assert "站4:0.2" in fired.why
    assert "数据不明" not in fired.why
    [over] = engine.observe(batch("rain_mm_h", [(60, 3, 12.0)]), at(60))
    assert (over.key, over.level) == ("371311", Level.NONE)
    [other] = engine.observe(batch("depth_m", [(65, 2, 0.15)]), at(65))
    assert (other.key, other.level) == ("371302", Level.ORANGE)


def test_a_sensor_of_another_county_does_not_help() -> None:
    sensors = rain_and_depth("371302", "371311")
    engine = Memory(CombinationEvaluator(rule(f"{{all: [{RAIN}, {DEPTH}]}}", "county"), sensors))
    engine.observe(batch("rain_mm_h", [(0, 1, 99.0)]), at(0))
    engine.observe(batch("depth_m", [(1, 4, 2.0)]), at(1))
    assert engine.found == []


def test_silence_is_unknown_and_makes_no_not_true() -> None:
    sensors = rain_and_depth("371302")
    dry_but_wet = Memory(CombinationEvaluator(rule(f"{{all: [{DEPTH}, {{not: {RAIN}}}]}}"), sensors))
    dry_but_wet.observe(batch("depth_m", [(0, 2, 0.3)]), at(0))
    assert dry_but_wet.found == []  # nobody knows whether it rains
    [fired] = dry_but_wet.observe(batch("rain_mm_h", [(5, 1, 0.0)]), at(5))
    assert fired.level == Level.ORANGE
    assert "数据不明" not in fired.why


def test_what_has_fallen_silent_is_said_and_ends_nothing() -> None:
    engine = Memory(CombinationEvaluator(rule(f"{{all: [{RAIN}, {DEPTH}]}}"), rain_and_depth("371302")))
    engine.observe(batch("rain_mm_h", [(0, 1, 40.0)]), at(0))
    engine.observe(batch("depth_m", [(500, 2, 0.2)]), at(500))
    assert [one.level for one in engine.found] == [Level.ORANGE]
    assert engine.tick(at(600)) == []
    [silent] = engine.tick(at(601))
    assert silent.level == Level.ORANGE
    assert "数据不明:雨强 ≥ 30 mm/h(站1 超过 600 秒无读数)" in silent.why
    assert engine.tick(at(700)) == []
    [again] = engine.observe(batch("rain_mm_h", [(710, 1, 41.0)]), at(710))
    assert (again.level, "数据不明" in again.why) == (Level.ORANGE, False)


def test_any_is_true_though_a_part_is_unknown_and_says_so() -> None:
    engine = Memory(CombinationEvaluator(rule(f"{{any: [{RAIN}, {DEPTH}]}}"), rain_and_depth("371302")))
    [fired] = engine.observe(batch("depth_m", [(0, 2, 0.2)]), at(0))
    assert "数据不明:雨强" in fired.why


def test_a_scope_without_such_a_sensor_is_unknown() -> None:
    sensors = {1: sensor(1, "depth_m")}
    engine = Memory(CombinationEvaluator(rule(f"{{all: [{DEPTH}, {{not: {RAIN}}}]}}", "county"), sensors))
    engine.observe(batch("depth_m", [(0, 1, 1.0)]), at(0))
    assert engine.found == []


@pytest.mark.parametrize(("values", "fires"), [((0.2, 0.1, 0.1), False), ((0.2, 0.2, 0.1), True), ((0.2,) * 3, True)])
def test_at_least_n_of_m(values: tuple[float, ...], fires: bool) -> None:
    parts = ", ".join(f"{{sensors: {{ids: [s{no}]}}, quantity: depth_m, above: 0.15}}" for no in (1, 2, 3))
    sensors = {no: sensor(no, "depth_m") for no in (1, 2, 3)}
    engine = Memory(CombinationEvaluator(rule(f"{{at_least: {{n: 2, of: [{parts}]}}}}"), sensors))
    engine.observe(batch("depth_m", [(0, no, value) for no, value in enumerate(values, 1)]), at(0))
    assert bool(engine.found) is fires


def test_several_sensors_of_one_condition() -> None:
    sensors = {no: sensor(no, "depth_m", asset="a" if no < 4 else "b") for no in range(1, 7)}
    when = "{sensors: {all: true}, quantity: depth_m, above: 0.15, sensors_at_least: 2}"
    engine = Memory(CombinationEvaluator(rule(when, "asset"), sensors))
    engine.observe(batch("depth_m", [(0, no, 0.2 if no in (1, 2, 4) else 0.0) for no in sensors]), at(0))
    assert [(one.key, one.level) for one in engine.found] == [("a", Level.ORANGE)]


def test_a_hold_passes_by_reading_or_by_time_but_not_in_silence() -> None:
    when = "{sensors: {all: true}, quantity: depth_m, above: 0.15, hold_s: 60, max_age_s: 300}"
    sensors = {1: sensor(1, "depth_m")}
    by_time = Memory(CombinationEvaluator(rule(when), sensors))
    by_time.observe(batch("depth_m", [(0, 1, 0.2)]), at(0))
    assert by_time.tick(at(59)) == []
    assert [one.level for one in by_time.tick(at(60))] == [Level.ORANGE]
    by_reading = Memory(CombinationEvaluator(rule(when), sensors))
    by_reading.observe(batch("depth_m", [(0, 1, 0.2), (30, 1, 0.1), (40, 1, 0.2), (99, 1, 0.2)]), at(99))
    assert by_reading.found == []
    assert [one.since for one in by_reading.observe(batch("depth_m", [(100, 1, 0.2)]), at(100))] == [at(100)]
    silent = Memory(CombinationEvaluator(rule(when), sensors))
    silent.observe(batch("depth_m", [(0, 1, 0.2)]), at(0))
    assert silent.tick(at(301)) == []


def test_a_deadband_keeps_what_was_reached() -> None:
    when = "{sensors: {all: true}, quantity: depth_m, above: 0.15, deadband: 0.05}"
    engine = Memory(CombinationEvaluator(rule(when), {1: sensor(1, "depth_m")}))
    readings = [(0, 1, 0.14), (1, 1, 0.15), (2, 1, 0.11), (3, 1, 0.09)]
    engine.observe(batch("depth_m", readings), at(3))
    assert [(one.level, one.since) for one in engine.found] == [(Level.ORANGE, at(1)), (Level.NONE, at(3))]


def test_below_and_late_and_repeated_readings() -> None:
    when = "{sensors: {all: true}, quantity: depth_m, below: 0.05}"
    engine = Memory(CombinationEvaluator(rule(when), {1: sensor(1, "depth_m")}))
    first = batch("depth_m", [(10, 1, 0.04)])
    assert len(engine.observe(first, at(10))) == 1
    assert engine.observe(first, at(11)) == []
    assert engine.observe(batch("depth_m", [(9, 1, 3.0)]), at(12)) == []
    assert engine.observe(batch("depth_m", [(10, 1, 3.0)]), at(12)) == []
    assert len(engine.observe(batch("depth_m", [(13, 1, 3.0)]), at(13))) == 1


def test_a_drill_is_judged_by_itself_and_forgotten() -> None:
    evaluator = CombinationEvaluator(rule(f"{{all: [{RAIN}, {DEPTH}]}}"), rain_and_depth("371302"))
    engine = Memory(evaluator)
    engine.observe(batch("rain_mm_h", [(0, 1, 40.0)]), at(0))
    engine.observe(batch("depth_m", [(0, 2, 0.2)], "演练"), at(0))
    assert engine.found == []
    [fired] = engine.observe(batch("rain_mm_h", [(1, 1, 40.0)], "演练"), at(1))
    assert fired.dedup_key == "rule:both:all:exercise:演练"
    assert evaluator.exercises() == {"演练"}
    outcome = evaluator.forget("演练")
    assert outcome is not None
    engine._take(outcome)
    assert evaluator.exercises() == set()
    again = CombinationEvaluator(rule(f"{{all: [{RAIN}, {DEPTH}]}}"), rain_and_depth("371302"))
    latest = {q: batch(q, [(1, no, 40.0)], "演练") for no, q in ((1, "rain_mm_h"), (2, "depth_m"))}
    again.restore(Stored(engine.rows, latest, {}), at(2))
    assert again.tick(at(3)) is None  # a drill that is over does not come back with a restart


def test_a_new_rule_counts_what_the_sensors_said_last() -> None:
    evaluator = CombinationEvaluator(rule(f"{{all: [{RAIN}, {DEPTH}]}}"), rain_and_depth("371302"))
    latest = {q: batch(q, [(0, no, 40.0)]) for no, q in ((1, "rain_mm_h"), (2, "depth_m"))}
    evaluator.restore(Stored({}, latest, {}), at(1))
    outcome = evaluator.tick(at(2))
    assert outcome is not None
    assert [one.level for one in outcome.findings] == [Level.ORANGE]


# ---- properties

SENSORS = rain_and_depth("371302", "371311")
WHENS = [
    f"{{all: [{RAIN}, {DEPTH}]}}",
    f"{{any: [{RAIN}, {{not: {DEPTH}}}]}}",
    "{all: [{sensors: {all: true}, quantity: depth_m, above: 0.15, hold_s: 20, deadband: 0.05}, "
    f"{{not: {{all: [{RAIN}, {DEPTH}]}}}}]}}",
]
VALUES = {"rain_mm_h": [0.0, 29.9, 30.0, 50.0], "depth_m": [0.0, 0.1, 0.12, 0.15, 0.4]}
Step = tuple[int, str, int, float]


@st.composite
def stories(draw: st.DrawFn) -> list[Step]:
    """(second, quantity, sensor, value), time going on."""
    steps, second = [], 0
    for _ in range(draw(st.integers(1, 25))):
        second += draw(st.integers(0, 400))
        no = draw(st.sampled_from(sorted(SENSORS)))
        quantity = SENSORS[no].quantities[0]
        value = draw(
            st.sampled_from([0.0, 29.9, 30.0, 50.0] if quantity == "rain_mm_h" else [0.0, 0.1, 0.12, 0.15, 0.4])
        )
        steps.append((second, quantity, no, value))
    return steps


def runs_of(story: list[Step]) -> list[list[Step]]:
    """Runs of one quantity, as one payload would carry them."""
    runs: list[list[Step]] = []
    for step in story:
        if runs and runs[-1][0][1] == step[1]:
            runs[-1].append(step)
        else:
            runs.append([step])
    return runs


def play(engine: Memory, part: list[Step], now: int) -> None:
    engine.observe(batch(part[0][1], [(second, no, value) for second, _, no, value in part]), at(now))


def reached(engine: Memory) -> dict[tuple[int, str], tuple[int, bool]]:
    """What the stored state says of every slot whose threshold is reached."""
    return {
        (number, condition): (plain["since_ms"], plain["held"])
        for (_, number), row in engine.rows.items()
        for condition, plain in row.get("conditions", {}).items()
        if plain["since_ms"] >= 0
    }


@settings(max_examples=60, deadline=None)
@given(stories(), st.sampled_from(WHENS), st.sampled_from(["all", "county"]), st.data())
def test_any_split_into_batches_gives_the_same_findings(
    story: list[Step], when: str, per: str, data: st.DataObject
) -> None:
    whole, split = (Memory(CombinationEvaluator(rule(when, per), SENSORS)) for _ in range(2))
    for run in runs_of(story):
        now = run[-1][0]
        play(whole, run, now)
        moments = sorted({step[0] for step in run})
        cuts = [run[0][0], *data.draw(st.lists(st.sampled_from(moments), max_size=4).map(sorted)), now + 1]
        for begin, end in pairwise(cuts):
            part = [step for step in run if begin <= step[0] < end]
            if part:
                play(split, part, now)
    assert split.found == whole.found
    assert reached(split) == reached(whole)


@settings(max_examples=60, deadline=None)
@given(stories(), st.sampled_from(WHENS), st.integers(0, 30))
def test_a_restart_at_any_point_changes_nothing(story: list[Step], when: str, crash: int) -> None:
    calm, struck = (Memory(CombinationEvaluator(rule(when, "county"), SENSORS)) for _ in range(2))
    latest: dict[str, dict[int, Step]] = {}
    for place, step in enumerate(story):
        if place == crash:
            stored = {
                quantity: batch(quantity, sorted((s, no, value) for s, _, no, value in newest.values()))
                for quantity, newest in latest.items()
            }
            struck.evaluator = CombinationEvaluator(rule(when, "county"), SENSORS)
            struck.evaluator.restore(Stored(struck.rows, stored, {}), at(story[place - 1][0]))
        for engine in (calm, struck):
            play(engine, [step], step[0])
            engine.tick(at(step[0] + 1))
        of_quantity = latest.setdefault(step[1], {})
        if step[2] not in of_quantity or of_quantity[step[2]][0] < step[0]:
            of_quantity[step[2]] = step
    assert struck.found == calm.found
    assert struck.rows == calm.rows


LEAVES = st.sampled_from([Condition(no, SensorFilter(all=True), "depth_m", 1.0) for no in range(3)])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=1, max_size=3).flatmap(
            lambda parts: st.integers(1, len(parts)).map(lambda n: Among(n, tuple(parts)))
        ),
    ),
    max_leaves=8,
)


@given(TREES, st.lists(st.sampled_from([True, False, None]), min_size=3, max_size=3))
def test_what_is_sure_holds_however_the_unknown_turns_out(tree: object, known: list[bool | None]) -> None:
    def truth(values: list[bool | None]) -> Truth:
        def leaf(condition: Condition) -> Truth:
            value = values[condition.no]
            return Truth(np.array([value is True]), np.array([value is not False]))

        return truth_of(tree, leaf)  # type: ignore[arg-type]

    told = truth(known)
    worlds = [[]]
    for value in known:
        worlds = [[*world, turned] for world in worlds for turned in ([True, False] if value is None else [value])]
    outcomes = {bool(truth(world).surely[0]) for world in worlds}
    assert not told.surely[0] or outcomes == {True}
    assert told.maybe[0] or outcomes == {False}


# ---- bad rules


def problems_of(when: str, per: str = "all") -> str:
    with pytest.raises(BadInput) as refused:
        rule(when, per)
    return str(refused.value)


@pytest.mark.parametrize(
    ("when", "what"),
    [
        ("{sensors: {all: true}, quantity: depth_m}", "rules:10: 条件要写 above 或 below 之一"),
        ("{sensors: {all: true}, quantity: depth_m, above: 1, below: 0}", "条件要写 above 或 below 之一"),
        ("{sensors: {all: true}, quantity: sound, above: 1}", "quantity 只能是"),
        ("{sensors: {}, quantity: depth_m, above: 1}", "没有选中任何传感器"),
        ("{sensors: {all: true}, quantity: depth_m, above: .nan}", "above 必须是数字"),
        ("{all: []}", "all 必须是至少一项的列表"),
        ("{any: 3}", "any 必须是至少一项的列表"),
        ("{not: [1]}", "not 必须是键值对"),
        (f"{{all: [{RAIN}], any: [{RAIN}]}}", "不认识 any;可用:all"),
        (f"{{at_least: {{n: 3, of: [{RAIN}, {DEPTH}]}}}}", "n 是 3,但只列了 2 项"),
        (f"{{at_least: {{n: 0, of: [{RAIN}]}}}}", "n 必须是数字"),
        ("{script: os.system}", "条件要写 above 或 below 之一"),
    ],
)
def test_every_mistake_is_named_with_its_line(when: str, what: str) -> None:
    assert what in problems_of(when)


def test_bombs_are_refused_quickly() -> None:
    deep = RAIN
    for _ in range(MAX_DEPTH):
        deep = f"{{all: [{deep}]}}"
    assert f"条件嵌套超过 {MAX_DEPTH} 层" in problems_of(deep)
    assert "过深的嵌套" in problems_of("{not: " * 5_000 + RAIN + "}" * 5_000)
    assert f"条件超过 {MAX_CONDITIONS} 个" in problems_of(f"{{any: [{', '.join([RAIN] * 500)}]}}")
    assert "不能使用别名" in problems_of(f"{{any: [&a {RAIN}, *a]}}")


def test_a_rule_of_this_kind_takes_no_threshold_fields() -> None:
    with pytest.raises(BadInput) as refused:
        parse_rules("""
rules:
  - {id: a, kind: combination, title: a, event: a, source: a, quantity: depth_m, levels: [], per: moon, level: red}
""")
    for what in ("不认识 quantity", "不认识 levels", "per 只能是 all、county、asset", "缺少 when", "缺少 native"):
        assert f"rules:3: {what}" in str(refused.value)
