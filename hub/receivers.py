"""Receivers of notifications: each has threads and connections of its own, so that one that fails holds up no other."""

import http.client
import queue
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import structlog

from alerts.group_state import Notice
from geodata.errors import BadInput

log = structlog.get_logger()

TIMEOUT_S = 10.0
WORKERS = 4
_SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a message; `problem` "" when the receiver has it."""

    notice: Notice
    problem: str


def parse_receivers(text: str) -> dict[str, str]:
    """`name=address name=address` → address by name. Messages never repeat an address: it may hold a secret."""
    found: dict[str, str] = {}
    for word in text.split():
        name, _, url = word.partition("=")
        try:
            parts = urlsplit(url)
            good = parts.scheme in _SCHEMES and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            good = False
        if not name or not good:
            raise BadInput(f"CITYBRAIN_RECEIVERS 中 {name[:40]!r} 的地址不能用;写成 名称=https://主机/路径,用空格隔开")
        found[name] = url
    return found


class Receiver:
    """`send` queues a message; `done` is called on one of the receiver's threads with what came of it."""

    def __init__(self, name: str, url: str, render: Callable[[Notice], bytes], done: Callable[[Outcome], None]) -> None:
        self.name, self._target = name, urlsplit(url)
        self._render, self._done = render, done
        self._queue: queue.SimpleQueue[Notice | None] = queue.SimpleQueue()
        self._down = False
        self._threads = [
            threading.Thread(target=self._work, name=f"receiver-{name}-{number}", daemon=True)
            for number in range(WORKERS)
        ]
        for thread in self._threads:
            thread.start()

    def send(self, notice: Notice) -> None:
        self._queue.put(notice)

    def stop(self) -> None:
        """Let what is on its way arrive; what still waits is sent by the next notifier."""
        while True:
            try:
                self._queue.get_nowait()
            except queue.Empty:
                break
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(TIMEOUT_S + 1)

    def _work(self) -> None:
        line = _Line(self._target)
        while (notice := self._queue.get()) is not None:
            try:
                problem = line.post(self._render(notice), notice.key)
            except (OSError, http.client.HTTPException) as trouble:
                problem = type(trouble).__name__
            except Exception:
                log.exception("notify.render-failed", receiver=self.name)
                problem = "render"
            self._say(problem)
            self._done(Outcome(notice, problem))
        line.close()

    def _say(self, problem: str) -> None:
        """A trouble is logged once, and its end once."""
        if bool(problem) != self._down:
            self._down = bool(problem)
            if problem:
                log.warning("notify.receiver-failed", receiver=self.name, problem=problem)
            else:
                log.info("notify.receiver-recovered", receiver=self.name)


class _Line:
    """One kept-alive connection. A receiver that closed it meanwhile is connected again, once, at once."""

    def __init__(self, target: SplitResult) -> None:
        self._target = target
        self._connection: http.client.HTTPConnection | None = None

    def post(self, body: bytes, key: str) -> str:
        """ "" when the receiver answered 2xx; otherwise what it said. Raises `OSError`, `HTTPException`."""
        fresh = self._connection is None
        try:
            return self._post(body, key)
        except (OSError, http.client.HTTPException):
            self.close()
            if fresh:
                raise
        try:
            return self._post(body, key)
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def _post(self, body: bytes, key: str) -> str:
        if self._connection is None:
            self._connection = self._connect()
        path = (self._target.path or "/") + (f"?{self._target.query}" if self._target.query else "")
        self._connection.request("POST", path, body, self._headers(key))
        answer = self._connection.getresponse()
        answer.read(1_000_000)
        if answer.will_close or not answer.isclosed():
            self.close()
        return "" if 200 <= answer.status < 300 else f"HTTP {answer.status}"

    def _headers(self, key: str) -> Mapping[str, str]:
        return {"Content-Type": "application/json", "Idempotency-Key": key, "User-Agent": "citybrain"}

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._target.hostname or "", self._target.port
        if self._target.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
