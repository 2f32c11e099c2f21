"""The feeds process: one holder a feed, followed when it dies; trouble of one is not the others'; nothing unsure."""

import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from alerts.feeds.model import FeedSpec
from geodata.clock import utc_now
from geodata.errors import NotConfigured
from hub.database import Database
from hub.feeds.board import FeedBoard, Note
from hub.feeds.book import FeedsBook
from hub.feeds.desk import FeedsDesk
from hub.feeds.door import Door
from hub.feeds.named import names_feeds
from hub.feeds.process import FeedsProcess
from hub.holders import own_name
from hub.lease import Leases
from hub.redis_server import EmbeddedRedis
from hub.rights import Identity
from tests.hub.feed_parts import SENSORS, Parts
from tests.serving import until

TWO = """
feeds:
  - {id: good, kind: folder, path: /x}
  - {id: bad, kind: folder, path: /y}
"""


@pytest.fixture
def parts(database: Database, client: redis.Redis) -> Parts:
    return Parts(database, client)


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FeedsBook:
    monkeypatch.setattr("hub.feeds.book.LOOK_S", 0.1)
    path = tmp_path / "feeds.yaml"
    path.write_text(TWO)
    return FeedsBook(path)


class Runs:
    """A runner that says where it runs; `trouble` makes one feed's fail."""

    def __init__(self) -> None:
        self.running: dict[str, set[str]] = {}
        self.starts = 0
        self.trouble: dict[str, Exception] = {}

    def by(self, holder: str) -> Any:
        def run(spec: FeedSpec, door: Door, stop: threading.Event) -> None:
            self.starts += 1
            if spec.id in self.trouble:
                raise self.trouble[spec.id]
            held = self.running.setdefault(spec.id, set())
            held.add(holder)
            door.fine()
            stop.wait(60)
            held.discard(holder)

        return {"folder": run}


def started(parts: Parts, book: FeedsBook, runs: Runs, holder: str) -> Iterator[tuple[FeedsProcess, threading.Thread]]:
    process = FeedsProcess(
        book, parts.board, Leases(parts.database), runs.by(holder), parts.door, holder, utc_now
    )  # fmt: skip
    thread = threading.Thread(target=process.serve, daemon=True)
    thread.start()
    yield process, thread
    process.stopping.set()
    thread.join(15)
    assert not thread.is_alive()


def test_each_feed_runs_once_and_moves_when_its_holder_ends(parts: Parts, book: FeedsBook) -> None:
    runs, other = Runs(), Runs()
    first = started(parts, book, runs, "one")
    process, thread = next(first)
    until(lambda: runs.running == {"good": {"one"}, "bad": {"one"}})
    second = started(parts, book, other, "two")
    next(second)
    time.sleep(1.5)
    assert other.running == {}
    process.stopping.set()
    thread.join(15)
    until(lambda: other.running == {"good": {"two"}, "bad": {"two"}}, 20)
    assert runs.running == {"good": set(), "bad": set()}
    list(second)


def test_a_killed_holder_is_followed_at_once(parts: Parts, book: FeedsBook) -> None:
    """Its name is of this machine and no such process is there: the lease need not run out."""
    gone = own_name().replace(f"-{os.getpid()}-", "-999999999-")
    assert Leases(parts.database).acquire("feed:good", gone, utc_now(), 3_600)
    runs = Runs()
    process = started(parts, book, runs, own_name())
    next(process)
    until(lambda: runs.running.get("good"), 10)
    list(process)


def test_one_in_trouble_is_shown_tried_again_and_leaves_the_other_alone(parts: Parts, book: FeedsBook) -> None:
    runs = Runs()
    runs.trouble = {"bad": NotConfigured("没有环境变量 X")}
    process = started(parts, book, runs, "one")
    next(process)
    until(lambda: parts.fact("bad") and parts.fact("bad").problem == "没有环境变量 X")
    until(lambda: runs.running.get("good") == {"one"})
    runs.trouble = {}
    until(lambda: parts.fact("bad").problem == "", 20)
    list(process)


def test_a_changed_file_ends_the_process_and_a_wrong_one_does_not(parts: Parts, book: FeedsBook) -> None:
    process = started(parts, book, Runs(), "one")
    made, thread = next(process)
    book.path.write_text("feeds: {")
    until(lambda: "YAML" in book.problem)
    time.sleep(1.5)
    assert thread.is_alive()
    book.path.write_text(TWO + "  - {id: third, kind: folder, path: /z}\n")
    thread.join(15)
    assert not thread.is_alive()
    assert book.problem == ""
    assert made.stopping.is_set()


def test_a_redis_that_forgot_is_not_taken_for_stored(database: Database, tmp_path: Path) -> None:
    """The stream is empty again, which looks as if the engine had stored all: but it is another Redis."""
    server = EmbeddedRedis(tmp_path / "redis")
    server.start()
    try:
        with redis.Redis.from_url(server.url) as client:
            parts = Parts(database, client)
            door = parts.door(FeedSpec("a", "mqtt", "甲", None))
            row = {"sensor": SENSORS[0], "quantity": "depth_m", "value": 1, "observed_at": utc_now().isoformat()}
            taken = door.take([row])
            assert server.process is not None
            server.process.kill()
            server.process.wait()
            for path in (tmp_path / "redis").rglob("*.aof"):
                path.unlink()
            server.start()
            assert door.stored(taken, threading.Event()) is False
            again = door.take([row])
            with parts.storing():
                assert door.stored(again, threading.Event()) is True
            assert parts.stored() == 1
            assert parts.fact("a").accepted == 1
    finally:
        server.stop()


def test_what_only_waits_is_not_stored_and_a_lost_lease_stops_the_waiting(parts: Parts) -> None:
    ours = [True]
    door = parts.door(FeedSpec("a", "mqtt", "甲", None), lambda: ours[0])
    taken = door.take([{"sensor": SENSORS[0], "quantity": "depth_m", "value": 1, "observed_at": utc_now().isoformat()}])
    results: list[bool] = []
    waiting = threading.Thread(target=lambda: results.append(door.stored(taken, threading.Event())))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    ours[0] = False
    waiting.join(5)
    assert results == [False]


def test_a_state_changes_once_for_all_processes_and_is_told_to_the_screens(parts: Parts) -> None:
    parts.board.note("http:a", Note(5, 1, 0, 1_780_000_000_000, 1_779_999_999_000), {"kind": "http", "title": "甲"})
    now = datetime.fromtimestamp(1_780_000_001, UTC)
    others = FeedBoard(parts.client)
    assert parts.board.settle(parts.board.facts(now), now) == ["http:a"]
    assert others.settle(others.facts(now), now) == []
    parts.board.problem("http:a", "断开")
    assert others.settle(others.facts(now), now) == ["http:a"]
    assert parts.board.settle(parts.board.facts(now), now) == []
    fact = parts.fact("http:a")
    assert (fact.accepted, fact.rejected, fact.since) == (5, 1, now)
    assert parts.board.facts(now)[0].rate_per_min == 6
    told = [fields[b"k"] for _, fields in parts.client.xrange("city:live")]
    assert told == [b"feeds.state", b"feeds.state"]


def test_counts_survive_a_redis_that_is_away_for_a_while(
    parts: Parts, book: FeedsBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = FeedsDesk(parts.client, book, parts.rejects, utc_now)
    who = Identity("meter", "抄表", "service", "x", "api")
    for number in range(10):
        desk.heard("http", who, 3, 1)
        if number in (3, 6):
            with monkeypatch.context() as cut:
                cut.setattr(desk.board, "note", lambda *_: (_ for _ in ()).throw(redis.ConnectionError("away")))
                with pytest.raises(redis.ConnectionError):
                    desk.flush()
    desk.flush()
    desk.flush()
    fact = parts.fact("http:meter")
    assert (fact.accepted, fact.rejected) == (30, 10)


def test_a_feed_whose_process_is_not_there_fails_and_says_so(parts: Parts, book: FeedsBook) -> None:
    desk = FeedsDesk(parts.client, book, parts.rejects, utc_now)
    assert {row["state"] for row in desk.rows()} == {"failing"}
    parts.board.alive("one", utc_now())
    assert {row["state"] for row in desk.rows()} == {"waiting"}
    book.path.write_text("feeds: []\n")
    until(lambda: desk.rows() == [])


@pytest.mark.parametrize(
    ("text", "found"),
    [("", False), ("feeds: []", False), ("feeds:\n#  - id: a\n", False), ("feeds:\n  - id: a\n", True),
     ("feeds:\n-\n  id: a\n", True), ("feeds: [{id: a}]", True)],
)  # fmt: skip
def test_whether_a_file_names_feeds(tmp_path: Path, text: str, found: bool) -> None:
    (tmp_path / "f.yaml").write_text(text)
    assert names_feeds(tmp_path / "f.yaml") is found
