"""The CAP messages that were taken in, as they came, so that they can be passed on unchanged."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

import orjson
import sqlalchemy as sa

from alerts.model import Alert
from alerts.model_json import alert_from_plain
from hub.database import Database
from hub.tables.alerts import ALERTS, CAP_ORIGINALS, HISTORY

ENDED_MAX = 5_000


class CapShelf:
    """`keep` before the alerts of a message are committed: a message without alerts harms nobody, and is kept once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, sender: str, identifier: str, document: bytes, now: datetime) -> None:
        statement = self._database.insert(CAP_ORIGINALS).values(
            key=_key(sender, identifier), body=document, received_at=now
        )
        with self._database.write() as connection:
            connection.execute(statement.on_conflict_do_nothing())

    def originals(self, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
        """(sender, identifier) → document, for those that are there."""
        wanted = {_key(*name): name for name in names}
        found: dict[tuple[str, str], bytes] = {}
        keys = sorted(wanted)
        with self._database.read() as connection:
            for start in range(0, len(keys), 500):
                query = sa.select(CAP_ORIGINALS.c.key, CAP_ORIGINALS.c.body)
                rows = connection.execute(query.where(CAP_ORIGINALS.c.key.in_(keys[start : start + 500])))
                found |= {wanted[row.key]: bytes(row.body) for row in rows}
        return found

    def ended_since(self, since: datetime) -> list[Alert]:
        """Alerts that ended since then, the last ones first, at most 5000."""
        query = sa.select(ALERTS.c.body).where(ALERTS.c.resolved_at >= since).order_by(ALERTS.c.resolved_at.desc())
        with self._database.read() as connection:
            return [alert_from_plain(orjson.loads(row.body)) for row in connection.execute(query.limit(ENDED_MAX))]

    def cancels(self, since: datetime) -> dict[str, str]:
        """Alert id → identifier of the message that cancelled it since then."""
        query = sa.select(HISTORY.c.alert_id, HISTORY.c.detail).where(
            HISTORY.c.kind == "cancelled", HISTORY.c.at >= since
        )
        with self._database.read() as connection:
            return {row.alert_id: row.detail for row in connection.execute(query.order_by(HISTORY.c.seq))}


def _key(sender: str, identifier: str) -> str:
    return hashlib.sha256(f"{sender}\0{identifier}".encode()).hexdigest()
