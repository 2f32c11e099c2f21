"""A drill that has stopped: its alerts end after two silent minutes, those of the real city and of others stay."""

from datetime import timedelta

import pytest

from alerts.engine import RuleEngine
from hub.alert_store import DbAlertStore
from hub.database import Database
from hub.exercises import OVER_AFTER, Exercises
from hub.reading_store import DbReadingStore
from tests.hub.test_engine_on_database import T0, at, batch, engine_on


@pytest.fixture
def database(room_database: Database) -> Database:
    return room_database


def end_silent(engine: RuleEngine, drills: Exercises, second: int) -> list[str]:
    ended = drills.over(engine.exercises(), at(second))
    return [change.alert.resolved_why for name in ended for change in engine.end_exercise(name, at(second)).changes]


def test_a_stopped_drill_ends_its_alerts_after_a_restart_too(database: Database) -> None:
    store, readings = DbAlertStore(database), DbReadingStore(database)
    engine, drills = engine_on(store, readings), Exercises()
    for second, exercise in ((0, "暴雨"), (0, ""), (100, "地震")):
        engine.step(batch(second, {1: 0.25}, exercise), at(second))
        drills.heard(exercise, at(second))
    assert engine.exercises() == {"暴雨", "地震"}
    assert end_silent(engine, drills, 120) == []
    engine, drills = engine_on(store, readings), Exercises()  # killed and started again: the time begins anew
    assert engine.exercises() == {"暴雨", "地震"}
    assert end_silent(engine, drills, 121) == []
    drills.heard("地震", at(200))
    assert end_silent(engine, drills, 241) == []
    assert end_silent(engine, drills, 242) == ["演练结束"]
    assert {alert.dedup_key.partition(":exercise:")[2] for alert in store.open_alerts()} == {"", "地震"}
    assert end_silent(engine, drills, 320) == []
    assert end_silent(engine, drills, 321) == ["演练结束"]
    assert [alert.status for alert in store.open_alerts()] == ["Actual"]
    engine.step(batch(400, {1: 0.25}, "暴雨"), at(400))
    assert len(store.open_alerts()) == 2, "it can be held again"


def test_silence_is_counted_from_the_last_reading() -> None:
    drills = Exercises()
    drills.heard("", T0)
    drills.heard("a", T0)
    assert drills.over(["a"], T0 + OVER_AFTER) == []
    assert drills.over(["a"], T0 + OVER_AFTER + timedelta(milliseconds=1)) == ["a"]
    assert drills.over(["a"], T0 + 2 * OVER_AFTER) == [], "known again without a reading: the whole time again"
