"""A token bucket that lends: a batch may take more than is there, and the next one waits until it is paid back.

So a batch larger than the burst is never refused for ever, and the average still holds. The same arithmetic stands in
the Redis script of hub/feeds/bucket.py, which every web process asks.
"""

from dataclasses import dataclass

from alerts.feeds.model import Limit


@dataclass(slots=True)
class Bucket:
    """Tokens at a monotonic time in seconds."""

    limit: Limit
    tokens: float = 0.0
    at_s: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.limit.burst

    def take(self, rows: int, now_s: float) -> float:
        """0 when the rows may pass (and are counted), else the seconds to wait before asking again."""
        rate = self.limit.rows_per_s
        if rate <= 0:
            return 0.0
        self.tokens = min(self.limit.burst, self.tokens + max(0.0, now_s - self.at_s) * rate)
        self.at_s = now_s
        if self.tokens < min(rows, self.limit.burst):
            return (min(rows, self.limit.burst) - self.tokens) / rate
        self.tokens -= rows
        return 0.0
