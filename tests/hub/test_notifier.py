"""The notifier on both databases with a real receiver: told once, after a restart too, and by one of two only."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa

from alerts.feeds.alertmanager import parse_alerts
from alerts.feeds.repeated import decide
from alerts.inhibition import Inhibition
from alerts.matchers import parse_matcher
from alerts.routing import Route, parse_routing
from alerts.silences import Silence
from geodata.clock import utc_now
from geodata.errors import BadInput, Conflict
from hub.alert_store import DbAlertStore, Settling
from hub.database import Database
from hub.lease import Leases
from hub.muting import Muting
from hub.notifier import LEASE, Notifier
from hub.notify_store import NotifyStore
from hub.receivers import parse_receivers
from hub.relay import Relay
from hub.routing_file import RoutingFile
from hub.silence_store import DbSilenceStore
from hub.tables.alerts import NOTIFY_LOG
from tests.hub.receiver import Hook, names
from tests.serving import until

ROOT = parse_routing("route: {receiver: hook, group_by: [job], group_wait: 0s, group_interval: 100ms}")
AWAY = redis.Redis.from_url("redis://127.0.0.1:20499", socket_connect_timeout=0.2)


@pytest.fixture
def database(room_database: Database) -> Database:
    """Both kinds, instead of the hub tests' own."""
    return room_database


def report(database: Database, *alertnames: str, over: bool = False, job: str = "j") -> None:
    now = utc_now()
    more = {"status": "resolved"} if over else {}
    entries = [{"labels": {"alertname": name, "job": job}, **more} for name in alertnames]
    given = parse_alerts(entries, now).reports
    work = Settling([one.dedup_key for one in given], lambda known: decide(given, known, "p", now), now)
    DbAlertStore(database).settle([work])


def inhibiting() -> Muting:
    """No silences; a `worse` inhibits a `less` of the same job."""
    rule = Inhibition("i", (parse_matcher("event=worse"),), (parse_matcher("event=less"),), ("job",))
    return Muting(lambda _now: (), lambda: (rule,))


@contextmanager
def notifying(
    database: Database,
    hook: Hook,
    client: redis.Redis = AWAY,
    holder: str = "one",
    root: Callable[[], Route] = lambda: ROOT,
    muting: Muting | None = None,
) -> Iterator[Notifier]:
    made = Notifier(
        store=NotifyStore(database), alerts=DbAlertStore(database), leases=Leases(database), client=client,
        holder=holder, clock=utc_now, routes=root, receivers={"hook": hook.url},
        muting=muting or inhibiting(),
        base_url="http://city.invalid",
    )  # fmt: skip
    stopping = threading.Event()
    thread = threading.Thread(target=made.run, args=(stopping,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        stopping.set()
        thread.join(20)
        assert not thread.is_alive()


def rows(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(NOTIFY_LOG)).scalar_one())


def test_what_fires_and_ends_is_told_in_alertmanagers_words(database: Database) -> None:
    with Hook() as hook, notifying(database, hook):
        report(database, "a", "b")
        until(lambda: hook.firing() == {"a", "b"})
        report(database, "a", over=True)
        until(lambda: ("firing", ["b"], ["a"]) in hook.told())
        report(database, "b", over=True)
        until(lambda: ("resolved", [], ["b"]) in hook.told())
        until(lambda: rows(database) == 0)
    first = hook.posts[0][1]
    assert {"version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels",
            "commonAnnotations", "externalURL", "alerts"} == first.keys()  # fmt: skip
    assert (first["version"], first["receiver"], first["groupLabels"]) == ("4", "hook", {"job": "j"})
    assert first["commonLabels"]["source"] == "prometheus"
    entry = first["alerts"][0]
    assert {"status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"} == entry.keys()
    assert len(entry["fingerprint"]) == 16
    assert parse_alerts(first["alerts"], utc_now()).rejects == [], "another of us could take it in"
    assert len({key for key, _ in hook.posts}) == len(hook.posts)


def test_a_restart_neither_repeats_nor_forgets(database: Database) -> None:
    with Hook() as hook:
        with notifying(database, hook):
            report(database, "a")
            until(lambda: hook.firing() == {"a"} and rows(database) == 1)
        report(database, "b")
        report(database, "a", over=True)
        with notifying(database, hook):
            until(lambda: ("firing", ["b"], ["a"]) in hook.told())
        assert len(hook.posts) == 2


def test_a_message_not_written_down_is_sent_again_with_its_key(database: Database) -> None:
    with Hook() as hook:
        for number in range(2):
            with notifying(database, hook) as made:
                made.store.save = _lost  # type: ignore[method-assign]
                report(database, "a")
                until(lambda number=number: len(hook.posts) > number)
    assert len({key for key, _ in hook.posts}) == 1


def _lost(*_: object) -> None:
    """As if the process had been killed before this was committed."""


def test_a_receiver_that_is_away_gets_everything_later_and_holds_up_no_other(database: Database) -> None:
    root = parse_routing(
        "route:\n  receiver: away\n  group_by: [job]\n  group_wait: 0s\n  group_interval: 50ms\n  routes:\n"
        '    - {matchers: ["job=other"], receiver: hook}\n'
    )
    with Hook() as hook, Hook() as away:
        away.refuse = True
        made = Notifier(
            store=NotifyStore(database), alerts=DbAlertStore(database), leases=Leases(database), client=AWAY,
            holder="one", clock=utc_now, routes=lambda: root, receivers={"hook": hook.url, "away": away.url},
            muting=inhibiting(), base_url="",
        )  # fmt: skip
        stopping = threading.Event()
        thread = threading.Thread(target=made.run, args=(stopping,), daemon=True)
        thread.start()
        report(database, "a", "b")
        until(lambda: away.refused > 0)
        report(database, "x", job="other")
        until(lambda: hook.firing() == {"x"})
        report(database, "c")
        assert away.posts == []
        away.refuse = False
        until(lambda: away.firing() == {"a", "b", "c"})
        stopping.set()
        thread.join(20)


def test_two_notifiers_tell_once_and_the_second_takes_over(database: Database) -> None:
    with Hook() as hook:
        with notifying(database, hook, holder="two"):
            with notifying(database, hook, holder="one"):
                for number in range(10):
                    report(database, f"a{number}", job=f"j{number}")
                until(lambda: len(hook.firing()) == 10)
            report(database, "last", job="last")
            until(lambda: "last" in hook.firing())
        told = [name for _, firing, _ in hook.told() for name in firing]
        assert sorted(told) == sorted({*told}), "each once"


def test_one_that_lost_its_lease_writes_nothing(database: Database) -> None:
    store, leases = NotifyStore(database), Leases(database)
    token = leases.acquire(LEASE, "one", utc_now(), 10)
    assert token is not None
    leases.release(LEASE, token, utc_now())
    assert leases.acquire(LEASE, "two", utc_now(), 10)
    with pytest.raises(Conflict):
        store.save([], utc_now(), 5, (LEASE, token))


def test_the_stream_of_events_wakes_it(database: Database, client: redis.Redis) -> None:
    relay = Relay(database, client)
    relay.start()
    try:
        with Hook() as hook, notifying(database, hook, client):
            for name in ("a", "b", "c"):
                report(database, name, job=name)
                until(lambda name=name: name in hook.firing())
    finally:
        relay.stop()


def test_what_is_silenced_is_told_when_the_silence_ends(database: Database) -> None:
    silences = DbSilenceStore(database)
    now = utc_now()
    matchers = (parse_matcher("event=a"),)
    silences.add(Silence("S-1", matchers, now, now + timedelta(hours=1), "duty", "试验", now))
    muting = Muting(silences.active, tuple)
    with Hook() as hook, notifying(database, hook, muting=muting) as made:
        until(lambda: made.figures["notify_leading"])
        report(database, "a", "b")
        until(lambda: hook.firing() == {"b"})
        silences.end("S-1", "duty", "修好了", utc_now())
        until(lambda: hook.firing() == {"a", "b"})


def test_what_is_inhibited_is_told_when_its_source_is_over(database: Database) -> None:
    with Hook() as hook, notifying(database, hook) as made:
        until(lambda: made.figures["notify_leading"])
        report(database, "worse")
        until(lambda: hook.firing() == {"worse"})
        report(database, "less")
        report(database, "less", job="another")
        until(lambda: "another" in {body["groupLabels"]["job"] for _, body in hook.posts})
        assert [body["groupLabels"]["job"] for _, body in hook.posts if names(body, "firing") == ["less"]] == [
            "another"
        ]
        report(database, "worse", over=True)
        until(lambda: jobs(hook, "less") == {"another", "j"})


def jobs(hook: Hook, name: str) -> set[str]:
    """The groups in which `name` was told as firing."""
    return {body["groupLabels"]["job"] for _, body in list(hook.posts) if name in names(body, "firing")}


def test_another_tree_is_taken_up_and_a_broken_one_is_not(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "routing.yaml"
    path.write_text("route: {receiver: nobody, group_wait: 0s}")
    file = RoutingFile(path)
    with Hook() as hook, notifying(database, hook, root=file) as made:
        report(database, "a")
        until(lambda: made.figures["notifications"] == 1)
        assert hook.posts == []
        path.write_text("route: {receiver: }")
        until(lambda: file.problem)
        path.write_text("route: {receiver: hook, group_wait: 0s, group_by: [job]}")
        until(lambda: hook.firing() == {"a"})


@pytest.mark.parametrize("text", ["x", "a=", "a=ftp://h/", "a=http://", "=http://h/", "a=http://h:x/"])
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_receivers(f"{text} ")
    assert "http://h" not in str(caught.value)


def test_the_cursor_stays_before_what_is_not_told(database: Database) -> None:
    slow = parse_routing("route: {receiver: hook, group_by: [job], group_wait: 1h, repeat_interval: 4h}")
    store = NotifyStore(database)
    with Hook() as hook:
        with notifying(database, hook, root=lambda: slow) as made:
            until(lambda: made.figures["notify_leading"])
            before = store.newest()
            report(database, "a")
            report(database, "b", job="other")
            report(database, "b", job="other", over=True)
            until(lambda: store.cursor() == before)
        assert store.cursor() == before < store.newest()


def test_what_nobody_could_be_told_of_is_told_after_two_changes_of_notifier_though_it_is_over(
    database: Database,
) -> None:
    """Each takes over what is open; that must not count as told."""
    store = NotifyStore(database)
    with Hook() as hook:
        hook.refuse = True
        before = store.newest()
        for number in range(2):
            with notifying(database, hook) as made:
                if number == 0:
                    until(lambda made=made: made.figures["notify_leading"])
                    report(database, "a")
                until(lambda made=made: made.figures["notify_failed"] >= 2)  # the second failure comes after a save
        assert store.cursor() == before
        report(database, "a", over=True)
        hook.refuse = False
        with notifying(database, hook):
            until(lambda: ("resolved", [], ["a"]) in hook.told())
