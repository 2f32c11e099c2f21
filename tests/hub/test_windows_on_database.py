"""Rules that look back, over real stores: what is stored rebuilds their windows after any death."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alerts.engine import RuleEngine
from alerts.model import Level
from alerts.ports import ReadingBatch
from alerts.rules import parse_rules
from alerts.sensors import SensorInfo
from geodata.clock import epoch_ms
from hub.alert_store import DbAlertStore
from hub.database import Database, metadata
from hub.reading_store import DbReadingStore

T0 = datetime(2026, 7, 1, tzinfo=UTC)
RULES = parse_rules("""
rules:
- {id: rain, kind: window, measure: integral, per_s: 3600, unit: mm, title: 累计雨量, event: 暴雨, quantity: rain_mm_h,
   sensors: {all: true}, source: 测试, max_gap_s: 900, levels: [
   {level: blue, at: 10, native: 6 小时 10 mm, window_s: 21600},
   {level: red, at: 8, native: 1 小时 8 mm, window_s: 3600}]}
- {id: burst, kind: rate, title: 雨强突增, event: 暴雨, quantity: rain_mm_h, sensors: {all: true}, source: 测试,
   window_s: 1800, per_s: 3600, levels: [{level: yellow, at: 20, native: 每小时增 20 mm/h}]}
- {id: silent, kind: absence, title: 雨量站无数据, event: 无数据, quantity: rain_mm_h, source: 测试,
   sensors: {all: true}, levels: [{level: blue, absent_after_s: 7200, native: 2 小时},
   {level: yellow, absent_after_s: 14400, native: 4 小时}]}
""")
SENSORS = {n: SensorInfo(n, f"r{n}", f"雨量站{n}", "rain", quantities=("rain_mm_h",)) for n in (1, 2, 3)}
Step = ReadingBatch | int


@pytest.fixture
def database(room_database: Database) -> Database:
    """Both kinds, instead of the hub tests' own."""
    return room_database


def at(minute: int) -> datetime:
    return T0 + timedelta(minutes=minute)


def batch(minute: int, values: dict[int, float]) -> ReadingBatch:
    at_ms = epoch_ms(at(minute))
    numbers, data = np.array(list(values), np.int32), np.array(list(values.values()))
    return ReadingBatch("rain_mm_h", numbers, data, np.full(len(values), at_ms), at_ms)


# station 1: 9 mm/h for an hour, then dry for 7 hours; station 2: 2.4 mm/h all the time; station 3 is never heard
SCRIPT: list[Step] = [
    *(batch(minute, {1: 9.0 if 0 < minute <= 60 else 0.0, 2: 2.4}) for minute in range(0, 121, 10)),
    125,
    batch(115, {2: 2.4}),  # late, inside the window
    *(batch(minute, {1: 0.0, 2: 2.4}) for minute in range(130, 481, 10)),
    481,
]


def engine_on(store: DbAlertStore, readings: DbReadingStore, clock: list[datetime]) -> RuleEngine:
    engine = RuleEngine(RULES, SENSORS, store, readings, lambda: clock[0])
    engine.load()
    return engine


def play(engine: RuleEngine, step: Step, clock: list[datetime]) -> None:
    clock[0] = at(step) if isinstance(step, int) else T0 + timedelta(milliseconds=step.received_ms - epoch_ms(T0))
    engine.tick(clock[0]) if isinstance(step, int) else engine.step(step, clock[0])


def picture(database: Database) -> Any:
    store = DbAlertStore(database)
    found = store.find(states=["firing", "acknowledged", "resolved", "closed"], limit=100, before=None, at=at(500))
    return sorted(
        (
            a.dedup_key,
            a.level,
            a.native_level,
            a.fired_at,
            a.resolved_at,
            [(h["kind"], h["at"]) for h in store.history(a.id)],
        )
        for a in found
    ), store.rule_states()


def test_windows_fire_and_fall_by_the_hour(database: Database) -> None:
    clock = [T0]
    store = DbAlertStore(database)
    engine = engine_on(store, DbReadingStore(database), clock)
    levels, headlines = {}, {}
    for step in SCRIPT:
        play(engine, step, clock)
        minute = (clock[0] - T0) // timedelta(minutes=1)
        levels[minute] = {a.sensor: (a.level, a.value, a.unit) for a in engine.open_alerts() if a.rule_id == "rain"}
        headlines |= {(a.sensor, minute): a.headline for a in engine.open_alerts() if a.rule_id == "rain"}
    assert levels[50] == {}
    partial = "(窗口内数据不全,只计已知部分)"
    assert headlines["r2", 250] == f"雨量站2 累计雨量 10 mm{partial},达到6 小时 10 mm"  # there are 250 minutes of 360
    assert headlines["r2", 480] == "雨量站2 累计雨量 14.4 mm,达到6 小时 10 mm"
    assert levels[60]["r1"] == (Level.RED, 9.0, "mm")  # an hour of 9 mm/h
    assert levels[70].get("r1") is None or levels[70]["r1"][0] != Level.RED  # 7.5 mm in the last hour
    assert levels[250]["r2"][:2] == (Level.BLUE, 10.0)  # 2.4 mm/h for 250 minutes
    assert levels[480]["r2"][0] == Level.BLUE
    assert "r1" not in levels[480]


def fresh(path: Path) -> Database:
    database = Database(f"sqlite:///{path}")
    metadata.create_all(database.engine)
    return database


@pytest.fixture(scope="module")
def calm_picture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """What the script leaves when nothing interrupts it."""
    database, clock = fresh(tmp_path_factory.mktemp("calm") / "db"), [T0]
    engine = engine_on(DbAlertStore(database), DbReadingStore(database), clock)
    for step in SCRIPT:
        play(engine, step, clock)
    yield picture(database)
    database.close()


def without_r3(seen: Any) -> list[Any]:
    """Who has never been heard is counted from the engine's start: a new engine counts anew."""
    return [alert for alert in seen[0] if alert[0] != "rule:silent:r3"]


@pytest.mark.parametrize("killed_after", range(0, len(SCRIPT), 3))
@pytest.mark.parametrize("stored", [True, False])
def test_a_successor_goes_on_as_if_nothing_had_been(
    killed_after: int, stored: bool, tmp_path: Path, calm_picture: Any
) -> None:
    """`stored` False: dead between the alert's commit and the readings' own, so the batch comes again."""
    struck, clock = fresh(tmp_path / "db"), [T0]

    class Dead(BaseException):
        """A kill -9, as seen from inside."""

    class Dying(DbReadingStore):
        def add(self, batch: ReadingBatch) -> int:
            raise Dead

    engine = engine_on(DbAlertStore(struck), DbReadingStore(struck), clock)
    for place, step in enumerate(SCRIPT):
        if place == killed_after and not stored and isinstance(step, ReadingBatch):
            dying = engine_on(DbAlertStore(struck), Dying(struck), clock)
            with pytest.raises(Dead):
                play(dying, step, clock)
        if place == killed_after:
            engine = engine_on(DbAlertStore(struck), DbReadingStore(struck), clock)
        play(engine, step, clock)
    assert without_r3(picture(struck)) == without_r3(calm_picture)
    struck.close()


def test_who_is_never_heard_is_told_and_ten_thousand_at_once(database: Database) -> None:
    clock = [T0]
    many = {n: SensorInfo(n, f"r{n}", f"雨量站{n}", "rain", quantities=("rain_mm_h",)) for n in range(1, 10_001)}
    engine = RuleEngine(RULES, many, DbAlertStore(database), DbReadingStore(database), lambda: clock[0])
    engine.load()
    engine.step(batch(0, dict.fromkeys(range(1, 10_000), 0.0)), T0)  # all but the last
    assert engine.tick(at(119)).changes == []
    assert len(engine.tick(at(120)).changes) == 10_000
    assert engine.tick(at(121)).changes == []
    back = engine.step(batch(122, {1: 0.0, 2: 0.0}), at(122))
    assert [(c.kind, c.alert.sensor) for c in back.changes] == [("resolved", "r1"), ("resolved", "r2")]
    worse = engine.tick(at(241)).changes
    assert len(worse) == 9_998
    assert {(c.kind, c.alert.level) for c in worse} == {("level", Level.YELLOW)}


def test_the_store_gives_a_window_in_time_order(database: Database) -> None:
    store = DbReadingStore(database)
    store.add(batch(0, {1: 1.0, 2: 2.0, 3: 3.0}))
    store.add(batch(20, {1: 1.2, 2: 2.2}))
    store.add(batch(10, {1: 1.1}))

    def rows(found: ReadingBatch) -> list[tuple[int, float, int]]:
        minutes = ((found.observed_ms - epoch_ms(T0)) // 60_000).tolist()
        return list(zip(found.sensor_no.tolist(), found.value.tolist(), minutes, strict=True))

    everything = [(1, 1.0, 0), (2, 2.0, 0), (3, 3.0, 0), (1, 1.1, 10), (1, 1.2, 20), (2, 2.2, 20)]
    assert rows(store.window("rain_mm_h", T0, at(20))) == everything
    assert rows(store.window("rain_mm_h", at(1), at(19))) == [(1, 1.1, 10)]
    assert rows(store.window("rain_mm_h", T0, at(20), [2, 3])) == [(2, 2.0, 0), (3, 3.0, 0), (2, 2.2, 20)]
    assert rows(store.window("rain_mm_h", T0, at(20), limit=2)) == [(1, 1.2, 20), (2, 2.2, 20)]
    assert rows(store.window("rain_mm_h", T0, at(20), exercise="演练")) == []
    assert rows(store.window("rain_mm_h", T0, at(20), [])) == []
