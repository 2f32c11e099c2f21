"""Reports of conditions into the database: one open alert each, whoever sends at the same time; nothing half-done."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from alerts.feeds.alertmanager import parse_alerts
from alerts.feeds.repeated import Decision, decide
from alerts.lifecycle import EXPIRED, resolved
from alerts.model import Alert, Level
from alerts.model_json import alert_from_plain
from hub.alert_body import alert_of, body_of
from hub.alert_queue import AlertQueue
from hub.alert_store import DbAlertStore, Settling
from hub.alert_write import MANY, PACK
from hub.database import Database
from hub.notify_store import NotifyStore
from hub.open_alerts import CachedAlertStore
from hub.outbox import OUTBOX
from hub.tables.alerts import ALERTS, HISTORY

NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def database(room_database: Database) -> Database:
    """Both kinds, instead of the hub tests' own."""
    return room_database


def reports(names: list[str], at: datetime = NOW, **more: Any) -> list[Alert]:
    entries = [{"labels": {"alertname": name, "severity": "warning"}, **more} for name in names]
    return list(parse_alerts(entries, at).reports)


def work(given: list[Alert], at: datetime = NOW) -> Settling:
    return Settling([one.dedup_key for one in given], lambda known: decide(given, known, "p", at), at)


def count(database: Database, table: sa.Table) -> int:
    with database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


@pytest.mark.parametrize("number", [1, 19, 20, 50, 51, 500])
def test_a_burst_is_stored_told_and_kept_in_history_in_one_commit(database: Database, number: int) -> None:
    store, cached = DbAlertStore(database), CachedAlertStore(database)
    assert cached.open_alerts() == []
    given = reports([f"a{n}" for n in range(number)])
    assert len(store.settle([work(given)])[0].changes) == number
    assert {alert.id: alert for alert in store.open_alerts()} == {alert.id: alert for alert in given}
    assert {alert.id: alert for alert in cached.open_alerts()} == {alert.id: alert for alert in given}
    assert (count(database, ALERTS), count(database, HISTORY)) == (number, number)
    events = NotifyStore(database).changes_after(0, 1_000)[0]
    assert [heard.alert for heard in events] == given, "each told once and in order"
    assert count(database, OUTBOX) == (number if number <= MANY else -(-number // PACK))
    assert sorted(alert.id for alert in store.as_of(NOW)) == sorted(alert.id for alert in given)
    ended = NOW + timedelta(minutes=1)
    store.settle([work(reports([f"a{n}" for n in range(number)], ended, status="resolved"), ended)])
    assert store.open_alerts() == []
    assert store.as_of(ended) == []
    assert len(store.as_of(NOW)) == number
    assert [step["kind"] for step in store.history(given[0].id)] == ["fired", "resolved"]
    assert store.history(given[0].id)[0]["alert"]["headline"] == given[0].headline


def test_a_repeated_report_moves_the_end_and_is_no_step(database: Database) -> None:
    store, cached = DbAlertStore(database), CachedAlertStore(database)
    names = [f"a{n}" for n in range(30)]
    store.settle([work(reports(names))])
    cached.open_alerts()
    events, steps = count(database, OUTBOX), count(database, HISTORY)
    later = NOW + timedelta(minutes=3)
    store.settle([work(reports(names, later), later)])
    assert (count(database, HISTORY), count(database, OUTBOX)) == (steps, events + 1)
    for known in (store.open_alerts(), cached.open_alerts()):
        assert {alert.expires_at for alert in known} == {later + timedelta(minutes=5)}
        assert {alert.version for alert in known} == {1}
    assert len(store.as_of(NOW + timedelta(minutes=6))) == 30, "kept alive by the report, not over after five minutes"


def test_an_end_that_its_sender_has_moved_meanwhile_is_no_end(database: Database) -> None:
    store, later = DbAlertStore(database), NOW + timedelta(minutes=5)
    store.settle([work(reports(["a"]))])
    seen = store.open_alerts()[0]
    store.settle([work(reports(["a"], later), later)])
    store.apply([resolved(seen, EXPIRED, later)])
    assert [alert.version for alert in store.open_alerts()] == [1]
    store.apply([resolved(store.open_alerts()[0], EXPIRED, later + timedelta(minutes=5))])
    assert store.open_alerts() == []


def test_senders_at_the_same_time_open_each_condition_once(database: Database) -> None:
    queues = [AlertQueue(DbAlertStore(database)) for _ in range(2)]  # two web processes
    names = [f"a{n}" for n in range(40)]
    barrier = threading.Barrier(8)

    def send(number: int) -> None:
        barrier.wait()
        for _ in range(5):
            queues[number % 2].submit(work(reports(names))).result(30)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(database, ALERTS) == len(names)
    assert count(database, HISTORY) == len(names)


def test_one_bad_request_spoils_no_other(database: Database) -> None:
    queue = AlertQueue(DbAlertStore(database))

    def broken(_connection: Connection, _decision: Decision) -> None:
        raise RuntimeError("cannot be audited")

    given = reports(["bad"])
    bad = Settling([given[0].dedup_key], lambda known: decide(given, known, "p", NOW), NOW, broken)
    held, go = threading.Event(), threading.Event()

    def slow(known: Any) -> Decision:
        held.set()
        go.wait(10)
        return Decision([])

    first = queue.submit(Settling([], slow, NOW))
    assert held.wait(10)
    together = [queue.submit(work(reports(["x"]))), queue.submit(bad), queue.submit(work(reports(["y"])))]
    go.set()
    first.result(10)
    assert [len(one.result(10).changes) for one in (together[0], together[2])] == [1, 1]
    with pytest.raises(RuntimeError):
        together[1].result(10)
    assert sorted(alert.event for alert in DbAlertStore(database).open_alerts()) == ["x", "y"]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"lon": 118.3, "lat": 35.1, "value": 0.0, "threshold": 0.2, "area": {"type": "Point", "coordinates": [1, 2]}},
        {"acknowledged_at": NOW, "shelved_until": NOW, "onsets_ms": (1, 2), "version": 9, "level": Level.NONE},
    ],
)
def test_a_kept_alert_is_the_same_again(more: dict[str, Any]) -> None:
    from dataclasses import replace

    import orjson

    (alert,) = reports(["a"])
    alert = replace(alert, **more)
    assert alert_of(body_of(alert, NOW)) == alert
    assert alert_from_plain(orjson.loads(body_of(alert, NOW))) == alert
