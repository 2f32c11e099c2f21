"""Readings in the database: history that repeats cannot change, and the latest value of every sensor."""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from alerts.ports import ReadingBatch
from geodata.clock import epoch_ms, from_epoch_ms
from hub.database import Database
from hub.reading_copy import copy_in
from hub.tables.alerts import LATEST, READINGS, SERIES

CHUNK_ROWS = 20_000
SENSORS_AT_ONCE = 1_000
_HISTORY_SQL = "INSERT OR IGNORE INTO readings (sensor_no, series_no, observed_ms, value) VALUES (?, ?, ?, ?)"
_LATEST_SQL = (
    "INSERT INTO latest_readings (sensor_no, series_no, observed_ms, value) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (series_no, sensor_no) DO UPDATE SET observed_ms = excluded.observed_ms, value = excluded.value "
    "WHERE excluded.observed_ms > latest_readings.observed_ms"
)


class DbReadingStore:
    """`alerts.ports.ReadingStore` on SQLite and PostgreSQL. A drill's readings are a series of their own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._series: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def add(self, batch: ReadingBatch) -> int:
        """Store the batch in transactions of at most `CHUNK_ROWS`; again is the same. Returns how many were new."""
        series_no = self._series_no(batch.quantity, batch.exercise)
        order = np.lexsort((batch.observed_ms, batch.sensor_no))  # the order of the key: pages are touched once
        sensor_no, observed_ms, value = batch.sensor_no[order], batch.observed_ms[order], batch.value[order]
        new = 0
        for start in range(0, len(order), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            with self._database.write() as connection:
                new += self._add_part(connection, series_no, sensor_no[part], observed_ms[part], value[part])
        return new

    def _add_part(self, connection: Connection, series_no: int, sensor_no: Any, observed_ms: Any, value: Any) -> int:
        if not self._database.is_sqlite:
            return copy_in(connection, series_no, sensor_no, observed_ms, value)
        last = np.append(sensor_no[1:] != sensor_no[:-1], True)
        cursor: Any = connection.connection.cursor()
        try:
            cursor.executemany(_HISTORY_SQL, _tuples(series_no, sensor_no, observed_ms, value))
            new = cursor.rowcount
            cursor.executemany(_LATEST_SQL, _tuples(series_no, sensor_no[last], observed_ms[last], value[last]))
        finally:
            cursor.close()
        return int(new)

    def latest(self) -> dict[str, ReadingBatch]:
        """By quantity; a drill's under `quantity@exercise`, with `exercise` set in the batch."""
        columns = (LATEST.c.series_no, LATEST.c.sensor_no, LATEST.c.observed_ms, LATEST.c.value)
        with self._database.read() as connection:
            series = {row.no: (row.quantity, row.exercise) for row in connection.execute(sa.select(SERIES))}
            rows = connection.execute(sa.select(*columns).order_by(*columns[:2])).all()
        grouped: dict[int, list[Any]] = {}
        for row in rows:
            grouped.setdefault(row[0], []).append(row)
        found = {}
        for series_no, group in grouped.items():
            quantity, exercise = series[series_no]
            _, sensor_no, observed_ms, value = zip(*group, strict=True)
            found[f"{quantity}@{exercise}" if exercise else quantity] = ReadingBatch(
                quantity,
                np.array(sensor_no, np.int32),
                np.array(value, np.float64),
                np.array(observed_ms, np.int64),
                max(observed_ms),
                exercise,
            )
        return found

    def series(
        self, sensor_no: int, quantity: str, since: datetime, until: datetime, exercise: str = ""
    ) -> list[tuple[datetime, float]]:
        """(observed at, value) of one sensor from `since` to `until`, both included, oldest first."""
        query = (
            sa.select(READINGS.c.observed_ms, READINGS.c.value)
            .join(SERIES, SERIES.c.no == READINGS.c.series_no)
            .where(READINGS.c.sensor_no == sensor_no, SERIES.c.quantity == quantity, SERIES.c.exercise == exercise)
            .where(READINGS.c.observed_ms.between(epoch_ms(since), epoch_ms(until)))
            .order_by(READINGS.c.observed_ms)
        )
        with self._database.read() as connection:
            return [(from_epoch_ms(row.observed_ms), row.value) for row in connection.execute(query)]

    def window(
        self,
        quantity: str,
        since: datetime,
        until: datetime,
        sensor_nos: Sequence[int] | None = None,
        exercise: str = "",
        limit: int = 5_000_000,
    ) -> ReadingBatch:
        """See the port. Every sensor is one look-up in the key; `limit` is kept in the database, too."""
        series_no = self._series_no(quantity, exercise)
        rows: list[Any] = []
        with self._database.read() as connection:
            if sensor_nos is None:
                known = sa.select(LATEST.c.sensor_no).where(LATEST.c.series_no == series_no)
                sensor_nos = list(connection.execute(known).scalars())
            for start in range(0, len(sensor_nos), SENSORS_AT_ONCE):
                rows += connection.execute(
                    sa.select(READINGS.c.sensor_no, READINGS.c.value, READINGS.c.observed_ms)
                    .where(READINGS.c.series_no == series_no)
                    .where(READINGS.c.sensor_no.in_(sensor_nos[start : start + SENSORS_AT_ONCE]))
                    .where(READINGS.c.observed_ms.between(epoch_ms(since), epoch_ms(until)))
                    .order_by(READINGS.c.observed_ms.desc())
                    .limit(limit)
                ).all()
        columns = tuple(zip(*rows, strict=True)) or ((), (), ())
        sensor_no, value = np.array(columns[0], np.int32), np.array(columns[1], np.float64)
        observed_ms = np.array(columns[2], np.int64)
        order = np.lexsort((sensor_no, observed_ms))[-limit:]
        newest = int(observed_ms.max(initial=epoch_ms(since)))
        return ReadingBatch(quantity, sensor_no[order], value[order], observed_ms[order], newest, exercise)

    def prune(self, now: datetime, days: int) -> int:
        """Forget history older than `days`; latest values stay. Returns how many rows went."""
        oldest = epoch_ms(now - timedelta(days=days))
        with self._database.write() as connection:
            return connection.execute(READINGS.delete().where(READINGS.c.observed_ms < oldest)).rowcount

    def _series_no(self, quantity: str, exercise: str) -> int:
        key = (quantity, exercise)
        with self._lock:
            if key not in self._series:
                with self._database.write() as connection:
                    statement = self._database.insert(SERIES).values(quantity=quantity, exercise=exercise)
                    where = (SERIES.c.quantity == quantity, SERIES.c.exercise == exercise)
                    found = connection.execute(sa.select(SERIES.c.no).where(*where)).scalar()
                    if found is None:
                        connection.execute(statement.on_conflict_do_nothing())
                        found = connection.execute(sa.select(SERIES.c.no).where(*where)).scalar_one()
                self._series[key] = int(found)
            return self._series[key]


def _tuples(series_no: int, sensor_no: Any, observed_ms: Any, value: Any) -> Any:
    count = len(sensor_no)
    return zip(sensor_no.tolist(), [series_no] * count, observed_ms.tolist(), value.tolist(), strict=True)
