"""Sensors chosen by where they stand: named once, when the rules meet the city."""

from dataclasses import replace

import geopandas as gpd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, box

from alerts.combination import CombinationSpec
from alerts.rule_evaluators import layers_of
from alerts.rule_resolved import resolved, unresolved
from alerts.rule_words import watches
from alerts.rules import RuleSet, parse_rules
from alerts.sensors import SensorInfo
from geodata.catalog import Catalog
from geodata.city import City
from geodata.errors import BadInput
from geodata.places import CityPlaces, metres

TEXT = """
rules:
  - id: depth
    title: 积水
    event: 积水
    quantity: depth_m
    sensors: {CHOSEN}
    levels: [{level: red, at: 0.3, native: 封闭}]
    source: 测试
"""
BOTH = """
rules:
  - id: both
    kind: combination
    title: 雨且水
    event: 内涝
    level: orange
    native: 两者
    when:
      all:
        - {sensors: {within: {layer: counties, ids: ["371302"]}}, quantity: rain_mm_h, above: 30}
        - not: {sensors: {all: true}, quantity: depth_m, above: 1}
    source: 测试
"""
SENSORS = {
    1: SensorInfo(1, "g1", "一号", "gauge", 118.30, 35.05, "371302", "underpass", ("depth_m", "rain_mm_h")),
    2: SensorInfo(2, "g2", "二号", "gauge", 118.40, 35.05, "371302", "road", ("depth_m",)),
    3: SensorInfo(3, "r3", "三号", "rain", 118.301, 35.05, "371302", "", ("rain_mm_h",)),
    4: SensorInfo(4, "g4", "无位置", "gauge"),
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> CityPlaces:
    catalog = Catalog(tmp_path_factory.mktemp("city"))
    points = {
        "id": ["p1"], "name": ["下穿"], "kind": ["tunnel"], "county_code": ["371302"], "sensor_id": [""],
        "slow_depth_m": [0.2], "close_depth_m": [0.27], "pump_m3_h": [0.0], "camera_id": [""], "sample": [True],
    }  # fmt: skip
    catalog.write("waterlogging_points", gpd.GeoDataFrame(points, geometry=[Point(118.30, 35.05)], crs="EPSG:4326"))
    counties = {"id": ["371302"], "name": ["示例区"], "sample": [True]}
    catalog.write("counties", gpd.GeoDataFrame(counties, geometry=[box(118.25, 35.0, 118.35, 35.1)], crs="EPSG:4326"))
    return CityPlaces(City.load(catalog, ("waterlogging_points", "counties", "warehouses")))


def rules(chosen: str) -> RuleSet:
    return parse_rules(TEXT.replace("CHOSEN", chosen))


def taken(found: RuleSet) -> set[str]:
    (rule,) = found.rules
    return {one.id for one in SENSORS.values() if rule.sensors.takes(one, rule.quantity)}


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        ("near: {layer: waterlogging_points, within_m: 200}", {"g1"}),
        ("near: {layer: waterlogging_points, within_m: 20000}", {"g1", "g2"}),
        ("near: {layer: waterlogging_points, within_m: 20000, where: {kind: tunnel}}", {"g1", "g2"}),
        ("near: {layer: waterlogging_points, within_m: 20000, where: {kind: road}}", set()),
        ("within: {layer: counties}", {"g1"}),
        ("within: {layer: counties, ids: ['371302']}", {"g1"}),
        ("within: {layer: counties, ids: ['999999']}", set()),
        ("kinds: [rain], near: {layer: waterlogging_points, within_m: 200}", set()),
        ("asset_kinds: [road], near: {layer: waterlogging_points, within_m: 20000}", {"g2"}),
        ("ids: [g1, g2], within: {layer: counties}", {"g1"}),
        ("all: true, within: {layer: counties}", {"g1"}),
        ("near: {layer: warehouses, within_m: 200}", set()),
        ("all: true", {"g1", "g2", "g4"}),
    ],
)
def test_place_narrows_what_is_chosen(places: CityPlaces, chosen: str, ids: set[str]) -> None:
    written = rules(chosen)
    found = resolved(written, SENSORS, places)
    assert taken(found) == ids
    assert resolved(found, SENSORS, places) is found, "named once"
    assert (found is written) == (chosen == "all: true")
    said = unresolved(written, SENSORS, places)
    assert bool(said) == (not taken(found) and "kinds: [rain]" not in chosen)
    if "warehouses" in chosen:
        assert "第 3 行规则 depth" in said[0]
        assert "图层没有数据" in said[0]


def test_the_conditions_of_a_combination_are_named_too(places: CityPlaces) -> None:
    (rule,) = resolved(parse_rules(BOTH), SENSORS, places).rules
    assert isinstance(rule.spec, CombinationSpec)
    first, second = rule.spec.conditions
    assert (first.sensors.ids, first.sensors.within) == (frozenset({"g1", "r3"}), None)
    assert second.sensors.all
    assert layers_of(parse_rules(BOTH)) == {"counties"}


@pytest.mark.parametrize(
    ("chosen", "what"),
    [
        ("near: {layer: nowhere, within_m: 5}", "layer 只能是"),
        ("within: {layer: warehouses}", "layer 只能是"),
        ("near: {layer: waterlogging_points}", "缺少 within_m"),
        ("near: {layer: waterlogging_points, within_m: -1}", "within_m 必须是数字"),
        ("near: {layer: waterlogging_points, within_m: 5, where: {colour: red}}", "没有字段 colour"),
        ("near: 5", "near 必须是键值对"),
    ],
)
def test_a_wrong_place_is_a_problem_with_its_line(chosen: str, what: str) -> None:
    with pytest.raises(BadInput, match=what) as raised:
        rules(chosen)
    assert raised.value.where["problems"][0].startswith("rules:7:")


def test_the_page_says_where() -> None:
    words = watches(rules("kinds: [gauge], near: {layer: waterlogging_points, within_m: 200}").rules[0])
    assert "gauge(距 waterlogging_points 200 m 以内)" in words


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(118.2, 118.45), st.floats(34.95, 35.15)), min_size=1, max_size=20),
    st.floats(1, 20_000),
)
def test_near_is_the_geodesic_distance(places: CityPlaces, spots: list[tuple[float, float]], within_m: float) -> None:
    sensors = {n: replace(SENSORS[1], no=n, id=f"s{n}", lon=lon, lat=lat) for n, (lon, lat) in enumerate(spots)}
    written = rules(f"near: {{layer: waterlogging_points, within_m: {within_m:.6f}}}")
    (rule,) = resolved(written, sensors, places).rules
    limit = float(f"{within_m:.6f}")
    wanted = {one.id for one in sensors.values() if metres(one.lon or 0, one.lat or 0, [118.30], [35.05])[0] <= limit}
    assert rule.sensors.ids == wanted
