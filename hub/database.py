"""The database behind every port: SQLite (WAL) embedded, PostgreSQL in production, one SQLAlchemy Core code path."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from geodata.errors import NotConfigured

metadata = sa.MetaData()


class UtcTime(sa.types.TypeDecorator[datetime]):
    """Aware UTC datetimes, stored as epoch milliseconds: same order and precision on both databases."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Any) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime given to the database")
        return round(value.timestamp() * 1000)

    def process_result_value(self, value: int | None, _dialect: Any) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value / 1000, UTC)


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by us, IMMEDIATE for writers
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=10000",
        "temp_store=MEMORY",
        "cache_size=-65536",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


class Database:
    """One engine. `write()` is a transaction, durable when the block ends; `read()` is a snapshot."""

    def __init__(self, url: str, pool_size: int = 16) -> None:
        self.is_sqlite = url.startswith("sqlite")
        # SQLite has one writer; queueing them here is fairer than its busy polling
        self._write_lock = threading.Lock() if self.is_sqlite else None
        self.after_tell: Callable[[], None] = lambda: None  # called after a commit that told an event
        try:
            self.engine: Engine = sa.create_engine(
                url, pool_size=pool_size, max_overflow=16, pool_pre_ping=not self.is_sqlite
            )
        except (sa.exc.ArgumentError, ImportError) as problem:
            raise NotConfigured(f"CITYBRAIN_DATABASE_URL 不能用:{problem}") from None
        if self.is_sqlite:
            sa.event.listen(self.engine, "connect", _on_sqlite_connect)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            yield connection
            connection.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        if self._write_lock is None:
            with self.engine.begin() as connection:
                yield connection
                told = connection.info.pop("told", False)
        else:
            with self._write_lock, self.engine.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.commit()
                except BaseException:
                    connection.info.pop("told", None)
                    connection.rollback()
                    raise
                told = connection.info.pop("told", False)
        if told:
            self.after_tell()

    def insert(self, table: sa.Table) -> Any:
        """The dialect's INSERT, which has `on_conflict_do_nothing` and `on_conflict_do_update`."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def close(self) -> None:
        self.engine.dispose()
