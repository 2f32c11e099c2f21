"""Writers that want each other's rows: each gets its way, one after the other, and PostgreSQL need end neither."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.feeds.alertmanager import parse_alerts
from alerts.feeds.repeated import decide
from alerts.model import Alert, AlertChange, revised
from dispatch.incident_held import Change
from dispatch.stores import LogEntry
from hub.alert_store import DbAlertStore, Settling
from hub.database import Database, metadata
from hub.dispatch_incidents import IncidentRows
from tests.dispatch.house import House, at_once, later

NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
pytestmark = pytest.mark.postgres


@pytest.fixture
def store(postgres_url: str) -> Iterator[DbAlertStore]:
    database = Database(postgres_url)
    metadata.create_all(database.engine)
    yield DbAlertStore(database)
    database.close()


def report(name: str, at: datetime = NOW, **labels: str) -> Alert:
    return parse_alerts([{"labels": {"alertname": name}, "annotations": labels}], at).reports[0]


def works(names: list[str], at: datetime, between: Any) -> list[Settling]:
    """One request a name, each telling something new; `between` is called after every one but the last."""
    found = []
    for place, name in enumerate(names):
        given = report(name, at, summary=f"{name} {at:%M}")
        after = (lambda *_: between()) if place + 1 < len(names) else (lambda *_: None)
        found.append(Settling([given.dedup_key], lambda known, one=given: decide([one], known, "p", at), at, after))
    return found


def test_a_batch_of_reports_and_an_officer_want_the_same_alert(store: DbAlertStore) -> None:
    for one in works(["a", "b"], NOW, lambda: None):
        store.settle([one])
    theirs = next(alert for alert in store.open_alerts() if alert.event == "b")
    midway, officer_began = threading.Event(), threading.Event()

    def between() -> None:
        midway.set()
        officer_began.wait(10)
        threading.Event().wait(0.3)  # until the officer's statement has reached the database

    def writer(number: int) -> None:
        if number == 0:
            store.settle(works(["a", "b"], NOW + timedelta(minutes=1), between))
        else:
            assert midway.wait(10)
            officer_began.set()
            seen = revised(theirs, NOW, acknowledged_at=NOW, acknowledged_by="duty")
            store.apply([AlertChange(seen, "acknowledged", NOW, "duty")])

    assert at_once(2, writer) == [None, None]
    after = {alert.event: alert for alert in store.open_alerts()}
    assert (after["a"].headline, after["b"].headline) == ("a 01", "b 01")
    assert after["b"].acknowledged_by == "duty"


@pytest.mark.parametrize("known", [True, False])
def test_two_web_processes_take_the_same_conditions_in_opposite_order(store: DbAlertStore, known: bool) -> None:
    """As a pair of Prometheus servers sends them, each to its own process."""
    if known:
        store.settle(works(["a", "b"], NOW, lambda: None))
    meeting = threading.Barrier(2)

    def between() -> None:
        try:
            meeting.wait(1.0)
        except threading.BrokenBarrierError:  # the other waits for us, as it should
            return

    def process(number: int) -> None:
        at = NOW + timedelta(minutes=1)
        store.settle(works(["a", "b"] if number == 0 else ["b", "a"], at, between))

    assert at_once(2, process) == [None, None]
    assert sorted(alert.event for alert in store.open_alerts()) == ["a", "b"]


def test_opening_an_incident_and_moving_its_free_alert_at_once(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """One officer opens with a free and a taken alert while another puts the free one into the incident that has it."""
    house = House(postgres_url)
    request.addfinalizer(house.database.close)
    taken = house.desk.open_incident(["A2"], "first", later(0))
    holding, go = threading.Event(), threading.Event()
    hold = IncidentRows._hold

    def slowly(self: Any, connection: Any, incident_id: str, alert_ids: tuple[str, ...]) -> str | None:
        found = hold(self, connection, incident_id, alert_ids)
        if not go.is_set():
            holding.set()
            go.wait(10)
            threading.Event().wait(0.5)  # until the rival waits for our alert
        return found

    monkeypatch.setattr(IncidentRows, "_hold", slowly)

    def officer(number: int) -> Any:
        if number == 0:
            return house.desk.open_incident(["A1", "A2"], "second", later(1)).id
        assert holding.wait(10)
        go.set()

        def add(held: Any) -> list[Change]:
            wanted = replace(held[0].incident, alert_ids=("A1", "A2"))
            return [Change(wanted, held[0].tasks, LogEntry(later(2), "third", "incident.alerts", "并入 1 条预警"))]

        return house.store.change([taken.id], add)[0].id

    assert at_once(2, officer) == [taken.id, taken.id]
    assert house.store.incident(taken.id).alert_ids == ("A1", "A2")
    assert [one.id for one in house.desk.incidents("open")] == [taken.id]
