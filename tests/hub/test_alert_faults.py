"""Engines that die at any commit or act at once, a clock that jumps: one open alert, each step once."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.lifecycle import merged, resolved
from alerts.model import AlertChange, Level, revised
from geodata.errors import Conflict
from hub.alert_store import DbAlertStore
from hub.database import Database, metadata
from hub.lease import Leases
from tests.hub.handling_house import DEEP, DRY, T0, WET, City, at


@pytest.fixture
def database(room_database: Database) -> Database:
    """Both kinds, instead of the hub tests' own."""
    return room_database


@pytest.fixture
def city(database: Database) -> City:
    return City(database)


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_crash_around_a_reopening_leaves_one_open_alert(city: City, call: int) -> None:
    """Whatever had been committed: the step that is made again ends in the same place."""
    city.read(0, WET)
    first = city.only()
    city.read(2, DRY)
    engine = city.engine
    for _ in range(call):  # the same reading again and again, each time by another engine that knows only the database
        city.engine, city.upkeep = city.new_engine()
        city.read(5, WET)
    assert city.only().id == first.id
    assert city.only().reopened == 1
    city.engine = engine  # the engine that was thought dead does it too
    city.read(5, WET)
    assert city.only().id == first.id
    assert city.kinds(first).count("fired") == 1


def test_two_engines_reopen_at_once(database: Database) -> None:
    one, other = City(database), City(database)
    one.read(0, WET)
    first = one.only()
    one.read(2, DRY)
    for city in (one, other):
        city.engine.load()
    for city in (one, other):
        city.read(5, WET)
    assert one.only().id == other.only().id == first.id


def test_nobody_is_told_twice_when_two_engines_and_an_officer_act_at_once(database: Database) -> None:
    cities = [City(database) for _ in range(4)]
    cities[0].read(0, DEEP)
    barrier = threading.Barrier(4)

    def work(city: City) -> None:
        barrier.wait()
        city.tick(3)

    threads = [threading.Thread(target=work, args=(city,)) for city in cities]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alert = cities[0].only()
    assert cities[0].kinds(alert).count("escalated") == 1
    stale = revised(alert, at(4), escalation=2)
    cities[0].desk.acknowledge(alert.id, "duty", "", at(4))
    DbAlertStore(database).apply([AlertChange(stale, "escalated", at(4), "engine")])
    assert cities[0].only().escalation == 1, "what is acknowledged is not escalated any more"


def test_a_fenced_engine_does_nothing(city: City) -> None:
    leases = Leases(city.database)
    old = leases.acquire("rules", "a", T0, 1.0)
    new = leases.acquire("rules", "b", at(1), 60.0)
    assert old
    assert new
    city.read(0, DEEP)
    with pytest.raises(Conflict):
        city.tick(3, ("rules", old))
    assert city.only().escalation == 0
    assert city.tick(3, ("rules", new)) == ["escalated"]


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_jumps_neither_alarms_nor_forgets(city: City, jump: timedelta) -> None:
    city.read(0, DEEP)
    city.read(0, WET, 2)
    city.desk.shelve(
        next(one.id for one in city.store.open_alerts() if one.sensor == "g2"), at(30), "duty", "看", at(0)
    )
    city.tick(1)
    city.wall = jump
    assert city.tick(1.1) == [], "nothing is due that was not due before the jump"
    assert city.tick(2.9) == []
    assert city.tick(3) == ["escalated"], "and what is due comes in time"
    assert city.tick(10) == ["escalated"]
    assert city.tick(29.9) == []
    assert city.tick(30) == ["unshelved"]
    kinds = city.read(31, DRY)
    assert kinds == (["resolved"] if jump > timedelta() else [])  # a reading from before the last one changes nothing


def test_a_rule_never_goes_on_with_what_was_ended_elsewhere(city: City) -> None:
    city.read(0, WET)
    over = resolved(city.only(), "x", at(1)).alert
    for kind in ("level", "value", "updated", "chattering"):
        with pytest.raises(Conflict):
            merged(over, AlertChange(revised(over, at(2), level=Level.RED), kind, at(2), "engine"))
    for kind in ("acknowledged", "shelved", "escalated", "resolved", "unshelved"):
        assert merged(over, AlertChange(revised(over, at(2)), kind, at(2), "engine")) is None


class Killed(BaseException):
    """A kill -9, as seen from inside."""


SCRIPT = [
    (0, WET),
    (2, DRY),
    (4, WET),
    (6, DRY),
    (8, DEEP),
    (11, DEEP),
    (11.8, DRY),
    (12, WET),
    (14, DRY),
    (16, WET),
    (29, WET),
]


def played(city: City, nth: int = 0, when: str = "") -> list[tuple[str, int, Level, int, list[str]]]:
    """The script with upkeep after each reading; the engine dies before or after the `nth` commit and another does the
    same again."""
    apply, count = city.store.apply, 0

    def struck(*args: Any, **kwargs: Any) -> None:
        nonlocal count
        count += 1
        if count == nth and when == "before":
            raise Killed
        apply(*args, **kwargs)
        if count == nth and when == "after":
            raise Killed

    city.store.apply = struck  # type: ignore[method-assign]
    for minute, value in SCRIPT:
        for act in (lambda m=minute, v=value: city.read(m, v), lambda m=minute: city.tick(m + 0.5)):
            try:
                act()
            except Killed:
                city.engine, city.upkeep = city.new_engine()
                act()
    alerts = sorted([*city.store.open_alerts(), *DbAlertStore(city.database).recently_resolved(T0)], key=lambda a: a.id)
    return [(one.dedup_key, one.reopened, one.level, one.escalation, city.kinds(one)) for one in alerts]


def calm(folder: Path, name: str) -> City:
    database = Database(f"sqlite:///{folder / name}")
    metadata.create_all(database.engine)
    return City(database)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_any_commit_changes_nothing(tmp_path: Path, when: str) -> None:
    undisturbed = calm(tmp_path, "calm")
    expected = played(undisturbed)
    undisturbed.database.close()
    assert expected[0][1] == 3
    assert {"reopened", "chattering", "escalated"} <= set(expected[0][4])
    for nth in range(1, 14):
        city = calm(tmp_path, f"{when}{nth}")
        assert played(city, nth, when) == expected, f"killed {when} commit {nth}"
        city.database.close()
