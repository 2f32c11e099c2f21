"""Many rows in one statement, as the driver takes them: no value is looked at twice on its way into the database.

Rows are tuples of plain driver values (text, numbers, bytes, None). On PostgreSQL many rows go in by COPY.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

COPY_FROM = 20  # rows; below it a plain INSERT costs less than beginning a COPY
Row = tuple[Any, ...]


def insert_rows(connection: Connection, table: sa.Table, names: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Add `rows` of the columns `names`. Raises SQLAlchemy's `IntegrityError` like any insert."""
    if not rows:
        return
    if connection.dialect.name == "sqlite" or len(rows) < COPY_FROM:
        connection.exec_driver_sql(_insert_sql(table.name, names, connection.dialect.name), list(rows))
        return
    driver: Any = connection.dialect.dbapi
    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
    cursor: Any = connection.connection.cursor()
    try:
        with cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except driver.IntegrityError as problem:
        raise sa.exc.IntegrityError(statement, None, problem) from problem
    finally:
        cursor.close()


def update_rows(
    connection: Connection, table: sa.Table, names: tuple[str, ...], rows: Sequence[Row], key: str = "id"
) -> None:
    """Set the columns `names` where `key` is each row's last value."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        sets = ", ".join(f"{name} = ?" for name in names)
        connection.exec_driver_sql(f"UPDATE {table.name} SET {sets} WHERE {key} = ?", list(rows))  # noqa: S608
        return
    columns = (*names, key)
    types = [_array_type(table.c[name]) for name in columns]
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    sets = ", ".join(f"{name} = d.{name}" for name in names)
    statement = (
        f"UPDATE {table.name} t SET {sets} FROM unnest({arrays}) AS d ({', '.join(columns)}) "  # noqa: S608
        f"WHERE t.{key} = d.{key}"
    )
    connection.exec_driver_sql(statement, tuple(list(column) for column in zip(*rows, strict=True)))


def select_in(connection: Connection, select: str, column: str, values: Iterable[str], rest: str = "") -> list[Any]:
    """Rows of `select … WHERE column in values`, however many, in one statement; `rest` stands behind it."""
    wanted = list(values)
    if not wanted:
        return []
    if connection.dialect.name == "sqlite":
        where, given = f"{column} IN (SELECT value FROM json_each(?))", _json(wanted)  # noqa: S608
        return list(connection.exec_driver_sql(f"{select} WHERE {where} {rest}", (given,)))
    return list(connection.exec_driver_sql(f"{select} WHERE {column} = ANY(%s) {rest}", (wanted,)))


@cache
def _insert_sql(table: str, names: tuple[str, ...], dialect: str) -> str:
    marks = ", ".join("?" if dialect == "sqlite" else "%s" for _ in names)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608


def _array_type(column: sa.Column[Any]) -> str:
    """The PostgreSQL type of a column's values as the driver takes them."""
    kind = column.type
    if isinstance(kind, sa.LargeBinary):
        return "bytea"
    if isinstance(kind, sa.String):
        return "text"
    if isinstance(kind, sa.Boolean):
        return "boolean"
    return "bigint" if isinstance(kind, sa.types.TypeDecorator) else "integer"


def _json(values: list[str]) -> str:
    return orjson.dumps(values).decode()
