"""The operator load out of the alert history as it is really written, on both databases; and the steps of before."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from alembic import command

from alerts.handling import ChatterLimit, Handling
from alerts.model import Alert, AlertChange, Level, revised
from alerts.model_json import alert_to_plain
from hub.alert_store import DbAlertStore
from hub.database import Database
from hub.load_store import LoadDesk, chatter_rules
from hub.migrate import configuration, migrate
from hub.tables.alerts import HISTORY
from tests.screen_services import alert

NOW = datetime(2026, 8, 14, 12, 4, 30, tzinfo=UTC)


def uncached(_name: str, _version: str, make: Any, _seconds: int) -> Any:
    return make()


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    made = Database(database_url)
    migrate(made, tmp_path)
    yield made
    made.close()


def born(number: int, minutes: float, level: Level = Level.YELLOW, **more: Any) -> Alert:
    made = alert(number, level, minutes=0, rule_id="water", sensor=f"s{number % 3}", **more)
    at = NOW - timedelta(minutes=minutes)
    return replace(made, fired_at=at, onset_at=at, updated_at=at)


def fire(store: DbAlertStore, *alerts: Alert) -> None:
    store.apply([AlertChange(one, "fired", one.fired_at, "engine") for one in alerts])


def change(store: DbAlertStore, one: Alert, kind: str, minutes: float, who: str, **values: Any) -> None:
    at = NOW - timedelta(minutes=minutes)
    store.apply([AlertChange(revised(one, at, **values), kind, at, who)])


def test_what_the_store_writes_is_what_the_load_counts(database: Database) -> None:
    store, desk = DbAlertStore(database), LoadDesk(database, uncached)
    water, other, drill = born(1, 50), born(2, 45), born(3, 44, status="Exercise")
    fire(store, water, other, drill)
    change(store, water, "acknowledged", 48, "王值班", acknowledged_at=NOW, acknowledged_by="王值班")
    change(store, water, "level", 40, "engine", level=Level.RED)
    change(store, water, "level", 30, "engine", level=Level.YELLOW)
    change(store, other, "resolved", 20, "engine", resolved_at=NOW - timedelta(minutes=20), resolved_why="x")
    found = desk.view("1h", NOW)
    assert (found.load.total, found.load.levels) == (3, (0, 2, 0, 1))
    assert [(one.topic, one.count, one.level) for one in found.load.top] == [
        ("rule:water:s1", 2, 4), ("rule:water:s2", 1, 2),
    ]  # fmt: skip
    assert found.names["rule:water:s1"].id == "A1"
    every = found.load.waits[0]
    assert (every.answered, every.median_s, every.unseen, every.waiting) == (1, 120, 1, 1)
    assert [(one.who, one.count) for one in found.officers] == [("王值班", 1)]
    assert found.load.recorded_from == water.fired_at
    assert desk.view("1h", NOW, exercise=True).load.total == 1
    assert desk.view("1h", NOW - timedelta(minutes=47)).load.total == 1


def test_stale_ones_are_those_open_for_a_day(database: Database) -> None:
    store, day = DbAlertStore(database), 24 * 60
    fire(store, born(1, day + 5, dedup_key="a"), born(2, day - 5, dedup_key="b"), born(3, day + 90, dedup_key="c"),
         born(4, day + 7, dedup_key="d", status="Exercise"))  # fmt: skip
    ended = store.get("A3")
    assert ended is not None
    change(store, ended, "resolved", 60, "engine", resolved_at=NOW - timedelta(minutes=60), resolved_why="x")
    desk = LoadDesk(database, uncached)
    assert [one.id for one in desk.view("8h", NOW).stale] == ["A1"]
    assert [one.id for one in desk.view("8h", NOW, exercise=True).stale] == ["A4"]
    assert [one.id for one in desk.view("8h", NOW - timedelta(minutes=61)).stale] == ["A3"]


def test_it_is_read_again_only_when_something_happened(database: Database) -> None:
    kept: dict[tuple[str, str], Any] = {}

    def keep(name: str, version: str, make: Any, _seconds: int) -> Any:
        if (name, version) not in kept:
            kept[name, version] = make()
        return kept[name, version]

    store, desk = DbAlertStore(database), LoadDesk(database, keep)
    fire(store, born(1, 5))
    assert desk.view("1h", NOW) is desk.view("1h", NOW)
    assert desk.view("1h", NOW) is not desk.view("8h", NOW)
    fire(store, born(2, 4, dedup_key="z"))
    assert desk.view("1h", NOW).load.total == 2


def test_only_the_index_is_read(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.sqlite'}")
    migrate(database, tmp_path)
    seen: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *args: seen.append((args[2], args[3])))
    LoadDesk(database, uncached).view("30d", NOW)
    text, values = next(one for one in seen if "was_level" in one[0])
    with database.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()
    assert "USING COVERING INDEX alert_history_at" in str(plan)
    database.close()


def test_steps_written_before_are_counted_too(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    migrate(database, tmp_path)
    store = DbAlertStore(database)
    first, warning = born(1, 50), born(2, 40, source="cap", sender="met@x", identifier="i")
    fire(store, first, replace(warning, rule_id=None, sensor=None))
    change(store, first, "level", 30, "engine", level=Level.RED)
    with database.read() as connection:
        columns = (HISTORY.c.level, HISTORY.c.was_level, HISTORY.c.exercise, HISTORY.c.topic)
        before = connection.execute(sa.select(*columns).order_by(HISTORY.c.seq)).all()
    config = configuration()
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        connection.commit()
        assert "topic" not in {one["name"] for one in sa.inspect(connection).get_columns("alert_history")}
        connection.rollback()
    migrate(database, tmp_path)
    with database.read() as connection:
        after = connection.execute(sa.select(*columns).order_by(HISTORY.c.seq)).all()
    assert after == before
    assert [row.was_level for row in after] == [None, None, 2]
    database.close()


def test_a_body_is_what_the_migration_reads() -> None:
    """The migration reads these names from bodies that were written before; they must not change their meaning."""
    plain = orjson.loads(orjson.dumps(alert_to_plain(born(1, 5), NOW)))
    assert (plain["level_no"], plain["status"], plain["rule_id"], plain["sensor"]) == (2, "Actual", "water", "s1")


def test_chatter_is_judged_by_the_standard_and_by_our_own_setting() -> None:
    handling = Handling(chatter=(ChatterLimit(3, 60, 300), ChatterLimit(4, 1800, 1800)))
    assert [(one.count, one.within_s, one.source[:3]) for one in chatter_rules(handling)] == [
        (3, 60, "ISA"), (4, 1800, "本系统"),
    ]  # fmt: skip
