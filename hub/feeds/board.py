"""What is known of every feed, in Redis: counts, last message, what is wrong. Any process notes, any process reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import redis
import structlog

from alerts.feeds.health import FeedFacts, state_of, to_plain, worst_first
from alerts.feeds.model import FeedSpec
from geodata.clock import epoch_ms, from_epoch_ms
from hub.bus import publish_live

log = structlog.get_logger()

FEEDS = "city:feeds"  # set of ids
PROCESSES = "city:feeds-processes"
SLOT_MS = 10_000
SLOTS = 6  # the rate is that of the last minute
HTTP_KEPT_MS = 24 * 3_600_000  # a posting account not heard for so long is no longer listed
PROCESS_S = 10.0

# KEYS: set, facts, slot; ARGV: id, about, accepted, rejected, dropped, last ms, observed ms
_NOTE = """
redis.call('SADD', KEYS[1], ARGV[1])
if ARGV[2] ~= '' then redis.call('HSET', KEYS[2], 'about', ARGV[2]) end
for i, name in ipairs({'accepted', 'rejected', 'dropped'}) do
  if ARGV[2 + i] ~= '0' then redis.call('HINCRBY', KEYS[2], name, ARGV[2 + i]) end
end
for i, name in ipairs({'last', 'observed'}) do
  local given = tonumber(ARGV[5 + i])
  if given > tonumber(redis.call('HGET', KEYS[2], name) or '0') then
    redis.call('HSET', KEYS[2], name, string.format('%.0f', given))
  end
end
local rows = tonumber(ARGV[3]) + tonumber(ARGV[4])
if rows > 0 then redis.call('INCRBY', KEYS[3], rows); redis.call('EXPIRE', KEYS[3], 90) end
return 1
"""
# KEYS: facts; ARGV: state, ms. 1 for the one process that sees a change first
_SETTLE = """
local held = redis.call('HGET', KEYS[1], 'state')
if held == ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[1], 'since', ARGV[2])
if held then return 1 end
return 2
"""


@dataclass(frozen=True, slots=True)
class Note:
    """What happened since the last note. Times in ms, 0 for none."""

    accepted: int = 0
    rejected: int = 0
    dropped: int = 0
    last_ms: int = 0
    observed_ms: int = 0


class FeedBoard:
    """Counts and facts of all feeds."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self._note: Any = client.register_script(_NOTE)
        self._settle: Any = client.register_script(_SETTLE)

    def declare(self, spec: FeedSpec) -> None:
        """Say that the feed is there, before anything has come by it."""
        self.note(spec.id, Note(), about_of(spec))

    def note(self, feed_id: str, note: Note, about: Mapping[str, Any] | None = None) -> None:
        """Add to a feed's counts."""
        slot = note.last_ms // SLOT_MS
        words = (note.accepted, note.rejected, note.dropped, note.last_ms, note.observed_ms)
        said = orjson.dumps(about).decode() if about else ""
        self._note(keys=[FEEDS, _key(feed_id), _slot(feed_id, slot)], args=[feed_id, said, *words])

    def problem(self, feed_id: str, text: str) -> None:
        """What is wrong with the feed now, "" when nothing is."""
        self.client.hset(_key(feed_id), "problem", text[:500])

    def alive(self, holder: str, now: datetime) -> None:
        """A feeds process lives."""
        self.client.hset(PROCESSES, holder, epoch_ms(now))

    def gone(self, holder: str) -> None:
        self.client.hdel(PROCESSES, holder)

    def processes(self, now: datetime) -> int:
        """How many feeds processes said lately that they live."""
        oldest = epoch_ms(now) - PROCESS_S * 1000
        return sum(int(at) >= oldest for at in self.client.hgetall(PROCESSES).values())

    def facts(self, now: datetime) -> list[FeedFacts]:
        """Every feed ever heard of or declared."""
        members: Any = self.client.smembers(FEEDS)
        ids = sorted(one.decode() for one in members)
        if not ids:
            return []
        slot, pipe = epoch_ms(now) // SLOT_MS, self.client.pipeline(transaction=False)
        for one in ids:
            pipe.hgetall(_key(one))
            pipe.mget([_slot(one, slot - back) for back in range(SLOTS)])
        answers = pipe.execute()
        return [_facts(one, answers[2 * at], answers[2 * at + 1]) for at, one in enumerate(ids)]

    def forget(self, ids: Iterable[str]) -> None:
        """Feeds that are no longer in the feeds file."""
        for one in ids:
            pipe = self.client.pipeline()
            pipe.srem(FEEDS, one)
            pipe.delete(_key(one))
            pipe.execute()

    def settle(self, facts: Iterable[FeedFacts], now: datetime) -> list[str]:
        """Adopt the present states; whoever sees a change first logs it once and tells the screens. The ids changed."""
        changed = []
        for one in facts:
            state = state_of(one, now)
            seen = int(self._settle(keys=[_key(one.id)], args=[state, epoch_ms(now)]))
            if not seen:
                continue
            changed.append(one.id)
            if state in ("failing", "stale"):
                log.warning(f"feed.{state}", feed=one.id, problem=one.problem)
            elif seen == 1 and state == "ok":
                log.info("feed.recovered", feed=one.id)
            publish_live(self.client, "feeds", "feeds.state", _body("feeds.state", {"id": one.id, "state": state}))
        return changed

    def tell(self, rows: list[dict[str, Any]], problem: str) -> None:
        """All rows, and what is wrong with the feeds file, to the screens that look at them."""
        body = _body("feeds.health", {"items": rows, "problem": problem})
        publish_live(self.client, "feeds", "feeds.health", body)


def about_of(spec: FeedSpec) -> dict[str, Any]:
    return {
        "kind": spec.kind, "title": spec.title, "on": spec.on, "stale_after_s": spec.stale_after_s,
        "limit_per_s": spec.limit.rows_per_s,
    }  # fmt: skip


def rows_of(facts: Iterable[FeedFacts], now: datetime) -> list[dict[str, Any]]:
    return worst_first([to_plain(one, now) for one in facts])


def _body(kind: str, body: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"topic": "feeds", "kind": kind, **body})


def _key(feed_id: str) -> str:
    return f"city:feed:{feed_id}"


def _slot(feed_id: str, slot: int) -> str:
    return f"city:feed-rate:{feed_id}:{slot}"


def _facts(feed_id: str, held: Mapping[bytes, bytes], slots: list[bytes | None]) -> FeedFacts:
    about = orjson.loads(held.get(b"about", b"{}"))

    def moment(name: bytes) -> datetime | None:
        at = int(held.get(name, b"0"))
        return from_epoch_ms(at) if at else None

    return FeedFacts(
        id=feed_id, kind=about.get("kind", ""), title=about.get("title", feed_id), on=about.get("on", True),
        stale_after_s=about.get("stale_after_s", 600.0), limit_per_s=about.get("limit_per_s", 0.0),
        last_message_at=moment(b"last"), last_observed_at=moment(b"observed"), since=moment(b"since"),
        rate_per_min=float(sum(int(one) for one in slots if one)), accepted=int(held.get(b"accepted", 0)),
        rejected=int(held.get(b"rejected", 0)), dropped=int(held.get(b"dropped", 0)),
        problem=held.get(b"problem", b"").decode(),
    )  # fmt: skip
