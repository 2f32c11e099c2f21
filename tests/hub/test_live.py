"""Values on their way to the screens: at once after silence, soon when they follow closely, the newest only."""

import numpy as np
import orjson
import redis

from alerts.ports import ReadingBatch
from hub.bus import LIVE
from hub.live import LivePublisher
from tests.serving import until


def batch(value: float, at: int, sensor: int = 1, quantity: str = "depth_m") -> ReadingBatch:
    return ReadingBatch(quantity, np.array([sensor], np.int32), np.array([value]), np.array([at], np.int64), at)


def told(client: redis.Redis) -> list[list[float]]:
    return [orjson.loads(fields[b"b"])["values"] for _, fields in client.xrange(LIVE)]


def test_a_value_after_silence_goes_out_at_once_and_the_next_one_by_itself(client: redis.Redis) -> None:
    live = LivePublisher(client, {1: "depth-1"}.get)
    live.add(batch(0.1, 1_000))
    live.flush()
    assert told(client) == [[0.1]]
    for value, at in ((0.2, 2_000), (0.4, 4_000), (0.3, 3_000)):
        live.add(batch(value, at))
        live.flush()
    assert until(lambda: told(client)[1:], 5) == [[0.4]]  # nobody called flush again; the newest, once


def test_unknown_sensors_and_quantities_nobody_watches_stay_here(client: redis.Redis) -> None:
    live = LivePublisher(client, {1: "depth-1"}.get)
    live.add(batch(0.1, 1_000, sensor=2))
    live.add(batch(0.1, 1_000, quantity="tilt_deg"))
    live.flush()
    assert told(client) in ([], [[]])
