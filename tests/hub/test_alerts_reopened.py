"""Conditions that others report: the same alert again when they come back in time, held open while they chatter."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.chatter import Conditions
from alerts.feeds.alertmanager import parse_alerts
from alerts.feeds.repeated import decide
from alerts.handling import ChatterLimit, Handling
from alerts.lifecycle import EXPIRED, merged, resolved
from alerts.model import Alert, AlertChange
from alerts.upkeep import Surroundings, Upkeep
from hub.alert_store import DbAlertStore, Settling
from hub.database import Database
from hub.open_alerts import CachedAlertStore
from hub.silence_store import DbSilenceStore

NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
HANDLING = Handling(reopen_within_s=600, chatter=(ChatterLimit(4, 1800, 900),))


@pytest.fixture
def database(room_database: Database) -> Database:
    """Both kinds, instead of the hub tests' own."""
    return room_database


def at(second: float) -> datetime:
    return NOW + timedelta(seconds=second)


def reports(names: Sequence[str], now: datetime, is_over: bool = False, summary: str = "") -> list[Alert]:
    entry = {"annotations": {"summary": summary or "s"}, **({"status": "resolved"} if is_over else {})}
    return list(parse_alerts([{"labels": {"alertname": name}, **entry} for name in names], now).reports)


def post(store: DbAlertStore, given: Sequence[Alert], now: datetime, handling: Handling = HANDLING) -> list[str]:
    since = now - timedelta(seconds=handling.reopen_within_s)
    keys = [one.dedup_key for one in given]
    work = Settling(keys, lambda known: decide(given, known, "p", now, handling), now, ended_since=since)
    return [change.kind for change in store.settle([work])[0].changes]


def kinds(store: DbAlertStore, alert: Alert) -> list[str]:
    return [str(step["kind"]) for step in store.history(alert.id)]


def test_what_comes_back_in_time_is_the_same_alert(database: Database) -> None:
    store, cached = DbAlertStore(database), CachedAlertStore(database)
    names = [f"a{n}" for n in range(40)]
    first = reports(names, NOW)
    post(store, first, NOW)
    assert post(store, reports(names, at(60), is_over=True), at(60)) == ["resolved"] * 40
    assert cached.open_alerts() == []
    again = reports(names, at(600), summary="worse")
    assert post(store, again, at(600)) == ["reopened"] * 40
    for known in (store.open_alerts(), cached.open_alerts()):
        assert {one.id for one in known} == {one.id for one in first}
        assert {(one.reopened, one.headline, one.expires_at) for one in known} == {(1, "worse", at(900))}
    assert kinds(store, first[0]) == ["fired", "resolved", "reopened"]
    assert store.history(first[0].id)[-1]["who"] == "p"


@pytest.mark.parametrize(("after_s", "kind"), [(599, "reopened"), (600, "reopened"), (601, "fired")])
def test_in_time_is_within_the_handlings_seconds(database: Database, after_s: int, kind: str) -> None:
    store = DbAlertStore(database)
    post(store, reports(["a"], NOW), NOW)
    post(store, reports(["a"], at(10), is_over=True), at(10))
    assert post(store, reports(["a"], at(10 + after_s)), at(10 + after_s)) == [kind]


def test_without_such_a_handling_it_is_another_alert(database: Database) -> None:
    store = DbAlertStore(database)
    for second, is_over in ((0, False), (1, True), (2, False)):
        post(store, reports(["a"], at(second), is_over), at(second), Handling())
    assert len(store.find(states=["firing", "resolved"], limit=9, before=None, at=at(3))) == 2


def test_what_a_person_has_closed_stays_closed(database: Database) -> None:
    store = DbAlertStore(database)
    post(store, reports(["a"], NOW), NOW)
    post(store, reports(["a"], at(1), is_over=True), at(1))
    (over,) = store.recently_resolved(NOW)
    put_away = replace(over, closed_at=at(2), closed_by="x", closed_why="w", version=over.version + 1)
    store.apply([AlertChange(put_away, "closed", at(2), "x", "w")])
    assert post(store, reports(["a"], at(3)), at(3)) == ["fired"]


def test_what_expired_unreported_comes_back_too(database: Database) -> None:
    store = DbAlertStore(database)
    post(store, reports(["a"], NOW), NOW)
    store.apply([resolved(store.open_alerts()[0], EXPIRED, at(300))])
    assert post(store, reports(["a"], at(400)), at(400)) == ["reopened"]
    assert post(store, reports(["a"], at(401)), at(401)) == [], "told again moves the end only"
    assert store.open_alerts()[0].expires_at == at(701)


def flapping(store: DbAlertStore, rounds: int) -> list[list[str]]:
    """Fires and ends every ten seconds."""
    found = []
    for n in range(rounds):
        found.append(post(store, reports(["a"], at(20 * n)), at(20 * n)))
        found.append(post(store, reports(["a"], at(20 * n + 10), is_over=True), at(20 * n + 10)))
    return found


def upkeep_of(database: Database, seconds: list[float]) -> Upkeep:
    around = Surroundings(DbSilenceStore(database), list, set, lambda: seconds[0])
    return Upkeep(DbAlertStore(database), HANDLING, around)


def test_chattering_is_held_open_until_it_is_quiet(database: Database) -> None:
    store, clock = DbAlertStore(database), [0.0]
    told = flapping(store, 6)
    assert told[:6] == [["fired"], ["resolved"], ["reopened"], ["resolved"], ["reopened"], ["resolved"]]
    assert told[6] == ["reopened", "chattering"]
    assert told[7:] == [["value"]] * 5, "held open: neither ends nor comes anew"
    (alert,) = store.open_alerts()
    assert (alert.reopened, alert.held and alert.held["level"], alert.expires_at) == (3, 0, None)
    assert kinds(store, alert)[-1] == "chattering", "what is held is no step of the history"
    upkeep = upkeep_of(database, clock)
    for second in (111.0, 1_000.0, 1_011.0):
        clock[0] = second
        changes = upkeep.tick(at(second))
        assert [one.kind for one in changes] == (["resolved"] if second == 1_011 else [])
    assert store.open_alerts() == []


def test_chattering_that_ends_firing_stays_open(database: Database) -> None:
    store, clock = DbAlertStore(database), [0.0]
    flapping(store, 5)
    assert post(store, reports(["a"], at(200)), at(200)) == ["value"]
    (alert,) = store.open_alerts()
    assert (alert.held, alert.expires_at) == (None, at(500))
    upkeep = upkeep_of(database, clock)
    upkeep.tick(at(201))
    clock[0] = 900.0
    assert [one.kind for one in upkeep.tick(at(1_101))] == ["quiet"]
    assert [one.chattering_since for one in store.open_alerts()] == [None]


def test_an_end_made_of_what_was_held_is_too_late_when_the_sender_tells_of_it_again(database: Database) -> None:
    store = DbAlertStore(database)
    flapping(store, 5)
    (seen,) = store.open_alerts()
    post(store, reports(["a"], at(200)), at(200))
    store.apply([resolved(seen, "抖动已停止", at(201))])
    assert [one.id for one in store.open_alerts()] == [seen.id]


def test_the_same_label_set_twice_in_one_post_after_an_end(database: Database) -> None:
    store, cached = DbAlertStore(database), CachedAlertStore(database)
    post(store, reports(["a"], NOW), NOW)
    post(store, reports(["a"], at(1), is_over=True), at(1))
    end = at(500).isoformat()
    twice = [{"labels": {"alertname": "a"}}, {"labels": {"alertname": "a"}, "endsAt": end}]
    given = [*parse_alerts(twice, at(2)).reports]
    assert post(store, given, at(2)) == ["reopened", "updated"]
    (alert,) = store.open_alerts()
    assert (alert.reopened, alert.expires_at, alert.version) == (1, at(500), 4)
    assert cached.open_alerts() == [alert]


def test_the_look_for_ended_ones_uses_their_index(database: Database) -> None:
    query = (
        "SELECT body FROM alerts WHERE dedup_key IN ('a') AND closed_at IS NULL AND resolved_at IS NOT NULL "
        "AND resolved_at >= 5"
    )
    plan = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    with database.read() as connection:
        if not database.is_sqlite:
            connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        told = " ".join(str(row) for row in connection.execute(sa.text(plan + query)))
    assert "alerts_ended" in told


GAPS = st.lists(st.tuples(st.integers(1, 400), st.booleans()), max_size=30)


@settings(max_examples=300, deadline=None)
@given(GAPS)
def test_it_goes_as_with_the_alerts_of_rules(events: list[tuple[int, bool]]) -> None:
    """The same comings and goings through `Conditions`, as the engine takes them from a rule."""
    theirs: dict[str, Alert] = {}
    ours = Conditions({}, {}, HANDLING, NOW)
    second = 0
    for gap, is_there in events:
        second += gap
        now = at(second)
        (report,) = reports(["a"], now, not is_there)
        decision = decide([report], theirs, "p", now, HANDLING)
        for change in decision.changes:
            stored = theirs.get(report.dedup_key)
            after = change.alert if change.kind == "fired" else merged(stored, change) if stored else None
            assert after is not None, "what is decided under lock is never too late"
            theirs[report.dedup_key] = after
        ours._now = now
        known = ours.open.get(report.dedup_key)
        if is_there and known is None:
            ours.take(AlertChange(report, "fired", now, "engine"))
        elif is_there and known is not None:
            ours.stands(known)
        elif known is not None:
            ours.take(resolved(known, "来源报告已结束", now))
        mine = ours.open.get(report.dedup_key) or ours.recent.get(report.dedup_key)
        found = theirs.get(report.dedup_key)
        assert picture(found) == picture(mine)


def picture(alert: Alert | None) -> object:
    if alert is None:
        return None
    held = alert.held and alert.held["level"]
    return (
        alert.resolved_at, alert.reopened, alert.onsets_ms, alert.chattering_since, alert.flapped_at, held,
        alert.reopened_at, alert.fired_at,
    )  # fmt: skip
