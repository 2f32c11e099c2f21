"""An answer that holds until the next committed event: made once for all the screens that ask meanwhile."""

import threading
import time
from collections.abc import Callable
from typing import Any

from hub.services import Services


class UntilNextEvent:
    """`make()` remembered; made again after an event, or after `seconds` where it also depends on the time of day."""

    def __init__(self, services: Services, make: Callable[[], Any], seconds: float = float("inf")) -> None:
        self._services, self._make, self._seconds = services, make, seconds
        self._lock = threading.Lock()
        self._seq, self._made_at, self._value = -1, 0.0, None

    def get(self) -> tuple[int, Any]:
        """(number of the newest event before the value was made, value)."""
        with self._lock:
            seq, now = self._services.last_event(), time.monotonic()  # before it is made: what comes after is told
            if seq != self._seq or now - self._made_at > self._seconds:
                self._value = self._make()
                self._seq, self._made_at = seq, now
            return self._seq, self._value
