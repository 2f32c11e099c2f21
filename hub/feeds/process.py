"""The feeds process: runs every feed of the feeds file, each at one place at a time.

A *runner* is a callable `run(spec, door, stop)` that does one feed's transport until `stop` is set: it connects,
hands what comes to `door` (hub/feeds/door.py) and acknowledges to its source what `door.stored` has confirmed. It may
raise at any time: its feed is then shown as failing and it is called again after a pause (1 s, doubling to 60 s). It
must return within a few seconds of `stop`. It keeps nothing between two calls except what its source or Redis holds.
A new kind: its `Feed` in alerts/feeds/, its runner here in `hub/feeds/runners.py`.

One process holds a feed by the lease `feed:<id>`; when it dies another one (or the same part, started again) takes it
over at once on the same machine, within `LEASE_S` from another. A process whose lease was taken stops its runner, and
what it has not acknowledged comes again to the new holder; all that a door takes is idempotent.
"""

import signal
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime

import redis
import sqlalchemy as sa
import structlog

from alerts.feeds.model import FeedSpec
from geodata.errors import CityError
from hub.feeds.board import FeedBoard
from hub.feeds.book import FeedsBook
from hub.feeds.door import Door
from hub.holders import is_gone
from hub.lease import Leases

log = structlog.get_logger()

LEASE_S = 6.0
PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
Runner = Callable[[FeedSpec, Door, threading.Event], None]
MakeDoor = Callable[[FeedSpec, Callable[[], bool]], Door]


class FeedsProcess:
    """`run()` until a signal, or until the feeds file has changed: the part is then started again with the new one."""

    def __init__(
        self, book: FeedsBook, board: FeedBoard, leases: Leases, runners: Mapping[str, Runner], make_door: MakeDoor,
        holder: str, clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self.book, self.board, self.leases, self.runners = book, board, leases, runners
        self.make_door, self.holder, self.clock = make_door, holder, clock
        self.stopping = threading.Event()

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        self.serve()

    def serve(self) -> None:
        """`run` without the signals."""
        begun = self.book.now()
        keepers = [Keeper(self, spec) for spec in begun.active]
        for spec in begun.feeds:
            self._quiet(lambda spec=spec: self.board.declare(spec))  # type: ignore[misc]
        for keeper in keepers:
            keeper.start()
        while not self.stopping.wait(1.0):
            self._quiet(lambda: self.board.alive(self.holder, self.clock()))
            if self.book.now() is not begun and self.book.now() != begun:
                log.info("feeds.file-changed")
                self.stopping.set()
        for keeper in keepers:
            keeper.join(10)
        self._quiet(lambda: self.board.gone(self.holder))

    @staticmethod
    def _quiet(act: Callable[[], None]) -> None:
        try:
            act()
        except redis.RedisError as away:
            log.debug("feeds.bus-away", problem=str(away))


class Keeper(threading.Thread):
    """Holds one feed's lease and keeps its runner going while it does."""

    def __init__(self, process: FeedsProcess, spec: FeedSpec) -> None:
        super().__init__(name=f"feed-{spec.id}", daemon=True)
        self.process, self.spec, self.lease = process, spec, f"feed:{spec.id}"
        self._renewed = 0.0
        self._away = False

    def run(self) -> None:
        while not self.process.stopping.is_set():
            token = self._acquire()
            if token is None:
                self.process.stopping.wait(LEASE_S / 6)
                continue
            self._renewed = time.monotonic()
            self._hold(token)

    def is_ours(self) -> bool:
        """Whether nobody else can have taken the lease since it was last renewed."""
        return time.monotonic() - self._renewed < LEASE_S

    def _acquire(self) -> int | None:
        leases, now = self.process.leases, self.process.clock()
        try:
            leases.release_gone(self.lease, is_gone, now)
            return leases.acquire(self.lease, self.process.holder, now, LEASE_S)
        except sa.exc.SQLAlchemyError as problem:
            self._say_away(problem)
            return None

    def _hold(self, token: int) -> None:
        stop = threading.Event()
        runner = threading.Thread(target=self._keep_running, args=(stop,), name=f"run-{self.spec.id}", daemon=True)
        runner.start()
        while not self.process.stopping.wait(LEASE_S / 6) and self._renew(token):
            pass
        stop.set()
        runner.join(8)
        if self.process.stopping.is_set():
            try:
                self.process.leases.release(self.lease, token, self.process.clock())
            except sa.exc.SQLAlchemyError as problem:
                self._say_away(problem)

    def _renew(self, token: int) -> bool:
        try:
            if not self.process.leases.renew(self.lease, token, self.process.clock(), LEASE_S):
                log.warning("feed.lease-lost", feed=self.spec.id)
                return False
            self._renewed, self._away = time.monotonic(), False
        except sa.exc.SQLAlchemyError as problem:
            self._say_away(problem)
            return self.is_ours()
        return True

    def _say_away(self, problem: Exception) -> None:
        if not self._away:
            log.warning("feed.database-away", feed=self.spec.id, problem=str(problem))
        self._away = True

    def _keep_running(self, stop: threading.Event) -> None:
        pause_s, door = PAUSE_S, self.process.make_door(self.spec, self.is_ours)
        while not stop.is_set():
            began = time.monotonic()
            try:
                self.process.runners[self.spec.kind](self.spec, door, stop)
            except CityError as problem:
                door.failed(str(problem))
            except Exception as problem:  # whatever it was, the other feeds go on and this one is tried again
                log.debug("feed.runner-failed", feed=self.spec.id, exc_info=problem)
                door.failed(f"{type(problem).__name__}: {problem}")
            pause_s = PAUSE_S if time.monotonic() - began > LONGEST_PAUSE_S else min(pause_s * 2, LONGEST_PAUSE_S)
            stop.wait(pause_s)
