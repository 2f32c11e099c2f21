"""Spatial rules: where a report must lie, what is one event, what an absence of the engine must not lose."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from alerts.evaluators import Finding, Outcome, Stored
from alerts.findings import FindingDraft
from alerts.located import AT_ONCE, SpatialEvaluator
from alerts.model import Level
from alerts.ports import Places
from alerts.rules import Rule
from alerts.sightings import Sighting, SightingStore
from geodata.errors import BadInput, NotFound
from tests.alerts.kinds import T0, Memory, at, one_rule

LON, LAT = 118.35, 35.06
GEOD = Geod(ellps="WGS84")
Reports = list[Sighting]


class MemoryReports(SightingStore):
    """The port in memory: `seq` from 1, in the order given."""

    def __init__(self) -> None:
        self.kept: Reports = []

    def add(self, sightings: Sequence[Sighting]) -> int:
        self.kept += [replace(one, seq=len(self.kept) + n) for n, one in enumerate(sightings, 1)]
        return len(sightings)

    def after(self, seq: int, limit: int) -> Reports:
        return [one for one in self.kept if one.seq > seq][:limit]

    def seq_before(self, received_since: datetime) -> int:
        later = [one.seq for one in self.kept if one.received_at >= received_since]
        return min(later) - 1 if later else len(self.kept)

    def since(self, since: datetime, kind: str, limit: int) -> Reports:
        return [one for one in self.kept if one.observed_at >= since and kind in ("", one.kind)][:limit]


class Grid(Places):
    """Level 4 east of 118.40, 2 west of it; a school at 118.36; no other layer has data."""

    def inside(self, layer: str, lon: float, lat: float, ids: frozenset[str] = frozenset()) -> str | None:
        raise NotFound(layer)

    def county(self, lon: float, lat: float) -> tuple[str, str]:
        return ("371302", "示例区") if lon < 118.5 else ("", "")

    def grid_level(self, layer: str, lon: float, lat: float) -> tuple[int, str]:
        return (4, "东格") if lon >= 118.40 else (2, "西格")

    def near(
        self, layer: str, lon: float, lat: float, within_m: float, where: Mapping[str, str]
    ) -> tuple[str, float] | None:
        away = GEOD.inv(lon, lat, 118.36, LAT)[2]
        return ("示例点", away) if away <= within_m else None


def rule(where: str = "", more: str = "", levels: str = "[{level: yellow, at: 1, native: 1 起}]") -> Rule:
    return one_rule(f"""
rules:
  - id: fire
    kind: spatial
    title: 火点
    event: 森林火灾
    of: fire_point
    levels: {levels}
    merge_m: 500
    merge_s: 600
    source: 测试
    {"where: " + where if where else ""}
    {more}
""")


def report(second: float, lon: float = LON, lat: float = LAT, **more: object) -> Sighting:
    made = Sighting(f"r{second}-{lon}-{lat}", "tower", "fire_point", lon, lat, at(second), at(second))
    return replace(made, **more)  # type: ignore[arg-type]


def engine(spec: Rule, store: MemoryReports | None = None) -> tuple[Memory, MemoryReports]:
    store = store or MemoryReports()
    memory = Memory(SpatialEvaluator(spec, Grid(), store))
    memory.tick(T0)  # so that the cursor is stored
    return memory, store


def news(findings: Sequence[Finding]) -> list[tuple[str, Level]]:
    return [(one.key, one.level) for one in findings if one.is_news]


def test_a_condensed_alert_with_a_count() -> None:
    memory, store = engine(rule(levels="[{level: yellow, at: 1, native: 1 起}, {level: red, at: 3, native: 3 起}]"))
    store.add(
        [
            report(0, note="瞭望塔看到烟"),
            report(10, LON + 0.004),
            report(20, LON + 0.5),
            report(30, LAT - 90, kind="car"),
        ]
    )
    found = memory.tick(at(30))
    assert news(found) == [("1", Level.YELLOW), ("3", Level.YELLOW)]
    assert "瞭望塔看到烟" in found[0].why
    assert [(one.county, one.place) for one in found[:2]] == [
        ("371302", "示例区 118.35000, 35.06000"), ("", "118.85000, 35.06000"),
    ]  # fmt: skip
    store.add([report(40)])
    found = memory.tick(at(40))
    assert news(found) == [("1", Level.RED)]
    assert found[0].headline == "火点:3 起报告,达到3 起"
    assert memory.tick(at(41)) == []
    over = memory.tick(at(640.001))
    assert news(over) == [("3", Level.NONE), ("1", Level.NONE)] or news(over) == [("1", Level.NONE), ("3", Level.NONE)]
    draft = FindingDraft({}, at(641))
    draft.add_all(memory.found)
    assert [c.kind for c in draft.changes] == ["fired", "fired", "value", "level", "resolved", "resolved"]
    assert draft.open == {}


def test_merging_is_in_real_metres() -> None:
    for away_m, clusters in ((499.5, 1), (500.5, 2)):
        lon, lat, _ = GEOD.fwd(LON, LAT, 37.0, away_m)
        memory, store = engine(rule())
        store.add([report(0), report(1, lon, lat)])
        assert len(news(memory.tick(at(1)))) == clusters


def test_merging_in_time_and_drills_apart() -> None:
    memory, store = engine(rule())
    store.add([report(0), report(600), report(1200.001), report(0, LON, LAT, exercise="演练")])
    assert [(one.key, one.exercise) for one in memory.tick(at(1201)) if one.is_news] == [
        ("1", ""),
        ("3", ""),
        ("4", "演练"),
    ]
    assert memory.evaluator.exercises() == {"演练"}
    memory._take(memory.evaluator.forget("演练"))
    assert memory.evaluator.exercises() == set()


@pytest.mark.parametrize(
    ("where", "lon", "fires", "why"),
    [
        ("{all: [{grid: {layer: forest_grid, at_least: 3}}]}", 118.45, True, "在「东格」内,危险等级 4 级"),
        ("{all: [{grid: {layer: forest_grid, at_least: 3}}]}", 118.35, False, ""),
        ("{all: [{near: {layer: waterlogging_points, within_m: 1000}}]}", 118.3601, True, "距「示例点」9 米"),
        ("{all: [{near: {layer: waterlogging_points, within_m: 1000}}]}", 118.40, False, ""),
        (
            "{any: [{grid: {layer: forest_grid, at_least: 3}}, {near: {layer: cameras, within_m: 999}}]}",
            118.36,
            True,
            "0 米",
        ),
        ("{all: [{polygon: [[118, 35], [118.4, 35], [118.4, 36], [118, 36]]}]}", 118.35, True, "划定的范围内"),
        ("{all: [{polygon: [[118, 35], [118.4, 35], [118.4, 36], [118, 36]]}]}", 118.41, False, ""),
        # what cannot be said does not hide a danger, and is said
        ("{all: [{within: {layer: counties}}]}", 118.35, True, "无法判断:图层 counties 没有数据"),
        ("{all: [{within: {layer: counties}}, {grid: {layer: forest_grid, at_least: 3}}]}", 118.35, False, ""),
        ("{any: [{within: {layer: counties}}, {grid: {layer: forest_grid, at_least: 3}}]}", 118.35, True, "无法判断"),
    ],
)
def test_where(where: str, lon: float, fires: bool, why: str) -> None:
    memory, store = engine(rule(where))
    store.add([report(0, lon)])
    found = memory.tick(at(0))
    assert bool(found) is fires
    assert not fires or why in found[0].why


def test_levels_by_the_grid_and_confidence() -> None:
    spec = rule(
        "{all: [{grid: {layer: forest_grid, at_least: 1}}]}",
        "measure: grid\n    min_confidence: 0.5",
        "[{level: yellow, at: 2, native: 2 级区}, {level: red, at: 4, native: 4 级区}]",
    )
    memory, store = engine(spec)
    store.add([report(0, 118.398, confidence=0.4), report(1, 118.398, confidence=0.5), report(2, 118.401)])
    assert news(memory.tick(at(2))) == [("2", Level.YELLOW), ("2", Level.RED)]


def test_what_came_while_the_engine_was_away_is_judged_and_stands_as_long_as_a_fresh_one() -> None:
    memory, store = engine(rule())
    store.add([report(0)])
    store.add([report(5, LON + 1)])
    again = SpatialEvaluator(rule(), Grid(), store)
    again.restore(Stored(memory.rows, {}, {}), at(7200))
    outcome = again.tick(at(7200))
    assert outcome is not None
    assert news(outcome.findings) == [("1", Level.YELLOW), ("2", Level.YELLOW)]
    again.adopt(outcome)
    assert again.tick(at(7800)) is None
    ended = again.tick(at(7801))
    assert ended is not None
    assert [one.level for one in ended.findings] == [Level.NONE, Level.NONE]


def test_a_new_rule_begins_with_its_own_memory() -> None:
    store = MemoryReports()
    store.add([report(0), report(5000, LON + 1)])
    fresh = SpatialEvaluator(rule(), Grid(), store)
    fresh.restore(Stored({}, {}, {}), at(5100))
    outcome = fresh.tick(at(5100))
    assert outcome is not None
    assert news(outcome.findings) == [("2", Level.YELLOW)]
    assert next(iter(outcome.rows.values()))["cursor"] == 2


def test_a_flood_of_reports_is_taken_in_portions() -> None:
    memory, store = engine(rule())
    store.add([report(n / 10) for n in range(AT_ONCE + 100)])
    assert [one.value for one in memory.tick(at(60)) if not one.is_news] == [AT_ONCE]
    assert [one.value for one in memory.tick(at(61))] == [AT_ONCE + 100]


STORIES = st.lists(
    st.tuples(st.integers(0, 900), st.sampled_from([118.35, 118.354, 118.358, 118.40]), st.sampled_from(["", "演练"])),
    min_size=1,
    max_size=15,
)


@settings(max_examples=80, deadline=None)
@given(STORIES, st.lists(st.integers(0, 15), max_size=4), st.integers(0, 15))
def test_any_split_and_any_kill_gives_the_same_events(
    story: list[tuple[int, float, str]], cuts: list[int], kill: int
) -> None:
    spec = rule(levels="[{level: yellow, at: 1, native: 1 起}, {level: red, at: 3, native: 3 起}]")
    reports = [replace(report(second, lon, exercise=drill), id=str(n)) for n, (second, lon, drill) in enumerate(story)]
    (whole, all_at_once), (split, parts) = engine(spec), engine(spec)
    all_at_once.add(reports)
    whole.tick(at(900))
    for begin, end in pairwise(sorted({0, *cuts, len(reports)})):
        parts.add(reports[begin:end])
        if begin <= kill < end:  # killed after judging and before the commit: it judges again from the stored cursor
            lost: Outcome | None = split.evaluator.tick(at(900))
            assert lost is None or lost.findings is not None
            split.evaluator = SpatialEvaluator(spec, Grid(), parts)
            split.evaluator.restore(Stored(split.rows, {}, {}), at(900))
        split.tick(at(900))
    assert news(split.found) == news(whole.found)
    assert split.rows == whole.rows


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("{all: [{grid: {layer: cameras, at_least: 3}}]}", "layer 只能是 counties、hills、forest_grid"),
        ("{all: [{grid: {layer: counties, at_least: 3}}]}", "图层 counties 没有字段 danger_level"),
        ("{all: [{near: {layer: cameras, where: {colour: red}, within_m: 5}}]}", "图层 cameras 没有字段 colour"),
        ("{all: [{near: {layer: cameras, within_m: 0}}]}", "within_m 必须是数字"),
        ("{all: [{polygon: [[118, 35], [119, 35]]}]}", "polygon 要有 3…"),
        ("{all: [{polygon: [[118, 135], [119, 35], [119, 36]]}]}", "经度在前"),
        ("{all: [{polygon: [[a, b]]}]}", "polygon 必须是 [数字, 数字] 的列表"),
        ("{all: [{near: {layer: cameras, within_m: 5}, grid: {}}]}", "写 within、polygon、near、grid 之一"),
        ("{all: [{}]}", "写 within、polygon、near、grid 之一"),
        ("{all: [], any: []}", "where 要写 all 或 any 之一"),
        ("{every: []}", "where 要写 all 或 any 之一"),
        ("3", "where 必须是键值对"),
    ],
)
def test_every_mistake_is_named_with_its_line(where: str, what: str) -> None:
    with pytest.raises(BadInput) as refused:
        rule(where)
    assert "rules:12:" in str(refused.value)
    assert what in str(refused.value)


def test_the_grid_cannot_be_measured_where_none_is_asked_for() -> None:
    with pytest.raises(BadInput, match="where 里必须有 grid"):
        rule(more="measure: grid")
    with pytest.raises(BadInput, match="不认识 sensors"):
        rule(more="sensors: {all: true}")
    with pytest.raises(BadInput, match="of 只能用小写字母"):
        one_rule(
            "rules:\n  - {id: a, kind: spatial, title: a, event: a, of: 火点, source: a, "
            "levels: [{level: red, at: 1, native: a}]}"
        )
