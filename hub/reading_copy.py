"""Readings into PostgreSQL by binary COPY into a temporary table, then one INSERT … ON CONFLICT DO NOTHING."""

from typing import Any

import numpy as np
from sqlalchemy.engine import Connection

_HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0\0\0\0" + b"\0\0\0\0"
_TRAILER = b"\xff\xff"
# one tuple of PostgreSQL's binary format: field count, then (length, big-endian value) four times
_TUPLE = np.dtype(
    [
        ("fields", ">i2"),
        ("l1", ">i4"), ("sensor_no", ">i4"),
        ("l2", ">i4"), ("series_no", ">i2"),
        ("l3", ">i4"), ("observed_ms", ">i8"),
        ("l4", ">i4"), ("value", ">f8"),
    ]
)  # fmt: skip
_TEMPORARY = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS reading_in "
    "(sensor_no integer, series_no smallint, observed_ms bigint, value double precision) ON COMMIT DELETE ROWS"
)
_HISTORY = "INSERT INTO readings SELECT sensor_no, series_no, observed_ms, value FROM reading_in ON CONFLICT DO NOTHING"
_LATEST = (
    "INSERT INTO latest_readings AS l (sensor_no, series_no, observed_ms, value) "
    "SELECT DISTINCT ON (sensor_no) sensor_no, series_no, observed_ms, value FROM reading_in "
    "ORDER BY sensor_no, observed_ms DESC "
    "ON CONFLICT (series_no, sensor_no) DO UPDATE SET observed_ms = excluded.observed_ms, value = excluded.value "
    "WHERE excluded.observed_ms > l.observed_ms"
)


def copy_in(connection: Connection, series_no: int, sensor_no: Any, observed_ms: Any, value: Any) -> int:
    """Add one part (arrays of equal length) in the transaction of `connection`; returns how many rows were new."""
    connection.exec_driver_sql(_TEMPORARY)
    cursor: Any = connection.connection.cursor()
    try:
        with cursor.copy("COPY reading_in FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(_HEADER + packed(series_no, sensor_no, observed_ms, value) + _TRAILER)
        cursor.execute(_HISTORY)
        new = cursor.rowcount
        cursor.execute(_LATEST)
    finally:
        cursor.close()
    return int(new)


def packed(series_no: int, sensor_no: Any, observed_ms: Any, value: Any) -> bytes:
    """The rows in PostgreSQL's binary COPY format, without header and trailer."""
    rows = np.empty(len(sensor_no), _TUPLE)
    rows["fields"], rows["l1"], rows["l2"], rows["l3"], rows["l4"] = 4, 4, 2, 8, 8
    rows["sensor_no"], rows["series_no"], rows["observed_ms"], rows["value"] = sensor_no, series_no, observed_ms, value
    return rows.tobytes()
