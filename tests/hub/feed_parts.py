"""Parts for the feeds' tests: doors on a real Redis and database, and a storer in the engine's place."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
import sqlalchemy as sa

from alerts.desk import AlertDesk
from alerts.feeds.feeds_file import read_feeds
from alerts.feeds.model import FeedSpec
from geodata.clock import utc_now
from hub.alert_store import DbAlertStore
from hub.bus import RedisReadingBus
from hub.database import Database
from hub.feed_cursors import FeedCursors
from hub.feeds.board import FeedBoard
from hub.feeds.door import Door
from hub.reading_store import DbReadingStore
from hub.readings_in import ReadingCheck
from hub.reject_store import DbRejectStore
from hub.sensor_registry import DbSensorRegistry
from hub.tables.alerts import READINGS

SENSORS = [f"g{number:03}" for number in range(200)]


def spec_of(text: str) -> FeedSpec:
    """The one feed of a feeds file."""
    (spec,) = read_feeds(text).feeds
    return spec


class Parts:
    """Everything a door needs."""

    def __init__(self, database: Database, client: redis.Redis) -> None:
        self.database, self.client = database, client
        self.registry, self.rejects = DbSensorRegistry(database), DbRejectStore(database)
        self.registry.register(SENSORS)
        self.board, self.bus = FeedBoard(client), RedisReadingBus(client)
        self.readings = DbReadingStore(database)
        self.desk = AlertDesk(DbAlertStore(database), self.rejects, utc_now)

    def door(self, spec: FeedSpec, is_ours: Any = lambda: True) -> Door:
        return Door(
            spec, board=self.board, bus=self.bus, check=ReadingCheck(self.registry), rejects=self.rejects,
            warnings=self.desk, clock=utc_now, is_ours=is_ours, cursors=FeedCursors(self.database),
        )  # fmt: skip

    def stored(self) -> int:
        with self.database.read() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(READINGS)).scalar_one())

    def fact(self, feed_id: str) -> Any:
        return next((one for one in self.board.facts(utc_now()) if one.id == feed_id), None)

    @contextmanager
    def storing(self) -> Iterator[threading.Event]:
        """What the engine does with readings after judging them: store, then take them off the stream."""
        stop = threading.Event()

        def work() -> None:
            self.bus.join()
            while not stop.is_set():
                for ids, batch in self.bus.take("storer", wait_ms=50):
                    self.readings.add(batch)
                    self.bus.done(ids)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield stop
        stop.set()
        thread.join(10)
