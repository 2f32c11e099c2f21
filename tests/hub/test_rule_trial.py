"""Rules tried on stored readings of both databases, beside those in force."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import Point

from alerts.ports import ReadingBatch
from alerts.sightings import Sighting
from geodata.catalog import Catalog
from geodata.city import City
from geodata.clock import epoch_ms
from geodata.errors import BadInput, Conflict
from hub import rule_trial
from hub.audit import AuditLog
from hub.database import Database
from hub.reading_store import DbReadingStore
from hub.rule_book import RuleBook
from hub.rule_trial import RuleTrials
from hub.rule_versions import RuleVersions
from hub.sensor_registry import DbSensorRegistry
from hub.sighting_store import DbSightingStore
from tests.hub.test_rule_book import RULE

NOW = datetime(2026, 8, 14, 3, 0, tzinfo=UTC)
VALUES = (0.0, 0.3, 0.0, 0.25, 0.0, 0.4)  # one every sixteen minutes, the last one now


def text(at: str) -> str:
    return RULE.replace("AT", at)


@pytest.fixture
def trials(room_database: Database, tmp_path: Path) -> RuleTrials:
    columns = {
        "id": ["g1"], "name": ["一号水尺"], "kind": ["gauge"], "quantities": ["depth_m"], "county_code": ["371302"],
        "asset_id": [""], "sample": [True],
    }  # fmt: skip
    catalog = Catalog(tmp_path)
    catalog.write("sensors", gpd.GeoDataFrame(columns, geometry=[Point(118.3, 35.1)], crs="EPSG:4326"))
    registry, readings = DbSensorRegistry(room_database), DbReadingStore(room_database)
    registry.register(["g1"])
    for exercise, shift in (("", 0.0), ("storm", 0.2)):
        times = [epoch_ms(NOW - timedelta(minutes=16 * place)) for place in range(len(VALUES))][::-1]
        numbers = np.full(len(VALUES), registry.numbers()["g1"], np.int32)
        readings.add(ReadingBatch("depth_m", numbers, np.array(VALUES) + shift, np.array(times), times[-1], exercise))
    path = tmp_path / "rules.yaml"
    path.write_text(text("0.35"), encoding="utf-8")
    book = RuleBook(RuleVersions(room_database, AuditLog(room_database)), path, tmp_path / "kept", lambda: NOW)
    book.rules()
    return RuleTrials(room_database, readings, City.load(catalog), registry, book, lambda: NOW)


def only(found: dict[str, Any]) -> dict[str, Any]:
    (row,) = found["rules"]
    return row


@pytest.mark.parametrize(("at", "fired"), [("0.35", 1), ("0.28", 2), ("0.20", 3), ("0.5", 0)])
def test_an_edit_is_counted_beside_what_is_in_force(trials: RuleTrials, at: str, fired: int) -> None:
    found = trials(text(at), None, 6, False)
    assert (found["fired_now"], found["fired_then"], found["readings"], found["note"]) == (1, fired, 6, "")
    row = only(found)
    assert row["changed"] == (at != "0.35")
    assert row["then"]["by_level"] == ({"red": fired} if fired else {})
    if fired:
        newest = row["then"]["episodes"][0]
        assert (newest["name"], newest["peak"], newest["ended_at"]) == ("一号水尺", 0.4, None)
        assert row["then"]["open_at_end"] == 1


def test_the_time_tried_is_what_was_asked_for(trials: RuleTrials) -> None:
    assert trials(text("0.20"), None, 1, False)["fired_then"] == 2
    assert trials(text("0.20"), None, 72, False)["fired_then"] == 3


def test_a_rule_that_is_off_counts_for_nothing_but_is_told(trials: RuleTrials) -> None:
    found = trials(text("0.20") + "    enabled: false\n", None, 6, False)
    assert (found["fired_now"], found["fired_then"]) == (1, 0)
    assert (only(found)["then"]["enabled"], only(found)["then"]["fired"]) == (False, 3)


def test_what_is_added_and_what_is_gone(trials: RuleTrials) -> None:
    found = trials(text("0.20").replace("id: underpass", "id: fresh"), None, 6, False)
    rows = {row["id"]: row for row in found["rules"]}
    assert rows["fresh"]["now"] is None
    assert rows["underpass"]["then"] is None
    assert (found["fired_now"], found["fired_then"]) == (1, 3)
    assert [row["id"] for row in trials(text("0.20"), ["nowhere"], 6, False)["rules"]] == []


def test_a_drill_is_tried_on_its_own_readings(trials: RuleTrials) -> None:
    found = trials(text("0.35"), None, 6, True)
    assert (found["drill"], found["fired_then"]) == ("storm", 3)


@pytest.mark.parametrize("hours", [0, -1, 73, 10**9])
def test_only_so_far_back(trials: RuleTrials, hours: int) -> None:
    with pytest.raises(BadInput, match="hours"):
        trials(text("0.20"), None, hours, False)


def test_wrong_rules_are_not_tried(trials: RuleTrials) -> None:
    with pytest.raises(BadInput) as raised:
        trials(text("viel"), None, 6, False)
    assert raised.value.where["problems"]


def test_too_many_readings_are_cut_and_said(trials: RuleTrials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_trial, "MOST_READINGS", 3)
    found = trials(text("0.20"), None, 6, False)
    assert found["readings"] == 3
    assert "depth_m" in found["note"]
    assert found["fired_then"] == 2


def test_one_at_a_time(trials: RuleTrials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_trial, "PATIENCE_S", 0.05)
    with trials._lock, pytest.raises(Conflict, match="稍后"):
        trials(text("0.20"), None, 6, False)
    assert trials(text("0.20"), None, 6, False)["fired_then"] == 3


FIRE = """  - id: fire
    kind: spatial
    title: 火点
    event: 森林火灾
    of: fire_point
    levels: [{level: yellow, at: 1, native: 1 起}, {level: red, at: 3, native: 3 起}]
    merge_m: 500
    merge_s: 600
    source: 测试
    enabled: false
"""
BOTH = """  - id: twice
    kind: combination
    title: 积水且未停
    event: 内涝
    level: orange
    native: 0.2 m
    when: {all: [{sensors: {all: true}, quantity: depth_m, above: 0.2, max_age_s: 900}]}
    source: 测试
"""


def test_reports_are_tried_by_when_they_came_in(trials: RuleTrials, room_database: Database) -> None:
    came = [-80, -79, -78, -30, -200]  # minutes; the last one before the time tried
    DbSightingStore(room_database).add([
        Sighting(f"f{n}", "tower", "fire_point", 118.3, 35.1, NOW + timedelta(minutes=m), NOW + timedelta(minutes=m))
        for n, m in enumerate(sorted(came))
    ])  # fmt: skip
    found = trials(text("0.35") + FIRE, ["fire"], 2, False)
    row = only(found)
    assert (found["reports"], found["readings"], found["note"]) == (4, 0, "")
    assert (row["unit"], row["then"]["fired"], row["then"]["by_level"]) == ("起", 2, {"red": 1, "yellow": 1})
    assert [one["peak"] for one in row["then"]["episodes"]] == [1.0, 3.0]
    assert row["then"]["episodes"][0]["ended_at"] == (NOW + timedelta(minutes=-20, milliseconds=1)).isoformat()
    assert trials(text("0.35") + FIRE, ["fire"], 2, True)["reports"] == 0, "what was real is no part of a drill"


def test_too_many_reports_are_cut_and_said(
    trials: RuleTrials, room_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_trial, "MOST_REPORTS", 2)
    times = [NOW - timedelta(minutes=9 - n) for n in range(5)]
    DbSightingStore(room_database).add([
        Sighting(f"f{n}", "tower", "fire_point", 118.3 + n, 35.1, when, when) for n, when in enumerate(times)
    ])  # fmt: skip
    found = trials(text("0.35") + FIRE, ["fire"], 2, False)
    assert (found["reports"], only(found)["then"]["fired"]) == (2, 2)
    assert found["note"] == "位置报告太多,只用了最近的 2 条"


def test_a_combination_is_tried_and_has_no_peak(trials: RuleTrials) -> None:
    row = only(trials(text("0.35") + BOTH, ["twice"], 6, False))
    then = row["then"]
    assert (then["fired"], then["readings"], then["sensors"], then["truncated"]) == (3, 6, 1, "")
    assert [one["peak"] for one in then["episodes"]] == [None] * 3
    assert then["episodes"][0]["name"] == "一号水尺"


def test_sensors_chosen_by_a_layer_without_data_are_said(trials: RuleTrials) -> None:
    near = "sensors: {near: {layer: waterlogging_points, within_m: 50}}"
    found = trials(text("0.20").replace("sensors: {all: true}", near), None, 6, False)
    assert (found["fired_now"], found["fired_then"], only(found)["then"]["sensors"]) == (1, 0, 0)
    assert "图层没有数据" in found["note"]
