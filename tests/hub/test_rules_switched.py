"""Rules that change under a running engine: what they raised ends with its reason, nothing is dropped or doubled."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from alerts.engine import RuleEngine
from alerts.evaluators import EDITED
from alerts.model import Alert
from alerts.ports import ReadingBatch
from alerts.retired import RULE_OFF, SENSOR_OFF, SILENCE_OFF
from alerts.rule_evaluators import build_evaluators
from alerts.rule_text import switched
from alerts.rules import parse_rules
from alerts.sensors import SensorInfo
from geodata.catalog import Catalog
from geodata.clock import epoch_ms
from geodata.errors import Conflict
from hub.alert_store import DbAlertStore
from hub.database import Database
from hub.lease import Leases
from hub.reading_store import DbReadingStore
from hub.rule_places import RulePlaces
from hub.sighting_store import DbSightingStore

T0 = datetime(2026, 7, 1, tzinfo=UTC)
TEXT = """rules:
  - id: depth
    title: 积水
    event: 积水
    quantity: depth_m
    sensors: {ids: [g1, g2]}
    levels: [{level: yellow, at: 0.20, native: 慢行}, {level: red, at: 0.50, native: 封闭, hold_s: 60}]
    deadband: 0.02
    stale_after_s: 600
    source: 测试
  - id: other
    title: 另一条
    event: 积水
    quantity: depth_m
    sensors: {ids: [g3]}
    levels: [{level: red, at: 0.20, native: 封闭}]
    source: 测试
"""
SENSORS = {n: SensorInfo(n, f"g{n}", f"水尺{n}", "gauge", 118.3, 35.1, "371302", "underpass") for n in range(1, 4)}


@pytest.fixture
def database(room_database: Database) -> Database:
    return room_database


class City:
    """Stores that live on while engines come and go with other rules."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.store, self.readings = DbAlertStore(database), DbReadingStore(database)
        self.second = 0
        self.engine = self.start(TEXT)

    @property
    def now(self) -> datetime:
        return T0 + timedelta(seconds=self.second)

    def start(self, text: str, sensors: dict[int, SensorInfo] = SENSORS) -> RuleEngine:
        """An engine with these rules, begun as `hub.engine` begins it."""
        rules = parse_rules(text)
        others = build_evaluators(
            rules, sensors, RulePlaces(Catalog(self.folder)).of(rules), DbSightingStore(self.database)
        )
        self.engine = RuleEngine(rules, sensors, self.store, self.readings, lambda: self.now, others)
        self.engine.retire(self.now)
        self.engine.load()
        return self.engine

    def hear(self, after_s: int, **values: float) -> None:
        self.second += after_s
        at_ms = epoch_ms(self.now)
        numbers = np.array([int(name[1:]) for name in values], np.int32)
        self.engine.step(
            ReadingBatch("depth_m", numbers, np.array([*values.values()]), np.full(len(values), at_ms), at_ms), self.now
        )
        self.engine.tick(self.now)

    def open(self) -> dict[str, str]:
        """Open alerts: rule id and sensor → level."""
        return {f"{one.rule_id} {one.sensor}": one.level.name for one in self.store.open_alerts()}

    def ended(self) -> dict[str, str | None]:
        found: list[Alert] = self.store.find(states=["resolved"], limit=50, before=None, at=self.now)
        return {f"{one.rule_id} {one.sensor}": one.resolved_why for one in found}


@pytest.fixture
def city(database: Database, tmp_path: Path) -> City:
    made = City(database, tmp_path)
    made.hear(0, g1=0.30, g2=0.05, g3=0.30)
    assert made.open() == {"depth g1": "YELLOW", "other g3": "RED"}
    return made


def test_a_rule_switched_off_ends_what_it_raised_and_leaves_the_others(city: City) -> None:
    city.start(switched(TEXT, "depth", False))
    assert city.open() == {"other g3": "RED"}
    assert city.ended() == {"depth g1": RULE_OFF}
    before = city.store.open_alerts()
    city.start(switched(TEXT, "depth", False))
    assert city.store.open_alerts() == before  # nothing is written again


def test_switched_on_again_it_fires_anew_while_the_condition_lasts(city: City) -> None:
    city.start(switched(TEXT, "depth", False))
    city.hear(60, g1=0.31)
    assert city.open() == {"other g3": "RED"}
    city.start(TEXT)
    city.hear(60, g1=0.32)
    assert city.open() == {"depth g1": "YELLOW", "other g3": "RED"}


def test_a_rule_that_is_gone_counts_as_off(city: City) -> None:
    city.start(TEXT[: TEXT.index("  - id: other")])
    assert city.open() == {"depth g1": "YELLOW"}
    assert city.ended() == {"other g3": RULE_OFF}


def test_a_sensor_let_go_ends_and_taken_back_fires_anew(city: City) -> None:
    city.start(TEXT.replace("[g1, g2]", "[g2]"))
    assert city.ended() == {"depth g1": SENSOR_OFF}
    city.start(TEXT)
    city.hear(60, g1=0.33)
    assert city.open() == {"depth g1": "YELLOW", "other g3": "RED"}


def test_a_sensor_missing_from_the_citys_data_keeps_its_alert(city: City) -> None:
    city.start(TEXT, {n: sensor for n, sensor in SENSORS.items() if n != 1})
    assert "depth g1" in city.open()
    city.start(TEXT)
    city.hear(60, g1=0.05)
    assert city.open() == {"other g3": "RED"}


def test_silence_that_is_watched_no_more_ends(city: City) -> None:
    city.second += 700
    city.engine.tick(city.now)
    assert "depth/stale g2" in city.open()
    city.start(TEXT.replace("stale_after_s: 600", "stale_after_s: 0"))
    assert city.open() == {"depth g1": "YELLOW", "other g3": "RED"}
    assert city.ended()["depth/stale g2"] == SILENCE_OFF


def test_other_thresholds_apply_from_the_next_reading_without_a_second_alert(city: City) -> None:
    first = {one.rule_id: one.id for one in city.store.open_alerts()}
    city.start(TEXT.replace("at: 0.50, native: 封闭, hold_s: 60", "at: 0.28, native: 封闭"))
    city.hear(60, g1=0.30)
    assert city.open() == {"depth g1": "RED", "other g3": "RED"}
    city.start(TEXT.replace("at: 0.20, native: 慢行", "at: 0.40, native: 慢行"))
    city.hear(60, g1=0.30)
    assert city.open() == {"other g3": "RED"}
    city.start(TEXT)
    city.hear(60, g1=0.30)
    assert {one.rule_id for one in city.store.open_alerts()} == set(first)


def test_a_drills_alerts_end_with_the_rule_too(city: City) -> None:
    at_ms = epoch_ms(city.now)
    drill = ReadingBatch("depth_m", np.array([2], np.int32), np.array([0.4]), np.array([at_ms]), at_ms, "演练一")
    city.engine.step(drill, city.now)
    assert "depth g2" in city.open()
    city.start(switched(TEXT, "depth", False))
    assert city.open() == {"other g3": "RED"}
    city.start(TEXT)
    city.engine.step(replace(drill, observed_ms=np.array([at_ms + 1000]), received_ms=at_ms + 1000), city.now)
    assert "depth g2" in city.open()


def test_an_engine_that_lost_its_lease_ends_nothing(database: Database, tmp_path: Path) -> None:
    city = City(database, tmp_path)
    city.hear(0, g1=0.30)
    token = Leases(database).acquire("rules", "here", T0, 4.0)
    assert token is not None
    late = RuleEngine(parse_rules("rules:" + TEXT[TEXT.index("\n  - id: other") :]), SENSORS, city.store, city.readings,
                      lambda: T0)  # fmt: skip
    with pytest.raises(Conflict):
        late.retire(city.now, ("rules", token + 1))
    assert city.open() == {"depth g1": "YELLOW"}
    late.retire(city.now, ("rules", token))
    assert city.open() == {}


def test_a_wait_for_a_threshold_that_was_raised_meanwhile_is_over(city: City) -> None:
    """Time alone must not fire a level that the last reading does not reach."""
    city.hear(1, g1=0.55)  # red is reached, and must be held for a minute
    city.start(TEXT.replace("at: 0.50", "at: 0.80"))
    city.second += 61
    city.engine.tick(city.now)
    assert city.open()["depth g1"] == "YELLOW"
    city.hear(1, g1=0.85)
    city.second += 61
    city.engine.tick(city.now)
    assert city.open()["depth g1"] == "RED"


def test_a_wait_goes_on_when_its_threshold_stays(city: City) -> None:
    city.hear(1, g1=0.55)
    city.start(TEXT.replace("deadband: 0.02", "deadband: 0.03"))
    city.second += 61
    city.engine.tick(city.now)
    assert city.open()["depth g1"] == "RED"


TOGETHER = """rules:
  - id: depth
    kind: combination
    title: 两处都有水
    event: 积水
    level: red
    native: 两处 0.10 m
    when: {all: [{sensors: {ids: [g1]}, quantity: depth_m, above: 0.1}, {not: {sensors: {ids: [g2]}, quantity: depth_m, above: 0.1}}]}
    source: 测试
"""  # noqa: E501
OTHER = TEXT[TEXT.index("  - id: other") :]


def test_a_rule_that_becomes_another_kind_and_back_leaves_no_alert_and_fires_anew(city: City) -> None:
    def keys() -> set[str]:
        return {one.dedup_key for one in city.store.open_alerts()}

    city.second += 700
    city.engine.tick(city.now)
    assert keys() == {"rule:depth:g1", "rule:depth/stale:g1", "rule:depth/stale:g2", "rule:other:g3"}
    city.start(TOGETHER + OTHER)
    city.engine.tick(city.now)
    assert keys() == {"rule:depth:all", "rule:other:g3"}
    assert city.ended()["depth/stale g2"] == SILENCE_OFF
    city.start(TEXT)
    assert keys() == {"rule:other:g3"}, "nothing would ever end what the combination raised"
    assert city.ended()["depth g1"] == EDITED
    city.hear(10, g1=0.31)
    assert keys() == {"rule:depth:g1", "rule:other:g3"}, "what the threshold told before is over: it fires anew"
