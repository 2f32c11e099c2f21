"""When a message without a time of its own came first, so that its coming again is not another reading.

The broker gives a message that it sends again the same number. As long as we have not acknowledged it, the same
number with the same words is the same message; afterwards only one that is marked DUP is.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import redis

KEPT_S = 7 * 86_400


class Arrivals:
    """One feed's memory: message number → what it was, when it came, and whether it was acknowledged."""

    def __init__(self, client: redis.Redis, feed_id: str) -> None:
        self.client, self.key = client, f"city:feed-arrivals:{feed_id}"
        self._held: dict[int, tuple[str, int, bool]] = {}
        self._last: dict[str, int] = {}

    def moment(self, topic: str, now_ms: int) -> int:
        """The time of a message without one: its arrival, a millisecond later where two of a topic came in one."""
        self._last[topic] = moment = max(now_ms, self._last.get(topic, 0) + 1)
        return moment

    def load(self) -> None:
        """What an earlier process of this feed knew."""
        self._held = {}
        found: Any = self.client.hgetall(self.key)
        for mid, held in found.items():
            mark, at, closed = held.decode().split(":")
            self._held[int(mid)] = (mark, int(at), closed == "1")

    def first_ms(self, mid: int, dup: bool, topic: str, payload: bytes, now_ms: int) -> int:
        """The moment that was given to this message when it came first, now if it did not come before."""
        mark = mark_of(topic, payload)
        held = self._held.get(mid)
        if held is not None and held[0] == mark and (dup or not held[2]):
            return held[1]
        moment = self.moment(topic, now_ms)
        self._held[mid] = (mark, moment, False)
        return moment

    def keep(self, mids: Iterable[int]) -> None:
        """Before anything of these messages is passed on."""
        self._write(mids)

    def close(self, mids: Iterable[int]) -> None:
        """They are about to be acknowledged."""
        chosen = list(mids)
        for mid in chosen:
            mark, at, _ = self._held[mid]
            self._held[mid] = (mark, at, True)
        self._write(chosen)

    def _write(self, mids: Iterable[int]) -> None:
        rows: dict[Any, Any] = {
            str(mid): f"{held[0]}:{held[1]}:{int(held[2])}" for mid in mids if (held := self._held.get(mid))
        }
        if rows:
            pipe = self.client.pipeline(transaction=False)
            pipe.hset(self.key, mapping=rows)
            pipe.expire(self.key, KEPT_S)
            pipe.execute()


def mark_of(topic: str, payload: bytes) -> str:
    return hashlib.blake2b(topic.encode() + b"\0" + payload, digest_size=12).hexdigest()
