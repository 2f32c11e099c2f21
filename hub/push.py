"""Live push: each web process reads the streams once, makes each frame once, and hands it to every open screen.

A frame of a durable event bears the outbox number as its id, so a screen that was away gets what it missed. A screen
that does not read fast enough is cut, and told by its next connection to load the present state.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
import redis
import redis.asyncio as aioredis
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from geodata.clock import utc_now
from hub.bus import EVENTS, EVENTS_KEPT, LIVE

log = structlog.get_logger()

BEAT_S = 2.0
QUEUE_FRAMES = 512
REPLAY_MAX = 2_000
TOPICS = frozenset({"alerts", "incidents", "calls", "readings", "sightings", "system", "feeds"})


def frame(kind: str, body: bytes, event_id: str = "") -> bytes:
    """One server-sent event. `body` is JSON and so has no line breaks."""
    head = f"id: {event_id}\n" if event_id else ""
    return b"%bevent: %b\ndata: %b\n\n" % (head.encode(), kind.encode(), body)


def _event_frame(entry_id: bytes, fields: dict[bytes, bytes]) -> tuple[str, bytes]:
    """A stream entry as (topic, frame): the stored body with topic, kind and time put in front."""
    topic, kind = fields[b"t"].decode(), fields[b"k"].decode()
    head = orjson.dumps({"topic": topic, "kind": kind, "at": fields[b"a"].decode()})
    rest = fields[b"b"]
    body = head if rest == b"{}" else head[:-1] + b"," + rest[1:]
    return topic, frame(kind, body, entry_id.decode().split("-")[0])


def _number(data: bytes) -> int:
    """The number of a durable event's frame, 0 for any other."""
    return int(data[4 : data.index(b"\n")]) if data.startswith(b"id: ") else 0


@dataclass(eq=False)
class Listener:
    """One open screen: what it wants and what waits for it."""

    topics: frozenset[str]
    username: str
    queue: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(QUEUE_FRAMES))
    cut: bool = False

    def offer(self, data: bytes) -> None:
        try:
            self.queue.put_nowait(data)
        except asyncio.QueueFull:
            self.cut = True

    async def next(self, within_s: float) -> list[bytes]:
        """All that waits, in order, to be sent as one piece; an empty list when nothing came `within_s`."""
        try:
            found = [await asyncio.wait_for(self.queue.get(), within_s)]
        except TimeoutError:
            return []
        while not self.queue.empty():
            found.append(self.queue.get_nowait())
        return found


class Push:
    """Start with `run()` as a task; `stream()` is one screen's connection."""

    def __init__(self, redis_url: str) -> None:
        self.client: Any = aioredis.Redis.from_url(redis_url, socket_timeout=None, retry=Retry(NoBackoff(), 0))
        self.listeners: set[Listener] = set()
        self.cut_total = 0
        self.ending = False
        self.frames_total = 0
        self.last_read = 0.0  # monotonic; how fresh the link to Redis is
        self._last_event = "$"
        self._last_live = "$"
        self._begun = asyncio.Event()  # from now on nothing that is new passes unseen

    @property
    def is_live(self) -> bool:
        """Whether the streams were read within the last two beats."""
        return time.monotonic() - self.last_read < 2 * BEAT_S + 1

    async def run(self) -> None:
        """Read both streams for ever; when Redis is away say so to the screens once, and once when it is back."""
        away = False
        while True:
            try:
                await self._find_ends()
                self._begun.set()
                found = await self.client.xread(
                    {EVENTS: self._last_event, LIVE: self._last_live}, count=500, block=int(BEAT_S * 1000)
                )
                self.last_read = time.monotonic()
                if away:
                    away = False
                    log.info("push.recovered")
                    self._to_all("system", frame("resync", b'{"why":"link-restored"}'))
                self._spread(found)
            except (redis.RedisError, OSError) as problem:
                if not away:
                    log.warning("push.redis-away", problem=str(problem))
                    self._to_all("system", frame("system.status", b'{"bus":"away"}'))
                away = True
                await asyncio.sleep(0.25)

    async def _find_ends(self) -> None:
        for name, key in (("_last_event", EVENTS), ("_last_live", LIVE)):
            if getattr(self, name) == "$":
                newest = await self.client.xrevrange(key, count=1)
                setattr(self, name, newest[0][0].decode() if newest else "0-0")

    def _spread(self, found: list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]) -> None:
        for key, entries in found:
            for entry_id, fields in entries:
                if key == EVENTS.encode():
                    self._last_event = entry_id.decode()
                    self._to_all(*_event_frame(entry_id, fields))
                else:
                    self._last_live = entry_id.decode()
                    self._to_all(fields[b"t"].decode(), frame(fields[b"k"].decode(), fields[b"b"]))

    def _to_all(self, topic: str, data: bytes) -> None:
        for listener in self.listeners:
            if topic in listener.topics or topic == "system":
                listener.offer(data)
                self.frames_total += 1

    async def stream(
        self, topics: frozenset[str], username: str, last_id: str | None, still_valid: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[bytes]:
        """Frames for one screen, from after `last_id` when given, until the sign-in ends or the screen is too slow."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._begun.wait(), BEAT_S)
        listener = Listener(topics, username)
        self.listeners.add(listener)  # first listen, then look back: nothing falls between
        newest, begun_at = 0, self._last_event.split("-")[0]
        try:
            yield b"retry: 1000\n\n"
            async for number, data in self._missed(last_id, topics):
                newest = max(newest, number)
                yield data
            if begun_at.isdigit():  # so that a screen knows where to resume before it has seen any event
                yield frame("hello", b"{}", str(max(newest, int(begun_at))))
            beat_at = 0.0
            while not listener.cut:
                if time.monotonic() >= beat_at:
                    if not await still_valid():
                        yield frame("signed-out", b"{}")
                        return
                    beat_at = time.monotonic() + BEAT_S
                    yield self._beat()
                waiting = await listener.next(max(0.0, beat_at - time.monotonic()))
                if newest:
                    waiting = [data for data in waiting if _number(data) == 0 or _number(data) > newest]
                if waiting:
                    yield b"".join(waiting)
            if self.ending:
                return
            self.cut_total += 1
            yield frame("resync", b'{"why":"too-slow"}')
        finally:
            self.listeners.discard(listener)

    def end(self) -> None:
        """The process is about to end: let every stream go, its screen comes back to whoever takes over."""
        self.ending = True
        for listener in self.listeners:
            listener.cut = True
            listener.offer(b"")

    def _beat(self) -> bytes:
        state = b'{"at":"%b","bus":"%b"}' % (utc_now().isoformat().encode(), b"live" if self.is_live else b"away")
        return frame("beat", state)

    async def _missed(self, last_id: str | None, topics: frozenset[str]) -> AsyncIterator[tuple[int, bytes]]:
        """What came after `last_id`; a resync frame when that is too long ago, or not a number of this stream."""
        if not last_id:
            return
        resync = 0, frame("resync", b'{"why":"too-long-away"}')
        if not last_id.isdigit() or len(last_id) > 18:
            yield resync
            return
        try:
            oldest = await self.client.xrange(EVENTS, count=1)
            newest = await self.client.xrevrange(EVENTS, count=1)
            missed = await self.client.xrange(EVENTS, min=f"({last_id}-0", count=REPLAY_MAX + 1)
        except (redis.RedisError, OSError):
            yield resync
            return
        first = int(oldest[0][0].split(b"-")[0]) if oldest else 1
        last = int(newest[0][0].split(b"-")[0]) if newest else 0
        if int(last_id) + 1 < first or int(last_id) > last or len(missed) > min(REPLAY_MAX, EVENTS_KEPT):
            yield resync
            return
        for entry_id, fields in missed:
            topic, data = _event_frame(entry_id, fields)
            if topic in topics:
                yield int(entry_id.split(b"-")[0]), data
