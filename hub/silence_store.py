"""Silences in the database, each change with its event in one transaction."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from alerts.silences import Silence, ended, matchers_from_plain, matchers_to_plain, silence_to_plain
from geodata.errors import NotFound
from hub.database import Database
from hub.outbox import tell
from hub.tables.alerts import SILENCES


class DbSilenceStore:
    """`alerts.ports.SilenceStore` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, silence: Silence) -> None:
        with self._database.write() as connection:
            connection.execute(SILENCES.insert().values(**_row(silence)))
            _told(connection, "silence.created", silence, silence.created_at)

    def get(self, silence_id: str) -> Silence | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(SILENCES).where(SILENCES.c.id == silence_id)).one_or_none()
        return None if row is None else _silence(row)

    def end(self, silence_id: str, who: str, why: str, now: datetime) -> Silence:
        """End it now; of two who do it at once, the second gets `Conflict`."""
        with self._database.write() as connection:
            query = sa.select(SILENCES).where(SILENCES.c.id == silence_id).with_for_update()
            row = connection.execute(query).one_or_none()
            if row is None:
                raise NotFound(f"没有编号为 {silence_id[:64]} 的静默")
            after = ended(_silence(row), who, why, now)
            connection.execute(SILENCES.update().where(SILENCES.c.id == silence_id).values(**_row(after)))
            _told(connection, "silence.ended", after, now)
        return after

    def active(self, now: datetime) -> list[Silence]:
        columns = SILENCES.c
        ends = sa.func.coalesce(columns.ended_at, columns.ends_at)
        # ends_at first: it has the index, and what was ended by hand ends before it
        query = sa.select(SILENCES).where(columns.ends_at > now, columns.starts_at <= now, ends > now)
        return self._select(query.order_by(columns.id))

    def listed(self, limit: int = 200) -> list[Silence]:
        return self._select(sa.select(SILENCES).order_by(SILENCES.c.id.desc()).limit(limit))

    def _select(self, query: sa.Select[Any]) -> list[Silence]:
        with self._database.read() as connection:
            return [_silence(row) for row in connection.execute(query)]


def _told(connection: Connection, kind: str, silence: Silence, at: datetime) -> None:
    tell(connection, "alerts", kind, at, {"silence": silence_to_plain(silence, at)})


def _row(silence: Silence) -> dict[str, Any]:
    return {
        "id": silence.id,
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
        "owner": silence.owner,
        "reason": silence.reason,
        "matchers": matchers_to_plain(silence.matchers),
        "created_at": silence.created_at,
        "ended_at": silence.ended_at,
        "ended_by": silence.ended_by,
        "ended_why": silence.ended_why,
    }


def _silence(row: Row[Any]) -> Silence:
    return Silence(
        row.id, matchers_from_plain(row.matchers), row.starts_at, row.ends_at, row.owner, row.reason, row.created_at,
        row.ended_at, row.ended_by, row.ended_why,
    )  # fmt: skip
