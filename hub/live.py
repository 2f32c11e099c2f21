"""Latest values: on their way to open screens (engine), and as every page reads them (web)."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import numpy as np
import orjson
import redis

from alerts.ports import ReadingBatch, ReadingStore
from geodata.clock import from_epoch_ms, utc_now
from hub.bus import publish_live

FLUSH_S = 0.15  # with the way to the screen a number is there within a quarter of a second
REAL_WINS_FOR = timedelta(minutes=10)
WATCHED = frozenset({"depth_m", "stage_m", "flow_m3s", "rain_mm_h"})
SENSORS_MAX = 2_000  # of one quantity in one frame; a screen that wants all asks for them


class LivePublisher:
    """Gathers what changed and puts it on the `live` stream at most once in `FLUSH_S`, newest value only.

    What comes after silence goes out at once; what comes too soon after it goes out as soon as it may, by a timer.
    """

    def __init__(self, client: redis.Redis, name_of: Callable[[int], str | None]) -> None:
        self.client, self.name_of = client, name_of
        self._waiting: dict[tuple[str, str], dict[str, tuple[float, int]]] = {}
        self._next = 0.0
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def add(self, batch: ReadingBatch) -> None:
        if batch.quantity not in WATCHED:
            return
        rows = zip(batch.sensor_no.tolist(), batch.value.tolist(), batch.observed_ms.tolist(), strict=True)
        with self._lock:
            waiting = self._waiting.setdefault((batch.quantity, batch.exercise), {})
            for number, value, at in rows:
                name = self.name_of(number)
                if name is not None and at >= waiting.get(name, (0.0, 0))[1]:
                    waiting[name] = (value, at)

    def flush(self) -> None:
        """Publish what waits, now or when it is due; what could not be published waits for the next time."""
        with self._lock:
            left_s = self._next - time.monotonic()
            if not self._waiting:
                return
            if left_s <= 0:
                self._next = time.monotonic() + FLUSH_S
                self._publish()
            elif self._timer is None:
                self._timer = threading.Timer(left_s, self._flush_later)
                self._timer.daemon = True
                self._timer.start()

    def _flush_later(self) -> None:
        with self._lock:
            self._timer = None
        with suppress(redis.RedisError):  # the engine's own next call says it
            self.flush()

    def _publish(self) -> None:
        for (quantity, exercise), values in self._waiting.items():
            names = list(values)
            for start in range(0, len(names), SENSORS_MAX):
                part = names[start : start + SENSORS_MAX]
                body = {
                    "topic": "readings", "kind": "reading.batch", "quantity": quantity, "exercise": exercise,
                    "sensors": part, "values": [values[name][0] for name in part],
                    "observed_at": from_epoch_ms(max(values[name][1] for name in part)).isoformat(),
                }  # fmt: skip
                publish_live(self.client, "readings", "reading.batch", orjson.dumps(body))
        self._waiting.clear()


class LatestReadings:
    """The latest reading of every sensor, read from the database at most once a second a process.

    A drill's value stands for a sensor only while there is no real one of the last ten minutes: a drill must never
    hide what is really happening.
    """

    def __init__(self, readings: ReadingStore, names: Callable[[], Mapping[int, str]], max_age_s: float = 1.0) -> None:
        self.readings, self.names, self.max_age_s = readings, names, max_age_s
        self._lock = threading.Lock()
        self._at = -1e9
        self._value: dict[str, dict[str, tuple[float, datetime]]] = {}

    def __call__(self) -> dict[str, dict[str, tuple[float, datetime]]]:
        with self._lock:
            if time.monotonic() - self._at > self.max_age_s:
                self._value = self._load()
                self._at = time.monotonic()
            return self._value

    def _load(self) -> dict[str, dict[str, tuple[float, datetime]]]:
        names, found = self.names(), dict[str, dict[str, tuple[float, datetime]]]()
        fresh_from = utc_now() - REAL_WINS_FOR
        real_last = sorted(self.readings.latest().items(), key=lambda item: "@" not in item[0])
        for key, batch in real_last:
            quantity, _, exercise = key.partition("@")
            moments = {at: from_epoch_ms(at) for at in np.unique(batch.observed_ms).tolist()}
            columns = zip(batch.sensor_no.tolist(), batch.value.tolist(), batch.observed_ms.tolist(), strict=True)
            for number, value, at in columns:
                if (name := names.get(number)) is None:
                    continue
                held = found.setdefault(name, {})
                if exercise or quantity not in held or moments[at] >= fresh_from or moments[at] >= held[quantity][1]:
                    held[quantity] = (value, moments[at])
        return found
