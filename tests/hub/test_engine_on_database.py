"""The engine over real stores: one thread from readings to alerts, and a crash at every store call."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from alerts.engine import RuleEngine
from alerts.model import Level
from alerts.ports import ReadingBatch
from alerts.rules import parse_rules
from alerts.sensors import SensorInfo
from geodata.clock import epoch_ms
from geodata.errors import Conflict
from hub.alert_store import DbAlertStore
from hub.database import Database, metadata
from hub.lease import Leases
from hub.outbox import OUTBOX
from hub.reading_store import DbReadingStore

T0 = datetime(2026, 7, 1, tzinfo=UTC)
RULES = parse_rules("""
rules:
  - id: depth
    title: 积水
    event: 积水
    quantity: depth_m
    sensors: {kinds: [gauge]}
    levels:
      - {level: yellow, at: 0.20, native: 慢行 0.20 m}
      - {level: red, at: 0.27, native: 封闭 0.27 m, hold_s: 60}
    deadband: 0.02
    stale_after_s: 600
    source: 测试
""")
SENSORS = {n: SensorInfo(n, f"g{n}", f"水尺{n}", "gauge", 118.3, 35.1, "371302", "underpass") for n in range(1, 6)}


@pytest.fixture
def database(room_database: Database) -> Database:
    """Both kinds, instead of the hub tests' own."""
    return room_database


def batch(second: int, values: dict[int, float], exercise: str = "") -> ReadingBatch:
    at_ms = epoch_ms(T0) + second * 1000
    numbers = np.array(list(values), np.int32)
    data = np.array(list(values.values()), np.float64)
    return ReadingBatch("depth_m", numbers, data, np.full(len(values), at_ms), at_ms, exercise)


def engine_on(store: DbAlertStore, readings: DbReadingStore) -> RuleEngine:
    engine = RuleEngine(RULES, SENSORS, store, readings, lambda: T0)
    engine.load()
    return engine


def at(second: int) -> datetime:
    return T0 + timedelta(seconds=second)


SCRIPT: list[ReadingBatch | int] = [  # batches, or seconds of a tick
    batch(0, {1: 0.0, 2: 0.1, 3: 0.25, 4: 0.0, 5: 0.0}),
    batch(30, {1: 0.3, 2: 0.21, 3: 0.26}),
    70,
    batch(60, {1: 0.31, 2: 0.19}),
    95,
    batch(100, {1: 0.32, 2: 0.17, 3: 0.5}),
    batch(101, {1: 0.4}, "演练"),
    batch(150, {1: 0.1, 3: 0.5, 4: 0.3}),
    900,
    batch(905, {1: 0.1, 2: 0.1, 3: 0.5}),
]


def play(engine: RuleEngine, step: ReadingBatch | int) -> None:
    if isinstance(step, int):
        engine.tick(at(step))
    else:
        engine.step(step, at((step.received_ms - epoch_ms(T0)) // 1000))


def picture(database: Database) -> Any:
    """Everything that must be equal however often it was interrupted; ids are random, so keys stand for them."""
    store, readings = DbAlertStore(database), DbReadingStore(database)
    with database.read() as connection:
        events = [row.kind for row in connection.execute(sa.select(OUTBOX.c.kind).order_by(OUTBOX.c.seq))]
        ids = [row[0] for row in connection.execute(sa.text("SELECT id FROM alerts"))]
    alerts = sorted(
        (
            alert.dedup_key,
            alert.fired_at,
            alert.level,
            alert.value,
            alert.resolved_at,
            alert.version,
            [(step["kind"], step["at"], step["detail"]) for step in store.history(alert.id)],
        )
        for alert in map(store.get, ids)
        if alert
    )
    latest = {key: (b.sensor_no.tolist(), b.value.tolist()) for key, b in readings.latest().items()}
    return alerts, events, latest, store.rule_states()


def test_a_reading_becomes_one_alert_and_one_event(database: Database) -> None:
    engine = engine_on(DbAlertStore(database), DbReadingStore(database))
    result = engine.step(batch(0, {1: 0.25}), at(1))
    assert [(c.kind, c.alert.level, c.alert.native_level) for c in result.changes] == [
        ("fired", Level.YELLOW, "慢行 0.20 m")
    ]
    assert engine.step(batch(5, {1: 0.26}), at(6)).changes == []
    assert [c.kind for c in engine.step(batch(20, {1: 0.26}), at(20)).changes] == ["value"]
    assert [c.kind for c in engine.step(batch(25, {1: 0.18}), at(26)).changes] == ["resolved"]
    assert picture(database)[1] == ["alert.fired", "alert.value", "alert.resolved"]


class Crash(BaseException):
    """A kill -9, as seen from inside."""


def fresh(path: Path) -> Database:
    database = Database(f"sqlite:///{path}")
    metadata.create_all(database.engine)
    return database


@pytest.fixture(scope="module")
def calm_picture(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the script leaves when nothing interrupts it."""
    database = fresh(tmp_path_factory.mktemp("calm") / "db")
    engine = engine_on(DbAlertStore(database), DbReadingStore(database))
    for step in SCRIPT:
        play(engine, step)
    yield picture(database)
    database.close()


STORE_CALLS = 16  # that the script makes when nothing interrupts it


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(1, STORE_CALLS + 1))
def test_a_crash_at_any_store_call_changes_nothing(call: int, when: str, tmp_path: Path, calm_picture: Any) -> None:
    struck = fresh(tmp_path / "struck")
    count = 0

    def crashing(act: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == call and when == "before":
                raise Crash
            result = act(*args, **kwargs)
            if count == call:
                raise Crash
            return result

        return wrapped

    class AlertStoreThatDies(DbAlertStore):
        apply = crashing(DbAlertStore.apply)

    class ReadingStoreThatDies(DbReadingStore):
        add = crashing(DbReadingStore.add)

    engine = engine_on(AlertStoreThatDies(struck), ReadingStoreThatDies(struck))
    crashes = 0
    for step in SCRIPT:
        try:
            play(engine, step)
        except Crash:
            crashes += 1
            engine = engine_on(AlertStoreThatDies(struck), ReadingStoreThatDies(struck))
            play(engine, step)
    assert crashes == 1
    assert count >= STORE_CALLS  # every call had its turn
    assert picture(struck) == calm_picture
    struck.close()


def test_a_drill_never_swallows_the_real_thing(database: Database) -> None:
    engine = engine_on(DbAlertStore(database), DbReadingStore(database))
    engine.step(batch(0, {1: 0.25}, "演练"), at(0))
    engine.step(batch(0, {1: 0.25}), at(0))
    alerts = {alert.dedup_key: alert.status for alert in DbAlertStore(database).open_alerts()}
    assert alerts == {"rule:depth:g1": "Actual", "rule:depth:g1:exercise:演练": "Exercise"}
    assert set(DbReadingStore(database).latest()) == {"depth_m", "depth_m@演练"}
    engine.end_exercise("演练", at(9))
    assert [alert.status for alert in DbAlertStore(database).open_alerts()] == ["Actual"]
    again = engine_on(DbAlertStore(database), DbReadingStore(database))
    assert [c.kind for c in again.step(batch(20, {1: 0.25}, "演练"), at(20)).changes] == ["fired"]


def test_silence_is_told_once_and_ends_with_a_reading(database: Database) -> None:
    engine = engine_on(DbAlertStore(database), DbReadingStore(database))
    engine.step(batch(0, {1: 0.0, 2: 0.0}), at(0))
    assert engine.tick(at(600)).changes == []
    assert [(c.kind, c.alert.event) for c in engine.tick(at(601)).changes] == [("fired", "传感器无数据")] * 2
    assert engine.tick(at(700)).changes == []
    again = engine_on(DbAlertStore(database), DbReadingStore(database))
    assert again.tick(at(1300)).changes == []
    assert [c.kind for c in again.step(batch(1310, {1: 0.0}), at(1310)).changes] == ["resolved"]
    assert [a.sensor for a in again.open_alerts()] == ["g2"]


def test_a_lost_lease_stores_nothing_and_the_successor_goes_on(database: Database) -> None:
    leases = Leases(database)
    old = leases.acquire("engine", "a", T0, 10)
    assert old is not None
    assert leases.acquire("engine", "b", at(5), 10) is None
    new = leases.acquire("engine", "b", at(11), 10)
    assert new is not None
    assert new > old
    one = engine_on(DbAlertStore(database), DbReadingStore(database))
    with pytest.raises(Conflict):
        one.step(batch(0, {1: 0.25}), at(12), ("engine", old))
    assert DbAlertStore(database).open_alerts() == []
    assert DbReadingStore(database).latest() == {}
    two = engine_on(DbAlertStore(database), DbReadingStore(database))
    assert len(two.step(batch(0, {1: 0.25}), at(12), ("engine", new)).changes) == 1
    assert not leases.renew("engine", old, at(12), 10)
    assert leases.renew("engine", new, at(12), 10)


def test_an_acknowledgement_survives_values_and_is_asked_again_when_it_worsens(database: Database) -> None:
    from alerts.model import AlertChange, revised

    store = DbAlertStore(database)
    engine = engine_on(store, DbReadingStore(database))
    engine.step(batch(0, {1: 0.25}), at(0))
    alert = store.open_alerts()[0]
    seen = revised(alert, at(5), acknowledged_at=at(5), acknowledged_by="duty")
    store.apply([AlertChange(seen, "acknowledged", at(5), "duty")])
    engine.step(batch(20, {1: 0.26}), at(20))
    kept = store.get(alert.id)
    assert kept is not None
    assert (kept.value, kept.acknowledged_by, kept.version) == (0.26, "duty", 3)
    engine.step(batch(30, {1: 0.3}), at(30))
    engine.tick(at(91))
    worse = store.get(alert.id)
    assert worse is not None
    assert (worse.level, worse.acknowledged_at) == (Level.RED, None)
    assert [a.level for a in store.as_of(at(50))] == [Level.YELLOW]
    assert store.as_of(at(50))[0].acknowledged_by == "duty"
