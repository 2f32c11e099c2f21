"""Contracts of the stores on both databases: readings, rejects, sensor numbers, leases, alerts under concurrency."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from alerts.model import Alert, AlertChange, Level, revised
from alerts.ports import ReadingBatch, Reject
from geodata.clock import epoch_ms
from geodata.errors import Conflict
from hub.alert_store import DbAlertStore
from hub.database import Database
from hub.lease import Leases
from hub.outbox import after
from hub.reading_store import DbReadingStore
from hub.reject_store import DbRejectStore
from hub.sensor_registry import DbSensorRegistry

T0 = datetime(2026, 7, 1, tzinfo=UTC)
ALERT = Alert(
    id="AL-1", dedup_key="rule:r:g1", source="rule", event="积水", headline="h", level=Level.YELLOW,
    native_level="慢行", status="Actual", onset_at=T0, fired_at=T0, updated_at=T0,
)  # fmt: skip


@pytest.fixture
def database(room_database: Database) -> Database:
    """Both kinds, instead of the hub tests' own."""
    return room_database


def readings(*rows: tuple[int, int, float], quantity: str = "depth_m", exercise: str = "") -> ReadingBatch:
    numbers, seconds, values = zip(*rows, strict=True)
    return ReadingBatch(
        quantity,
        np.array(numbers, np.int32),
        np.array(values, np.float64),
        np.array(seconds, np.int64) * 1000 + epoch_ms(T0),
        epoch_ms(T0),
        exercise,
    )


def test_readings_again_change_nothing_and_latest_only_moves_forward(database: Database) -> None:
    store = DbReadingStore(database)
    assert store.add(readings((1, 10, 0.1), (2, 10, 0.2), (1, 20, 0.3))) == 3
    assert store.add(readings((1, 10, 9.9), (2, 5, 0.05), (1, 20, 0.3))) == 1
    assert store.add(readings((1, 10, 7.0), exercise="演练")) == 1
    latest = store.latest()
    assert latest["depth_m"].sensor_no.tolist() == [1, 2]
    assert latest["depth_m"].value.tolist() == [0.3, 0.2]
    assert latest["depth_m@演练"].value.tolist() == [7.0]
    until = T0 + timedelta(hours=1)
    assert store.series(1, "depth_m", T0, until) == [
        (T0 + timedelta(seconds=10), 0.1),
        (T0 + timedelta(seconds=20), 0.3),
    ]
    assert [value for _, value in store.series(1, "depth_m", T0, until, "演练")] == [7.0]
    assert store.prune(T0 + timedelta(days=1, seconds=15), 1) == 4
    assert DbReadingStore(database).latest()["depth_m"].value.tolist() == [0.3, 0.2]


def test_a_large_batch_spans_transactions(database: Database) -> None:
    store = DbReadingStore(database)
    count = 45_000
    batch = ReadingBatch(
        "stage_m",
        np.arange(1, count + 1, dtype=np.int32)[::-1].copy(),
        np.linspace(0, 60, count),
        np.full(count, epoch_ms(T0)),
        epoch_ms(T0),
    )
    assert store.add(batch) == count
    assert store.add(batch) == 0
    found = store.latest()["stage_m"]
    assert found.value.tolist() == batch.value[::-1].tolist()


def test_rejects_are_capped_and_the_loss_is_counted(database: Database) -> None:
    store = DbRejectStore(database, cap=5)
    store.add([Reject("a", n, f"坏\0{n}\ud800", "x" * 9_000, T0) for n in range(4)])
    assert store.dropped() == 0
    store.add([Reject("b", n, "r", "o", T0) for n in range(4)])
    assert [(r.source, r.index) for r in store.latest()] == [("b", 3), ("b", 2), ("b", 1), ("b", 0), ("a", 3)]
    assert store.dropped() == 3
    assert [r.index for r in store.latest(1, "a")] == [3]
    assert len(store.latest(1, "a")[0].original) == 4_000
    store.add([])


def test_numbers_are_given_once(database: Database) -> None:
    one, two = DbSensorRegistry(database), DbSensorRegistry(database)
    assert dict(one.numbers()) == {}
    one.register(["b", "a", "b"])
    two.register(["a", "c"])
    assert dict(one.numbers()) == dict(two.numbers())
    assert len(set(one.numbers().values())) == 3
    before = dict(one.numbers())
    one.register(f"s{n}" for n in range(12_000))
    assert before.items() <= one.numbers().items()
    assert len(DbSensorRegistry(database).numbers()) == 12_003


def test_registering_from_many_threads(database: Database) -> None:
    def work(start: int) -> None:
        DbSensorRegistry(database).register(f"s{n}" for n in range(start, start + 60))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 200, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = DbSensorRegistry(database).numbers()
    assert len(numbers) == len(set(numbers.values())) == 240


def test_leases(database: Database) -> None:
    leases = Leases(database)
    token = leases.acquire("x", "a", T0, 10)
    assert token is not None
    assert leases.acquire("x", "a", T0, 10) == token
    assert leases.acquire("y", "b", T0, 10) is not None
    leases.release("x", token, T0)
    assert not leases.renew("x", token, T0, 10)
    other = leases.acquire("x", "b", T0, 10)
    assert other is not None
    assert other > token
    leases.release("x", token, T0)  # too late: not ours any more
    assert leases.renew("x", other, T0, 10)


def test_only_one_thread_gets_the_lease(database: Database) -> None:
    tokens: list[int | None] = []
    threads = [
        threading.Thread(target=lambda n=n: tokens.append(Leases(database).acquire("e", str(n), T0, 10)))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(token is not None for token in tokens) == 1


def test_one_condition_is_open_once_and_all_or_nothing(database: Database) -> None:
    store = DbAlertStore(database)
    store.apply([AlertChange(ALERT, "fired", T0, "engine")])
    twin = replace(ALERT, id="AL-2")
    other = replace(ALERT, id="AL-3", dedup_key="rule:r:g3")
    with pytest.raises(Conflict):
        store.apply([AlertChange(other, "fired", T0, "e"), AlertChange(twin, "fired", T0, "e")], {("r", 1): {"a": 1}})
    assert [alert.id for alert in store.open_alerts()] == ["AL-1"]
    assert store.rule_states() == {}
    over = revised(ALERT, T0, resolved_at=T0, resolved_why="降")
    store.apply([AlertChange(over, "resolved", T0, "e"), AlertChange(twin, "fired", T0, "e")], {("r", 1): {"a": None}})
    assert [alert.id for alert in store.open_alerts()] == ["AL-2"]
    assert store.rule_states() == {("r", 1): {"a": None}}
    with database.read() as connection:
        events = after(connection, 0, 100)
    assert [(topic, kind) for _, topic, kind, _, _ in events] == [
        ("alerts", "alert.fired"), ("alerts", "alert.resolved"), ("alerts", "alert.fired"),
    ]  # fmt: skip


def test_two_officers_and_the_engine_write_one_alert_at_once(database: Database) -> None:
    store = DbAlertStore(database)
    store.apply([AlertChange(ALERT, "fired", T0, "engine")])

    def work(number: int) -> None:
        for step in range(10):
            now = T0 + timedelta(seconds=step)
            if number == 0:
                change = AlertChange(revised(ALERT, now, value=step / 10), "value", now, "engine")
            elif number == 1:
                change = AlertChange(
                    revised(ALERT, now, acknowledged_at=now, acknowledged_by="a"), "acknowledged", now, "a"
                )
            else:
                change = AlertChange(revised(ALERT, now, incident_id="INC-1"), "linked", now, "b")
            store.apply([change])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alert = store.get("AL-1")
    assert alert is not None
    # only the first acknowledgement counts
    assert (alert.value, alert.acknowledged_by, alert.incident_id, alert.version) == (0.9, "a", "INC-1", 22)
    versions = [step["version"] for step in store.history("AL-1")]
    assert versions == sorted(set(versions))
