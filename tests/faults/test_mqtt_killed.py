"""`kill -9` of the broker, the feeds process and the engine under a stream of MQTT readings: each is stored once."""

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.broker import Broker, Publisher
from tests.faults.parts import pids, ready, rows, sensors
from tests.serving import Server, until

pytestmark = pytest.mark.faults
WANTED = 6_000
FEEDS = """
feeds:
  - id: faults
    kind: mqtt
    host: 127.0.0.1
    port: {port}
    protocol: "{protocol}"
    topics:
      - {{topic: 'timed/{{sensor}}', payload: json, quantity: level_m, value: v, time: t}}
      - {{topic: 'plain/{{sensor}}', quantity: battery_pct}}
"""
COUNT = """SELECT s.quantity, r.observed_ms, n.id, r.value FROM readings r JOIN reading_series s ON s.no = r.series_no
           JOIN sensor_numbers n ON n.no = r.sensor_no WHERE s.quantity = ?"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path / "broker").start()
    yield made
    made.stop()


def connect(city: Server, broker: Broker, protocol: str) -> None:
    """Write the feeds file beside the running product, and wait until its feed says that it works."""
    (city.data_dir / "feeds.yaml").write_text(FEEDS.format(port=broker.port, protocol=protocol))
    until(lambda: state(city) in ("waiting", "ok", "stale"), 60, 0.2)
    until(lambda: subscribed(broker), 30, 0.2)


def subscribed(broker: Broker) -> bool:
    return b"citybrain-faults 1 timed/+" in (broker.folder / "mosquitto.log").read_bytes()


def feed(city: Server) -> dict[str, object]:
    with city.api("admin") as api:
        items = api.get("/api/v1/feeds").json()["items"]
    return next((one for one in items if one["id"] == "faults"), {})


def state(city: Server) -> object:
    return feed(city).get("state")


def stored(city: Server, quantity: str) -> list[tuple[object, ...]]:
    return rows(city, COUNT, quantity)


def test_every_reading_is_stored_once(
    city: Server, broker: Broker, record_property: Callable[[str, object], None]
) -> None:
    connect(city, broker, "5")
    with city.api("admin") as api:
        names = sensors(api, "depth_m", 100)
    before, dice = len(stored(city, "level_m")), random.Random(11)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    gateway, wanted = Publisher(broker), set[tuple[int, str]]()
    faults = dict(zip(sorted(dice.sample(range(500, WANTED - 500), 6)), ["feeds", "broker", "engine"] * 2, strict=True))
    killed = list[tuple[str, int]]()
    for number in range(WANTED):
        at, name = start + timedelta(milliseconds=7 * number), names[number % len(names)]
        gateway.publish(f"timed/{name}", json.dumps({"v": 0.5, "t": at.isoformat(timespec="milliseconds")}))
        wanted.add((round(at.timestamp() * 1000), name))
        if number in faults:
            killed.append(one_fault(city, broker, gateway, faults[number]))
    gateway.settle(150)
    until(lambda: len(stored(city, "level_m")) >= before + WANTED, 120, 0.5)
    time.sleep(1.0)  # what comes again must change nothing
    found = [(row[1], row[2]) for row in stored(city, "level_m")]
    assert set(found) >= wanted
    assert len(found) == before + WANTED
    until(lambda: state(city) == "ok", 60, 0.5)
    assert ready(city)["parts"]["feeds"]["up"] is True
    record_property("messages sent", gateway.sent)
    record_property("faults", killed)
    assert len(killed) == 6
    gateway.close()


def kill_living(city: Server, part: str) -> int:
    """SIGKILL to the part as soon as it stands (a changed feeds file starts it anew); its id."""
    (living, *_) = until(lambda: pids(city, part), 30)
    os.kill(living, signal.SIGKILL)
    return int(living)


def one_fault(city: Server, broker: Broker, gateway: Publisher, what: str) -> tuple[str, int]:
    """Kill it in the middle of the stream; for the broker also what a careful gateway does afterwards."""
    if what != "broker":
        return what, kill_living(city, what)
    broker.kill()
    time.sleep(0.5)
    broker.start()
    return what, gateway.again()


def test_readings_without_a_time_are_each_one_reading(city: Server, broker: Broker) -> None:
    """The number of rows tells: a redelivery that was given another arrival time would be a row more."""
    connect(city, broker, "3.1.1")
    with city.api("admin") as api:
        names = sensors(api, "depth_m", 20)
    gateway, before = Publisher(broker), len(stored(city, "battery_pct"))
    for number in range(1_200):
        gateway.publish(f"plain/{names[number % len(names)]}", str(number / 100))
        if number in (300, 700):
            until(lambda: len(stored(city, "battery_pct")) > before, 60, 0.2)
            kill_living(city, "feeds")
    until(lambda: len(stored(city, "battery_pct")) >= before + 1_200, 90, 0.5)
    time.sleep(1.0)
    found = [row[3] for row in stored(city, "battery_pct")]
    assert sorted(found)[-1_200:] == sorted(number / 100 for number in range(1_200))
    assert len(found) == before + 1_200
    gateway.close()
