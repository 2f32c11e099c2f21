"""Carries committed events from the outbox to the `events` stream, in order, each at least once, none twice seen.

The stream's entry id is the outbox number, and an append names the entry it must come after. Any number of processes
may relay at the same time: whoever is second finds the stream already further and starts again from there.
"""

import threading
from typing import Any

import redis
import structlog

from hub.bus import EVENTS, EVENTS_KEPT
from hub.database import Database
from hub.outbox import after, last_seq

log = structlog.get_logger()

# KEYS[1] stream; ARGV: expected last number, how many entries to keep, then (number, topic, kind, at, body)*
_APPEND = """
local last = 0
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last = tonumber(string.match(info[i + 1], '^(%d+)')) end
  end
end
if last ~= tonumber(ARGV[1]) then return last end
for i = 3, #ARGV, 5 do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], ARGV[i] .. '-0', 't', ARGV[i + 1], 'k', ARGV[i + 2],
             'a', ARGV[i + 3], 'b', ARGV[i + 4])
  last = tonumber(ARGV[i])
end
return last
"""
BATCH = 200


class Relay:
    """`kick()` after a commit; `sweep()` now and then finds what a killed process committed and never told, and what
    a killed Redis had not yet written down."""

    def __init__(self, database: Database, client: redis.Redis) -> None:
        self.database = database
        self.client = client
        self._append: Any = client.register_script(_APPEND)
        self._wake = threading.Event()
        self._stopping = False
        self._down = False
        self._last = -1  # newest number known to be in the stream; -1: not known
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        self.database.after_tell = self.kick
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self.kick()
        self._thread.join(5)

    def kick(self) -> None:
        self._wake.set()

    def sweep(self) -> int:
        """Append what the stream does not have yet; returns how many entries this call appended."""
        told = 0
        if self._last < 0:
            self._last = self._reached()
        while True:
            with self.database.read() as connection:
                floor = max(self._last, last_seq(connection) - EVENTS_KEPT)
                rows = after(connection, floor, BATCH)
            if not rows:
                return told
            words: list[Any] = [self._last, EVENTS_KEPT]
            for seq, topic, kind, at, body in rows:
                words += [seq, topic, kind, at.isoformat(), body]
            reached = int(self._append(keys=[EVENTS], args=words))
            told += len(rows) if reached == rows[-1][0] else 0
            self._last = reached

    def _reached(self) -> int:
        """The stream's last number. A stream ahead of the database belongs to another one: it is begun anew, and
        screens that ask for what came after a number it does not know are told to load the present state."""
        with self.database.read() as connection:
            newest = last_seq(connection)
        reached = int(self._append(keys=[EVENTS], args=[-1, EVENTS_KEPT]))
        if reached > newest:
            log.warning("relay.stream-ahead-of-database", stream=reached, database=newest)
            self.client.delete(EVENTS)
            return 0
        return reached

    def _run(self) -> None:
        while not self._stopping:
            if not self._wake.wait(0.5):
                self._last = -1  # ask the stream: a Redis started anew may have forgotten what it had
            self._wake.clear()
            try:
                self.sweep()
                if self._down:
                    log.info("relay.recovered")
                self._down = False
            except redis.RedisError as problem:
                if not self._down:
                    log.warning("relay.redis-away", problem=str(problem))
                self._down = True
                self._last = -1
                self._wake.wait(0.2)
            except Exception:
                log.exception("relay.failed")
                self._last = -1
                self._wake.wait(1)
