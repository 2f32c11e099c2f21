"""Refused input in the database: kept with reason and original, capped, and what was dropped is counted."""

import logging
from collections.abc import Iterable

import sqlalchemy as sa

from alerts.ports import Reject
from hub.database import Database
from hub.tables.alerts import REJECTS, REJECTS_DROPPED

_LOG = logging.getLogger(__name__)
_ORIGINAL_MAX = 4_000


class DbRejectStore:
    """`alerts.ports.RejectStore`. Beyond `cap` rows the oldest go; `dropped()` says how many ever did."""

    def __init__(self, database: Database, cap: int = 100_000) -> None:
        self._database = database
        self._cap = cap

    def add(self, rejects: Iterable[Reject]) -> None:
        rows = [
            {
                "source": reject.source[:64],
                "row_index": min(reject.index, 2**31 - 1),
                "reason": _text(reject.reason),
                "original": _text(reject.original[:_ORIGINAL_MAX]),
                "at": reject.at,
            }
            for reject in rejects
        ]
        if not rows:
            return
        with self._database.write() as connection:
            connection.execute(REJECTS.insert(), rows)
            newest = connection.execute(sa.select(sa.func.max(REJECTS.c.id))).scalar_one()
            gone = connection.execute(REJECTS.delete().where(REJECTS.c.id <= newest - self._cap)).rowcount
            if gone:
                statement = self._database.insert(REJECTS_DROPPED).values(one=1, count=gone)
                more = REJECTS_DROPPED.c.count + gone
                connection.execute(statement.on_conflict_do_update(index_elements=["one"], set_={"count": more}))
        if gone:
            _LOG.warning("rejects list is full: the oldest %d rows were dropped", gone)

    def latest(self, limit: int = 200, source: str | None = None) -> list[Reject]:
        """Newest first."""
        query = sa.select(REJECTS).order_by(REJECTS.c.id.desc()).limit(limit)
        if source is not None:
            query = query.where(REJECTS.c.source == source)
        with self._database.read() as connection:
            return [
                Reject(row.source, row.row_index, row.reason, row.original, row.at) for row in connection.execute(query)
            ]

    def dropped(self) -> int:
        """How many rejects were dropped since the beginning because the list was full."""
        with self._database.read() as connection:
            return connection.execute(sa.select(REJECTS_DROPPED.c.count)).scalar() or 0


def _text(value: str) -> str:
    """What both databases can store: no NUL, no lone surrogates."""
    return value.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
