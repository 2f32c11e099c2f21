"""Streams between processes.

`readings`: intake → engine, at least once. `events`: committed outbox rows. `live`: values for open screens.
"""

import struct
from typing import Any

import numpy as np
import orjson
import redis

from alerts.ports import ReadingBatch

READINGS = "city:readings"
EVENTS = "city:events"
LIVE = "city:live"
EXERCISE = "city:exercise"
EXERCISE_S = 20
GROUP = "engine"
EVENTS_KEPT = 20_000
LIVE_KEPT = 500
BACKLOG_MAX = 20_000  # batches waiting for the engine; beyond it intake refuses rather than fill the memory
MERGE_ROWS = 20_000


_OLDEST = "local one = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1); return one[1] and one[1][1] or ''"


class BusFull(redis.RedisError):
    """The engine is too far behind; the sender must try again later."""


def pack(batch: ReadingBatch) -> bytes:
    """A batch as bytes: length of the head, the head in JSON, then the three columns as they lie in memory."""
    head = orjson.dumps([batch.quantity, len(batch.sensor_no), batch.received_ms, batch.exercise])
    columns = (
        np.ascontiguousarray(batch.sensor_no, "<i4"),
        np.ascontiguousarray(batch.value, "<f8"),
        np.ascontiguousarray(batch.observed_ms, "<i8"),
    )
    return struct.pack("<I", len(head)) + head + b"".join(column.tobytes() for column in columns)


def unpack(body: bytes) -> ReadingBatch:
    """The inverse of `pack`."""
    (size,) = struct.unpack_from("<I", body)
    quantity, count, received_ms, exercise = orjson.loads(body[4 : 4 + size])
    at = 4 + size
    sensor_no = np.frombuffer(body, "<i4", count, at)
    value = np.frombuffer(body, "<f8", count, at + 4 * count)
    observed_ms = np.frombuffer(body, "<i8", count, at + 12 * count)
    return ReadingBatch(quantity, sensor_no, value, observed_ms, received_ms, exercise)


class RedisReadingBus:
    """The `readings` stream. Entries are deleted when the engine has stored them, so its length is the backlog."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self._entries = 0

    def publish(self, batch: ReadingBatch) -> None:
        """Append; raises `BusFull` when the engine is too far behind and `redis.RedisError` when Redis is away."""
        self.append(batch)

    def append(self, batch: ReadingBatch) -> bytes:
        """`publish`, and the entry's id, by which `is_stored` can be asked."""
        self._entries += 1
        if self._entries % 50 == 1 and self.backlog() > BACKLOG_MAX:
            raise BusFull(f"{BACKLOG_MAX} batches wait for the engine")
        entry: Any = self.client.xadd(READINGS, {"b": pack(batch)})
        return bytes(entry)

    def is_stored(self, entry_id: bytes) -> bool:
        """Whether the engine has stored this entry (and with it all before it), as this Redis remembers it."""
        oldest: Any = self.client.eval(_OLDEST, 1, READINGS)
        return not oldest or _place(oldest) > _place(entry_id)

    def life(self) -> str:
        """Which run of Redis this is: one that was started anew may have forgotten its last second."""
        found: Any = self.client.info("server")
        return str(found["run_id"])

    def backlog(self) -> int:
        return int(self.client.xlen(READINGS))

    def join(self) -> None:
        """Make the consumer group if it is not there; entries from before it count too."""
        try:
            self.client.xgroup_create(READINGS, GROUP, id="0", mkstream=True)
        except redis.ResponseError as problem:
            if "BUSYGROUP" not in str(problem):
                raise

    def take(self, consumer: str, wait_ms: int, count: int = 256) -> list[tuple[list[bytes], ReadingBatch]]:
        """What is new, oldest first; neighbours of one kind come as one batch with the ids of all."""
        found: Any = self.client.xreadgroup(GROUP, consumer, {READINGS: ">"}, count=count, block=wait_ms)
        return merged(_decoded(found[0][1])) if found else []

    def take_over(self, consumer: str) -> list[tuple[list[bytes], ReadingBatch]]:
        """All that any engine took and never finished, oldest first. For the engine that has just taken the lead:
        the one before it is fenced off, and newer readings must not be judged before these."""
        entries: list[Any] = []
        cursor: Any = b"0-0"
        while True:
            cursor, claimed, *_ = self.client.xautoclaim(READINGS, GROUP, consumer, 0, start_id=cursor, count=1000)
            entries += claimed
            if cursor in (b"0-0", "0-0"):
                return merged(_decoded(entries))

    def done(self, entry_ids: list[bytes]) -> None:
        if entry_ids:
            pipe = self.client.pipeline(transaction=True)
            pipe.xack(READINGS, GROUP, *entry_ids)
            pipe.xdel(READINGS, *entry_ids)
            pipe.execute()


def _place(entry_id: bytes) -> tuple[int, int]:
    at, _, number = entry_id.partition(b"-")
    return int(at), int(number)


def _decoded(entries: list[Any]) -> list[tuple[bytes, ReadingBatch]]:
    return [(entry_id, unpack(fields[b"b"])) for entry_id, fields in entries if fields]


def merged(entries: list[tuple[bytes, ReadingBatch]]) -> list[tuple[list[bytes], ReadingBatch]]:
    """Neighbours of one quantity and one exercise as one batch of at most `MERGE_ROWS` rows, in their order."""
    groups: list[tuple[list[bytes], list[ReadingBatch]]] = []
    for entry_id, batch in entries:
        if groups:
            ids, batches = groups[-1]
            alike = (batches[0].quantity, batches[0].exercise) == (batch.quantity, batch.exercise)
            if alike and sum(len(one.sensor_no) for one in batches) + len(batch.sensor_no) <= MERGE_ROWS:
                ids.append(entry_id)
                batches.append(batch)
                continue
        groups.append(([entry_id], [batch]))
    return [(ids, _joined(batches)) for ids, batches in groups]


def _joined(batches: list[ReadingBatch]) -> ReadingBatch:
    if len(batches) == 1:
        return batches[0]
    first = batches[0]
    return ReadingBatch(
        first.quantity,
        np.concatenate([one.sensor_no for one in batches]),
        np.concatenate([one.value for one in batches]),
        np.concatenate([one.observed_ms for one in batches]),
        first.received_ms,
        first.exercise,
    )


def publish_live(client: redis.Redis, topic: str, kind: str, body: bytes) -> None:
    """Put values on screens: not durable, not numbered; a screen that missed some asks for the latest."""
    client.xadd(LIVE, {"t": topic, "k": kind, "b": body}, maxlen=LIVE_KEPT, approximate=True)


def say_exercise(client: redis.Redis, exercise: str, label: str) -> None:
    """What the running drill says of itself, for the header of every screen; forgotten when it falls silent."""
    client.set(EXERCISE, label, ex=EXERCISE_S)
    body = orjson.dumps({"topic": "system", "kind": "system.exercise", "exercise": exercise, "label": label})
    publish_live(client, "system", "system.exercise", body)


def exercise_label(client: redis.Redis) -> str:
    """The label of the drill that runs now, "" when none does (or Redis is away)."""
    try:
        label: Any = client.get(EXERCISE)
    except redis.RedisError:
        return ""
    return label.decode() if label else ""
