"""Events are rows written in the transaction of what they tell; only then do they go to the bus.

An event's number is its place in one total order and becomes the id of its frame in the stream, so a screen that
was away resumes from it, and telling an event twice is harmless.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.database import UtcTime, metadata

OUTBOX = sa.Table(
    "outbox",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("topic", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(48), nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
_TAIL_LOCK = 7_113_000_001  # one number for this purpose, any other use of advisory locks takes another


def tell(connection: Connection, topic: str, kind: str, at: datetime, body: Mapping[str, Any]) -> None:
    """Add an event to the transaction of `connection`. `body` holds plain JSON values.

    On PostgreSQL writers of the outbox queue on an advisory lock until they commit: otherwise a lower number could
    become visible after a higher one was told, and be skipped.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TAIL_LOCK)))
    connection.info["told"] = True
    connection.execute(OUTBOX.insert().values(topic=topic, kind=kind, at=at, body=orjson.dumps(body)))


def after(connection: Connection, seq: int, limit: int) -> list[tuple[int, str, str, datetime, bytes]]:
    """Committed events with a number above `seq`, in order."""
    rows = connection.execute(
        sa.select(OUTBOX.c.seq, OUTBOX.c.topic, OUTBOX.c.kind, OUTBOX.c.at, OUTBOX.c.body)
        .where(OUTBOX.c.seq > seq)
        .order_by(OUTBOX.c.seq)
        .limit(limit)
    )
    return [tuple(row) for row in rows]


def last_seq(connection: Connection) -> int:
    """The highest committed number, 0 when there is none."""
    return connection.execute(sa.select(sa.func.max(OUTBOX.c.seq))).scalar() or 0
