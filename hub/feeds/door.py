"""The one way in for what a feed brings: checked, published, counted; and waiting until it is stored.

A runner gets a `Door` and does only its transport. It never writes a store itself.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import redis
import structlog

from alerts.desk import CapOutcome
from alerts.feeds.limits import Bucket
from alerts.feeds.model import FeedSpec, Row
from alerts.feeds.payloads import newest_ms
from alerts.ports import Reject, RejectStore
from geodata.clock import epoch_ms
from geodata.errors import NotConfigured
from hub.bus import RedisReadingBus
from hub.feed_cursors import FeedCursors
from hub.feeds.board import FeedBoard, Note
from hub.readings_in import ReadingCheck

log = structlog.get_logger()

LOOK_S = 0.01
SLOW_S = 10.0


class Warnings(Protocol):
    """What takes a CAP message: the alert desk."""

    def receive_cap(self, body: bytes, who: str, now: datetime) -> CapOutcome: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """Rows on their way: `refused` are (place, reason); `entries` the stream's ids; `life` its Redis."""

    accepted: int
    rejects: tuple[Reject, ...]
    newest_ms: int
    entries: tuple[bytes, ...] = ()
    life: str = ""

    @property
    def refused(self) -> list[tuple[int, str]]:
        return [(one.index, one.reason) for one in self.rejects]


class Door:
    """One feed's. `take` raises `redis.RedisError` when the bus is away or full: try again, nothing is lost by it."""

    def __init__(
        self, spec: FeedSpec, *, board: FeedBoard, bus: RedisReadingBus, check: ReadingCheck, rejects: RejectStore,
        warnings: Warnings, clock: Callable[[], datetime], is_ours: Callable[[], bool] = lambda: True,
        cursors: FeedCursors | None = None,
    ) -> None:  # fmt: skip
        self.spec, self.board, self.bus, self.check = spec, board, bus, check
        self.rejects, self.warnings, self.clock, self.is_ours = rejects, warnings, clock, is_ours
        self.cursors = cursors  # what a polled source must remember between two looks
        self.bucket = Bucket(spec.limit)
        self.source = f"feed:{spec.id}"[:64]
        self._problem = ""
        self._shown = False
        self._said_drops = 0.0
        self._dropped = 0
        self._dropped_since = 0

    def secret(self, env: str, file: str) -> str:
        """A secret by the name of an environment variable or a file; "" when neither is named."""
        if env:
            found = os.environ.get(env)
            if found is None:
                raise NotConfigured(f"没有环境变量 {env};口令从它读入")
            return found
        if file:
            try:
                return Path(file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as problem:
                raise NotConfigured(f"口令文件 {file} 读不了:{problem}") from None
        return ""

    def take(self, rows: Sequence[Row], exercise: str = "") -> Taken:
        """Check the rows and publish the good ones; `stored` tells when they and the refused ones are kept."""
        now = self.clock()
        payload: Mapping[str, Any] = {"observations": list(rows), "exercise": self.spec.exercise or exercise}
        checked = self.check(payload, now)
        life = self.bus.life() if checked.batches else ""
        entries = tuple(self.bus.append(batch) for batch in checked.batches)
        rejects = tuple(replace(one, source=self.source) for one in checked.rejects)
        return Taken(checked.accepted, rejects, min(newest_ms(rows), epoch_ms(now)), entries, life)

    def stored(self, taken: Taken, stop: threading.Event) -> bool:
        """Wait until the engine has stored what was taken, keep what was refused, count both. False: it cannot be said
        (stop, or Redis was started anew meanwhile): nothing may be acknowledged, the same rows must be given again."""
        if taken.entries and not self._passed(taken, stop):
            return False
        self.rejects.add(taken.rejects)
        note = Note(taken.accepted, len(taken.rejects), 0, epoch_ms(self.clock()), taken.newest_ms)
        self.board.note(self.spec.id, note)
        return True

    def _passed(self, taken: Taken, stop: threading.Event) -> bool:
        began, slow = time.monotonic(), False
        while not stop.is_set() and self.is_ours():
            if self.bus.is_stored(taken.entries[-1]):
                if slow:
                    self.fine()
                return self.bus.life() == taken.life
            if not slow and time.monotonic() - began > SLOW_S:
                slow = True
                self.failed("读数已进入总线,引擎还没有存下,暂不向来源确认(请看引擎是否在运行)")
            stop.wait(LOOK_S)
        return False

    def refuse(self, refused: Iterable[tuple[int, str, str]]) -> None:
        """What cannot be read at all, as (place, reason, original): to the rejects list, counted."""
        now = self.clock()
        rejects = [Reject(self.source, place, reason, original[:4_000], now) for place, reason, original in refused]
        if rejects:
            self.rejects.add(rejects)
            self.board.note(self.spec.id, Note(rejected=len(rejects), last_ms=epoch_ms(now)))

    def drop(self, count: int, why: str) -> None:
        """Rows or messages that were let go because there was no room: each is counted, one line a minute says so."""
        if count:
            self.board.note(self.spec.id, Note(dropped=count))
            self._dropped += count
            self._dropped_since += count
        if self._dropped_since and time.monotonic() >= self._said_drops:
            self._said_drops = time.monotonic() + 60
            reason = f"{why}:丢弃 {self._dropped_since} 条(本次运行累计 {self._dropped} 条)"
            self.rejects.add([Reject(self.source, -1, reason, "", self.clock())])
            self._dropped_since = 0

    def warning(self, body: bytes) -> CapOutcome:
        """A CAP message to the desk, in this feed's name; `BadInput` lists its problems (the desk keeps the reject)."""
        now = self.clock()
        try:
            outcome = self.warnings.receive_cap(body, self.source, now)
        except Exception:
            self.board.note(self.spec.id, Note(rejected=1, last_ms=epoch_ms(now)))
            raise
        self.board.note(self.spec.id, Note(accepted=1, last_ms=epoch_ms(now), observed_ms=epoch_ms(now)))
        return outcome

    def pace(self, rows: int, stop: threading.Event) -> bool:
        """Wait until the feed's limit lets so many rows pass; False when it is time to stop."""
        while not stop.is_set():
            wait_s = self.bucket.take(rows, time.monotonic())
            if not wait_s:
                return True
            stop.wait(min(wait_s, 1.0))
        return False

    def failed(self, problem: str) -> None:
        """The feed does not work now: logged once, shown until `fine`."""
        if problem != self._problem:
            if not self._problem:
                log.warning("feed.trouble", feed=self.spec.id, problem=problem)
            self._problem = problem
            self._show(problem)

    def fine(self) -> None:
        """The feed works (again)."""
        if self._problem:
            log.info("feed.trouble-over", feed=self.spec.id, was=self._problem)
        elif self._shown:
            return
        self._problem = ""
        self._show("")

    def _show(self, problem: str) -> None:
        try:
            self.board.problem(self.spec.id, problem)
            self._shown = True
        except redis.RedisError as away:
            log.debug("feed.not-shown", problem=str(away))
