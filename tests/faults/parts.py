"""What the fault tests share: killing parts, posting readings, reading the database beside the product, a stream."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.serving import Server, until


def kill(server: Server, part: str) -> int:
    """SIGKILL to the one process of a part; its id."""
    found = pids(server, part)
    assert len(found) == 1, f"{part}: {found}"
    os.kill(found[0], signal.SIGKILL)
    return found[0]


def pids(server: Server, part: str) -> list[int]:
    """Process ids of a part; the embedded Redis is a child of serve with a session of its own."""
    return redis_pids(server) if part == "redis" else server.children(part)


def redis_pids(server: Server) -> list[int]:
    assert server.process is not None
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            name, rest = folder.joinpath("stat").read_text().rsplit(")", 1)
        except OSError:
            continue
        if "(redis-server" in name and rest.split()[0] != "Z" and int(rest.split()[1]) == server.process.pid:
            found.append(int(folder.name))
    return found


def kill_and_wait(server: Server, part: str) -> float:
    """Kill a part, wait until another process stands in its place; seconds."""
    dead, began = kill(server, part), time.monotonic()
    until(lambda: any(pid != dead for pid in pids(server, part)), 30, 0.02)
    return time.monotonic() - began


def rows(server: Server, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """Straight from the database file, read-only, beside the product."""
    path = server.data_dir / "citybrain.sqlite"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as connection:
        return connection.execute(query, arguments).fetchall()


def count(server: Server, table: str) -> int:
    return int(rows(server, f"SELECT count(*) FROM {table}")[0][0])


def sensors(api: httpx.Client, quantity: str, limit: int = 1000) -> list[str]:
    answer = api.get("/api/v1/sensors", params={"quantity": quantity, "limit": limit})
    answer.raise_for_status()
    return [item["id"] for item in answer.json()["items"]]


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def columns(quantity: str, at: str, ids: list[str], values: list[float], **more: Any) -> dict[str, Any]:
    return {"quantity": quantity, "observed_at": at, "sensor": ids, "value": values, **more}


def retried(do: Callable[[], httpx.Response], timeout_s: float = 60) -> tuple[httpx.Response, int]:
    """The first answer that is not a 5xx, as a sender with patience gets it, and how often it had to be sent."""
    deadline, tries = time.monotonic() + timeout_s, 0
    while True:
        tries += 1
        try:
            answer = do()
            if answer.status_code < 500:
                return answer, tries
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, "never taken"
        time.sleep(0.1)


class Screen:
    """An open screen: reads the stream in a thread, reconnects with Last-Event-ID like a browser's EventSource."""

    def __init__(self, server: Server, topics: str = "alerts,incidents,calls") -> None:
        self.server, self.topics = server, topics
        self.ids: list[int] = []
        self.kinds: list[str] = []
        self.connects = 0
        self.last = ""
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        token = ""
        while not self.stopping.is_set():
            try:
                token = token or self._sign_in()
                self._read({"Authorization": token} | ({"Last-Event-ID": self.last} if self.last else {}))
            except httpx.HTTPStatusError:
                token = ""  # a start with a given demo password ends earlier sign-ins
            except httpx.HTTPError:
                pass
            self.stopping.wait(0.2)

    def _sign_in(self) -> str:
        with self.server.api(timeout=10) as api:
            return str(api.headers["Authorization"])

    def _read(self, headers: dict[str, str]) -> None:
        url = f"{self.server.url}/stream"
        limits = httpx.Timeout(5, read=8)
        with (
            httpx.Client(timeout=limits, trust_env=False) as client,
            client.stream("GET", url, params={"topics": self.topics}, headers=headers) as answer,
        ):
            answer.raise_for_status()
            self.connects += 1
            number = ""
            for line in answer.iter_lines():
                if self.stopping.is_set():
                    return
                if line.startswith("id: "):
                    number = line[4:]
                elif line.startswith("event: "):
                    self.kinds.append(line[7:])
                elif not line and number:
                    if self.kinds[-1] != "hello":  # which only says where the stream stands
                        self.ids.append(int(number))
                    self.last, number = number, ""


@contextmanager
def screen(server: Server, topics: str = "alerts,incidents,calls") -> Iterator[Screen]:
    made = Screen(server, topics)
    made.thread.start()
    until(lambda: "beat" in made.kinds, 20)
    try:
        yield made
    finally:
        made.stopping.set()
        made.thread.join(15)


def outbox_ids(server: Server, after: int = 0, topics: tuple[str, ...] = ("alerts", "incidents", "calls")) -> list[int]:
    marks = ",".join("?" * len(topics))
    found = rows(server, f"SELECT seq FROM outbox WHERE seq > ? AND topic IN ({marks}) ORDER BY seq", after, *topics)
    return [row[0] for row in found]


def ready(server: Server) -> dict[str, Any]:
    """`/readyz` with its status code under "code"; empty while nobody answers."""
    try:
        answer = httpx.get(f"{server.url}/readyz", timeout=10, trust_env=False)
        return {"code": answer.status_code, **answer.json()}
    except (httpx.HTTPError, ValueError):
        return {}


def post(api: httpx.Client, body: dict[str, Any]) -> httpx.Response:
    return api.post("/api/v1/observations", json=body)


def is_ready(server: Server) -> bool:
    return ready(server).get("code") == 200


def leads_anew(server: Server, not_holder: str) -> bool:
    """Whether an engine other than `not_holder` has the lead."""
    found = rows(server, "SELECT holder FROM leases WHERE name = 'rules' AND expires_at > ?", int(time.time() * 1000))
    return bool(found) and found[0][0] not in ("", not_holder)


def leader(server: Server) -> str:
    found = rows(server, "SELECT holder FROM leases WHERE name = 'rules'")
    return str(found[0][0]) if found else ""
