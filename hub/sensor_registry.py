"""Stable numbers for sensor ids, in the database."""

import threading
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import sqlalchemy as sa

from hub.database import Database
from hub.tables.alerts import SENSOR_NUMBERS

_CHUNK = 5_000


class DbSensorRegistry:
    """`alerts.ports.SensorRegistry`. `numbers()` asks only for what was added since the last time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._numbers: dict[str, int] = {}
        self._seen = 0
        self._lock = threading.Lock()

    def numbers(self) -> Mapping[str, int]:
        """id → number of every registered sensor; a live view that grows, never changes."""
        with self._lock:
            query = sa.select(SENSOR_NUMBERS.c.no, SENSOR_NUMBERS.c.id).where(SENSOR_NUMBERS.c.no > self._seen)
            with self._database.read() as connection:
                for no, sensor_id in connection.execute(query.order_by(SENSOR_NUMBERS.c.no)):
                    self._numbers[sensor_id] = no
                    self._seen = no
        return MappingProxyType(self._numbers)

    def register(self, sensor_ids: Iterable[str]) -> None:
        """Give numbers to the ids that have none, in the order given."""
        known = self.numbers()
        new = [sensor_id for sensor_id in dict.fromkeys(sensor_ids) if sensor_id not in known]
        with self._database.write() as connection:
            if not self._database.is_sqlite:  # numbers must become visible in order: one registering at a time
                connection.execute(sa.text("LOCK TABLE sensor_numbers IN SHARE ROW EXCLUSIVE MODE"))
            statement = self._database.insert(SENSOR_NUMBERS).on_conflict_do_nothing()
            for start in range(0, len(new), _CHUNK):
                connection.execute(statement, [{"id": sensor_id} for sensor_id in new[start : start + _CHUNK]])
        self.numbers()
