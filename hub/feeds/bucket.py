"""One account's limit over all web processes: the bucket of alerts/feeds/limits.py, kept in Redis."""

from typing import Any

import redis

from alerts.feeds.model import Limit

# KEYS: bucket; ARGV: rows per second, burst, rows asked for. Answers milliseconds to wait, 0: taken.
_TAKE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local rate, burst, rows = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(held[1] or ARGV[2])
tokens = math.min(burst, tokens + math.max(0, now - tonumber(held[2] or now)) * rate)
local wanted, wait = math.min(rows, burst), 0
if tokens < wanted then wait = math.ceil((wanted - tokens) / rate * 1000) else tokens = tokens - rows end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], math.ceil(burst / rate) + 3600)
return wait
"""


class SharedBuckets:
    """`take` answers 0 when the rows may pass, else the seconds after which to ask again."""

    def __init__(self, client: redis.Redis) -> None:
        self._take: Any = client.register_script(_TAKE)

    def take(self, feed_id: str, limit: Limit, rows: int) -> float:
        if limit.rows_per_s <= 0:
            return 0.0
        wait_ms = self._take(keys=[f"city:feed-bucket:{feed_id}"], args=[limit.rows_per_s, limit.burst, rows])
        return int(wait_ms) / 1000
