"""A CAP feed that is fetched, from a real HTTP server: what is new, what is refused, and messages in any order."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import permutations
from typing import Any

import pytest
import redis

from alerts.cap_publish import atom_feed, published
from alerts.feeds.cap_poll import CapPollSpec, read_index, refused_address, refused_ip
from geodata.clock import SHANGHAI
from geodata.errors import BadInput, NotConfigured
from hub.database import Database
from hub.feeds.cap_poll import CapPoll
from tests.hub.feed_parts import Parts, spec_of

SENT = datetime.now(UTC).astimezone(SHANGHAI).replace(microsecond=0) - timedelta(hours=1)


def cap(identifier: str, kind: str = "Alert", refers: str = "", minutes: int = 0, severity: str = "Severe") -> str:
    sent = (SENT + timedelta(minutes=minutes)).isoformat()
    first = f"<references>met@x,{refers},{SENT.isoformat()}</references>" if refers else ""
    return (
        f'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>{identifier}</identifier>'
        f"<sender>met@x</sender><sent>{sent}</sent><status>Actual</status><msgType>{kind}</msgType>"
        f"<scope>Public</scope>{first}<info><language>zh-CN</language><category>Met</category><event>暴雨</event>"
        f"<urgency>Expected</urgency><severity>{severity}</severity><certainty>Likely</certainty>"
        "<area><areaDesc>兰山</areaDesc></area></info></alert>"
    )


class Source:
    """A feed server whose pages a test sets: path → (status, headers, body), or a function of the handler."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        source = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                source.asked.append((self.path, {key.lower(): word for key, word in self.headers.items()}))
                page = source.pages.get(self.path, (404, {}, b"no"))
                status, headers, body = page(self) if callable(page) else page
                self.send_response(status)
                for key, word in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(key, word)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def index(self, *entries: tuple[str, str], **headers: str) -> None:
        """(key, CAP text or address) as an Atom feed at /feed."""
        rows = ""
        for key, what in entries:
            inside = (
                f'<content type="application/cap+xml">{what}</content>'
                if what.startswith("<")
                else (f'<link type="application/cap+xml" href="{what}"/>')
            )
            rows += f"<entry><id>{key}</id><updated>2026-07-01T00:00:00Z</updated>{inside}</entry>"
        body = f'<feed xmlns="http://www.w3.org/2005/Atom">{rows}</feed>'.encode()
        self.pages["/feed"] = (200, headers, body)

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def parts(database: Database, client: redis.Redis) -> Iterator[Parts]:
    yield Parts(database, client)
    while POLLS:
        POLLS.pop().fetcher.close()


POLLS: list[CapPoll] = []


def poll_of(parts: Parts, url: str, more: str = "    allow_local: true\n") -> CapPoll:
    spec = spec_of(f"feeds:\n  - id: met\n    kind: cap\n    url: {url}/feed\n{more}")
    parts.board.declare(spec)
    POLLS.append(CapPoll(spec, parts.door(spec), threading.Event()))
    return POLLS[-1]


def reasons(parts: Parts) -> list[str]:
    return [one.reason for one in parts.rejects.latest(50)]


def test_new_entries_become_alerts_once(parts: Parts, source: Source) -> None:
    source.pages["/a.xml"] = (200, {}, cap("A").encode())
    source.index(("a", "/a.xml"), ("b", cap("B")))
    poll = poll_of(parts, source.url)
    poll.look()
    assert {one.identifier for one in parts.desk.open()} == {"A", "B"}
    poll.look()
    poll_of(parts, source.url).look()  # another process, with what the database remembers
    assert len(parts.desk.open()) == 2
    assert source.paths().count("/a.xml") == 1
    assert parts.fact("met").accepted == 2


def test_what_has_not_changed_is_not_sent_again(parts: Parts, source: Source) -> None:
    source.index(("b", cap("B")), ETag='"v1"', **{"Last-Modified": "Wed, 01 Jul 2026 00:00:00 GMT"})
    poll = poll_of(parts, source.url)
    poll.look()
    source.pages["/feed"] = (304, {}, b"")
    poll.look()
    asked = source.asked[-1][1]
    assert (asked["if-none-match"], asked["if-modified-since"]) == ('"v1"', "Wed, 01 Jul 2026 00:00:00 GMT")
    assert len(parts.desk.open()) == 1
    assert parts.fact("met").problem == ""


def test_one_broken_entry_is_a_named_reject_and_the_rest_goes_on(parts: Parts, source: Source) -> None:
    source.pages["/gone.xml"] = (404, {}, b"")
    source.pages["/big.xml"] = (200, {}, cap("BIG").encode() + b" " * 1_000_001)
    source.pages["/gzip.xml"] = (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b" + b"0" * 100)
    source.pages["/away.xml"] = (302, {"Location": "http://127.0.0.1:9/x"}, b"")
    source.pages["/loop.xml"] = (302, {"Location": "/loop.xml"}, b"")
    source.index(
        ("broken", cap("X").replace("<event>暴雨</event>", "")), ("gone", "/gone.xml"), ("big", "/big.xml"),
        ("gzip", "/gzip.xml"), ("away", "/away.xml"), ("loop", "/loop.xml"), ("other", "http://other.invalid/a.xml"),
        ("file", "file:///etc/passwd"), ("meta", "http://169.254.169.254/latest"), ("good", cap("GOOD")),
    )  # fmt: skip
    poll = poll_of(parts, source.url)
    poll.look()
    assert [one.identifier for one in parts.desk.open()] == ["GOOD"]
    found = "\n".join(reasons(parts))
    for word in (
        "broken:",
        "缺少 event",
        "gone:对方答 404",
        "big:超过",
        "gzip:对方发来压缩",
        "away:127.0.0.1:9 不在允许",
        "loop:转向超过",
        "other:other.invalid:80 不在允许",
        "file:只读取 http",
        "meta:169.254.169.254:80 不在允许",
    ):
        assert word in found, word
    assert len(reasons(parts)) == 9
    poll.look()
    assert len(reasons(parts)) == 9  # said once


def test_a_source_that_fails_for_a_moment_is_asked_again(parts: Parts, source: Source) -> None:
    source.index(("a", "/a.xml"), ("b", cap("B")), ETag='"v1"')
    source.pages["/a.xml"] = (503, {}, b"")
    poll = poll_of(parts, source.url)
    poll.look()
    assert [one.identifier for one in parts.desk.open()] == ["B"]
    assert "503" in parts.fact("met").problem
    source.pages["/a.xml"] = (200, {}, cap("A").encode())
    poll.look()
    assert "if-none-match" not in source.asked[-2][1]
    assert {one.identifier for one in parts.desk.open()} == {"A", "B"}
    assert parts.fact("met").problem == ""


def test_a_source_that_is_not_there_is_shown(parts: Parts) -> None:
    poll_of(parts, "http://127.0.0.1:9").look()
    assert "127.0.0.1:9" in parts.fact("met").problem
    poll_of(parts, "http://nowhere.invalid").look()
    assert "nowhere.invalid" in parts.fact("met").problem


@pytest.mark.parametrize(
    "body", [b"", b"<html/>", b"<feed", b'<!DOCTYPE a [<!ENTITY x "y">]><feed>&x;</feed>', b"\xff" * 99]
)
def test_an_index_that_is_none_is_the_sources_trouble(parts: Parts, source: Source, body: bytes) -> None:
    source.pages["/feed"] = (200, {}, body)
    poll_of(parts, source.url).look()
    assert "索引" in parts.fact("met").problem
    assert parts.desk.open() == []


def test_a_source_that_drips_is_left(parts: Parts, source: Source) -> None:
    def drip(handler: Any) -> tuple[int, dict[str, str], bytes]:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        for _ in range(200):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)
        raise AssertionError("it was listened to for twenty seconds")

    source.pages["/feed"] = drip
    source.server.handle_error = lambda *_: None  # type: ignore[method-assign]
    began = time.monotonic()
    poll_of(parts, source.url, "    allow_local: true\n    timeout_s: 1\n").look()
    assert time.monotonic() - began < 10
    assert "没有收完" in parts.fact("met").problem


STORY = {"A1": cap("A1"), "U1": cap("U1", "Update", "A1", 5, "Extreme"), "C1": cap("C1", "Cancel", "A1", 9)}


@pytest.mark.parametrize("order", list(permutations(STORY)), ids="".join)
@pytest.mark.parametrize("at_once", [True, False], ids=["one look", "three looks"])
def test_in_any_order_the_story_ends_the_same(
    parts: Parts, source: Source, order: tuple[str, ...], at_once: bool
) -> None:
    poll = poll_of(parts, source.url)
    for count in [3] if at_once else [1, 2, 3]:
        source.index(*((key, STORY[key]) for key in order[:count]))
        poll.look()
    assert parts.desk.open() == []


@pytest.mark.parametrize("order", [("A1", "U1"), ("U1", "A1")], ids="".join)
def test_an_update_that_comes_first_stays_in_force(parts: Parts, source: Source, order: tuple[str, ...]) -> None:
    poll = poll_of(parts, source.url)
    for count in (1, 2):
        source.index(*((key, STORY[key]) for key in order[:count]))
        poll.look()
    assert [(one.identifier, one.severity) for one in parts.desk.open()] == [("U1", "Extreme")]


def test_our_own_feed_can_be_fetched_by_another_city(parts: Parts, source: Source) -> None:
    source.index(("b", cap("B")), ("a", cap("A")))
    poll_of(parts, source.url).look()
    given = atom_feed(published(parts.desk.open(), (), {}, {}), "http://127.0.0.1")
    entries = read_index(given, source.url)
    assert len(entries) == 2
    assert all(b"<ns0:alert" in one.document or b"<alert" in one.document for one in entries)
    source.pages["/feed"] = (200, {}, given)
    poll_of(parts, source.url).look()
    assert len(parts.desk.open()) == 4  # theirs are other messages, by another sender


def test_this_machine_is_not_asked_unless_it_is_said(parts: Parts, source: Source) -> None:
    poll = poll_of(parts, source.url, "")
    with pytest.raises(NotConfigured, match="allow_local"):
        poll.look()
    assert source.asked == []


@pytest.mark.parametrize(
    ("url", "hosts", "refused"),
    [("https://met.example/a", (), ""), ("https://met.example:444/a", (), "不在允许"),
     ("http://met.example/a", (), "https"),
     ("https://evil.example/a", (), "不在允许"), ("https://met.example@evil.example/a", (), "不在允许"),
     ("https://cdn.example/a", ("cdn.example",), ""), ("https://cdn.example:8443/a", ("cdn.example:8443",), ""),
     ("https://met.example:99999/a", (), "写错"), ("ftp://met.example/a", (), "只读取"), ("", (), "只读取")],
)  # fmt: skip
def test_only_the_configured_host(url: str, hosts: tuple[str, ...], refused: str) -> None:
    spec = CapPollSpec("https://met.example/feed", hosts=hosts)
    found = refused_address(url, spec)
    assert refused in found
    assert bool(found) == bool(refused)


@pytest.mark.parametrize(
    ("address", "fine"),
    [("10.1.2.3", True), ("8.8.8.8", True), ("127.0.0.1", False), ("::1", False), ("169.254.169.254", False),
     ("fe80::1%eth0", False), ("::ffff:127.0.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False)],
)  # fmt: skip
def test_addresses_of_this_machine_and_of_clouds_are_refused(address: str, fine: bool) -> None:
    assert (refused_ip(address, CapPollSpec("http://x/")) == "") is fine


@pytest.mark.parametrize(
    ("line", "says"),
    [("url: ftp://x/", "url 必须是"), ("url: https://a:b@x/", "不能写口令"), ("password: x", "口令不能写在"),
     ("every_s: 1", "every_s"), ("max_bytes: 9000000", "max_bytes")],
)  # fmt: skip
def test_the_feeds_file_is_checked(line: str, says: str) -> None:
    given = "" if line.startswith("url") else "    url: https://x/\n"
    with pytest.raises(BadInput, match=says):
        spec_of(f"feeds:\n  - id: met\n    kind: cap\n{given}    {line}\n")
