"""Positioned reports in the database, each once, with the event that tells of it in the same transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from alerts.sightings import Sighting, sighting_to_plain
from hub.database import Database
from hub.outbox import _TAIL_LOCK
from hub.outbox_bulk import tell_many
from hub.tables.alerts import SIGHTINGS

_CHUNK = 500
_KEY = (SIGHTINGS.c.source, SIGHTINGS.c.exercise, SIGHTINGS.c.id)


class DbSightingStore:
    """`alerts.sightings.SightingStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, sightings: Sequence[Sighting]) -> int:
        wanted = {(one.source, one.exercise, one.id): one for one in reversed(sightings)}  # the first of equals counts
        with self._database.write() as connection:
            if not self._database.is_sqlite:  # numbers become visible in order, as those of the outbox do
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TAIL_LOCK)))
            known = self._known(connection, [one.id for one in wanted.values()])
            new = [one for one in sightings if wanted.pop(_key(one), None) is not None and _key(one) not in known]
            if not new:
                return 0
            before = connection.execute(sa.select(sa.func.max(SIGHTINGS.c.seq))).scalar() or 0
            connection.execute(SIGHTINGS.insert(), [_row(one) for one in new])
            query = sa.select(SIGHTINGS).where(SIGHTINGS.c.seq > before).order_by(SIGHTINGS.c.seq)
            stored = [_sighting(row) for row in connection.execute(query)]
            events = ((f"sighting.{one.kind}", one.received_at, _body(one)) for one in stored)
            tell_many(connection, "sightings", events)
            return len(new)

    def after(self, seq: int, limit: int) -> list[Sighting]:
        return self._select(sa.select(SIGHTINGS).where(SIGHTINGS.c.seq > seq).order_by(SIGHTINGS.c.seq).limit(limit))

    def seq_before(self, received_since: datetime) -> int:
        first = sa.select(sa.func.min(SIGHTINGS.c.seq)).where(SIGHTINGS.c.received_at >= received_since)
        with self._database.read() as connection:
            found = connection.execute(first).scalar()
            last = connection.execute(sa.select(sa.func.max(SIGHTINGS.c.seq))).scalar()
        return int(found - 1 if found is not None else last or 0)

    def since(self, since: datetime, kind: str, limit: int) -> list[Sighting]:
        query = sa.select(SIGHTINGS).where(SIGHTINGS.c.observed_at >= since)
        if kind:
            query = query.where(SIGHTINGS.c.kind == kind)
        return self._select(query.order_by(SIGHTINGS.c.observed_at.desc(), SIGHTINGS.c.seq.desc()).limit(limit))

    def prune(self, now: datetime, days: float) -> int:
        """Forget what was received more than `days` ago; how many."""
        with self._database.write() as connection:
            old = SIGHTINGS.c.received_at < now - timedelta(days=days)
            return connection.execute(SIGHTINGS.delete().where(old)).rowcount

    def _known(self, connection: Connection, ids: list[str]) -> set[tuple[str, str, str]]:
        found: set[tuple[str, str, str]] = set()
        for start in range(0, len(ids), _CHUNK):
            query = sa.select(*_KEY).where(SIGHTINGS.c.id.in_(ids[start : start + _CHUNK]))
            found.update((row.source, row.exercise, row.id) for row in connection.execute(query))
        return found

    def _select(self, query: sa.Select[Any]) -> list[Sighting]:
        with self._database.read() as connection:
            return [_sighting(row) for row in connection.execute(query)]


def _key(one: Sighting) -> tuple[str, str, str]:
    return one.source, one.exercise, one.id


def _row(one: Sighting) -> dict[str, Any]:
    return {
        "source": one.source,
        "id": one.id,
        "exercise": one.exercise,
        "kind": one.kind,
        "lon": one.lon,
        "lat": one.lat,
        "observed_at": one.observed_at,
        "received_at": one.received_at,
        "body": {"confidence": one.confidence, "note": one.note, "given": one.given},
    }


def _sighting(row: Row[Any]) -> Sighting:
    given = row.body.get("given")
    return Sighting(
        row.id, row.source, row.kind, row.lon, row.lat, row.observed_at, row.received_at,
        row.body.get("confidence"), row.body.get("note", ""), row.exercise,
        tuple(given) if given else None, row.seq,
    )  # fmt: skip


def _body(one: Sighting) -> bytes:
    return b'{"sighting":' + orjson.dumps(sighting_to_plain(one)) + b"}"
