"""Who did what, when: append-only, each row's hash covering the row before it, so that a change anywhere is found."""

import hashlib
import inspect
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from geodata.clock import epoch_ms, utc_now
from hub.database import Database
from hub.tables.hub import AUDIT

_CHAIN_LOCK = 7_113_000_002
TOLD = frozenset({"note", "action", "title", "type", "level", "reason", "until", "ends_at"})


def _digest(previous: str, at: datetime, who: str, action: str, thing: str, detail: bytes) -> str:
    parts = orjson.dumps([previous, epoch_ms(at), who, action, thing, detail.decode()])
    return hashlib.sha256(parts).hexdigest()


def _kept(detail: Mapping[str, Any]) -> bytes:
    """At most 4000 bytes of whole characters. Whatever was done must be found here: no text is refused."""
    try:
        body = orjson.dumps(detail, default=str)
    except TypeError:  # half a surrogate, a number beyond 64 bits
        body = json.dumps(detail, default=str).encode()
    return body[:4000].decode(errors="ignore").encode()


def _storable(text: str) -> str:
    return text.replace("\x00", "�").encode(errors="replace").decode()


class AuditLog:
    """`record` appends; `verify` walks the chain and names the first row that does not fit."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def record(self, who: str, action: str, thing: str, detail: Mapping[str, Any], at: datetime) -> None:
        with self.database.write() as connection:
            self.append(connection, who, action, thing, detail, at)

    def append(
        self, connection: Connection, who: str, action: str, thing: str, detail: Mapping[str, Any], at: datetime
    ) -> None:
        """`record` within a transaction of the caller's, so that the act and its entry stand or fall together."""
        body, thing = _kept(detail), _storable(thing)[:200]
        if not self.database.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CHAIN_LOCK)))
        last = connection.execute(sa.select(AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)).scalar() or ""
        moment = at.replace(microsecond=at.microsecond // 1000 * 1000)
        connection.execute(
            AUDIT.insert().values(
                at=moment, who=who, action=action, object=thing, detail=body,
                hash=_digest(last, moment, who, action, thing, body),
            )
        )  # fmt: skip

    def verify(self) -> int | None:
        """The number of the first row that was changed, or follows one that was removed; None when the chain holds."""
        previous = ""
        with self.database.read() as connection:
            for row in connection.execute(sa.select(AUDIT).order_by(AUDIT.c.seq)):
                if row.hash != _digest(previous, row.at, row.who, row.action, row.object, row.detail):
                    return int(row.seq)
                previous = row.hash
        return None

    def latest(self, limit: int = 200) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            rows = connection.execute(sa.select(AUDIT).order_by(AUDIT.c.seq.desc()).limit(limit)).mappings()
            return [dict(row) | {"detail": row["detail"].decode()} for row in rows]


class Audited:
    """A desk whose named methods are recorded after they succeed; everything else passes through.

    `actions` maps a method to the audit action; the method's first argument is the thing, its `who` (or `username`)
    the person.
    """

    def __init__(self, desk: Any, log: AuditLog, actions: Mapping[str, str]) -> None:
        self._desk, self._log, self._actions = desk, log, actions

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._desk, name)
        action = self._actions.get(name)
        if action is None:
            return value
        signature = inspect.signature(value)

        def recorded(*args: Any, **kwargs: Any) -> Any:
            result = value(*args, **kwargs)
            given = dict(signature.bind(*args, **kwargs).arguments)
            thing, *_ = given.values()
            who = str(given.get("who") or given.get("username") or "receipt-link")
            detail = {key: item for key, item in given.items() if key in TOLD}
            detail["result"] = str(getattr(result, "id", "") or "")
            shown = f"{len(thing)} bytes" if isinstance(thing, bytes) else str(thing)
            self._log.record(who, action, "link" if action == "receipt.answer" else shown, detail, utc_now())
            return result

        return recorded
