"""Silences on both databases: what was in force when, one end each, and an event for every change."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
import sqlalchemy as sa

from alerts.matchers import Matcher, parse_matchers
from alerts.silences import Silence, new_silence
from geodata.errors import Conflict, NotFound
from hub.database import Database
from hub.outbox import OUTBOX
from hub.silence_store import DbSilenceStore

T0 = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def database(room_database: Database) -> Database:
    """Both kinds, instead of the hub tests' own."""
    return room_database


def at(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


def silence(start: float = 0, end: float = 8, *texts: str) -> Silence:
    return new_silence(parse_matchers(texts or ["event=积水"]), at(start), at(end), "张三", "检修", T0)


def test_what_is_in_force_and_what_was(database: Database) -> None:
    store = DbSilenceStore(database)
    one, two = silence(0, 8), silence(4, 6)
    exact = replace(silence(), id="SL-0", matchers=(Matcher("place", "!~", ' "北 *" '),), ends_at=at(1))
    for each in (one, two, exact):
        store.add(each)
    assert store.get(exact.id) == exact
    assert store.get("SL-none") is None
    assert {each.id for each in store.active(at(0))} == {one.id, exact.id}
    assert {each.id for each in store.active(at(5))} == {one.id, two.id}
    after = store.end(one.id, "李四", "修好了", at(5))
    assert (after.ended_by, after.ended_at) == ("李四", at(5))
    assert [each.id for each in store.active(at(5))] == [two.id]
    assert {each.id for each in store.active(at(4.5))} == {one.id, two.id}  # the past stays as it was
    assert store.active(at(8)) == []
    assert len(store.listed()) == 3
    assert len(store.listed(2)) == 2
    with database.read() as connection:
        told = list(connection.execute(sa.select(OUTBOX.c.topic, OUTBOX.c.kind, OUTBOX.c.body).order_by(OUTBOX.c.seq)))
    assert [row.kind for row in told] == ["silence.created"] * 3 + ["silence.ended"]
    assert {row.topic for row in told} == {"alerts"}
    assert orjson.loads(told[-1].body)["silence"]["ended_by"] == "李四"


def test_only_one_person_ends_it(database: Database) -> None:
    store, one = DbSilenceStore(database), silence()
    store.add(one)
    outcomes: list[str] = []

    def work(who: str) -> None:
        try:
            outcomes.append(str(store.end(one.id, who, "", at(1)).ended_by))
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("conflict") == 5
    with pytest.raises(NotFound):
        store.end("SL-none", "w", "", at(1))
