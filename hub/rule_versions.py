"""The versions of the rules in the database: only ever added to, one writer at a time, each with its audit entry."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from geodata.clock import SHANGHAI
from geodata.errors import Conflict
from hub.audit import AuditLog
from hub.database import Database
from hub.tables.alerts import RULE_VERSIONS as T

_LOCK = 7_113_000_004
FILE, PAGE, RESTORE = "file", "page", "restore"
_ROW = (T.c.no, T.c.at, T.c.author, T.c.origin, T.c.why, T.c.digest)


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """`origin` file, page or restore; `digest` is the SHA-256 of the text, which listings leave out."""

    no: int
    at: datetime
    author: str
    origin: str
    why: str
    digest: str
    text: str = ""

    def plain(self) -> dict[str, Any]:
        """As the API tells it, without the text."""
        names = ("no", "author", "origin", "why", "digest")
        return {name: getattr(self, name) for name in names} | {"at": self.at.isoformat()}


def digest_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


class RuleVersions:
    """The newest is in force. Numbers rise in the order of the commits."""

    def __init__(self, database: Database, audit: AuditLog) -> None:
        self._database, self._audit = database, audit

    def newest(self) -> RuleVersion | None:
        return self._one(sa.select(T).order_by(T.c.no.desc()).limit(1))

    def newest_no(self) -> int:
        """0 when there is none."""
        with self._database.read() as connection:
            return int(connection.execute(sa.select(sa.func.max(T.c.no))).scalar() or 0)

    def get(self, no: int) -> RuleVersion | None:
        return self._one(sa.select(T).where(T.c.no == no))

    def before(self, no: int) -> RuleVersion | None:
        """The version that stood when `no` was made."""
        return self._one(sa.select(T).where(T.c.no < no).order_by(T.c.no.desc()).limit(1))

    def latest(self, limit: int, before: int | None = None) -> list[RuleVersion]:
        """Newest first, without their texts."""
        query = sa.select(*_ROW).order_by(T.c.no.desc()).limit(limit)
        if before is not None:
            query = query.where(T.c.no < before)
        with self._database.read() as connection:
            return [RuleVersion(**row) for row in connection.execute(query).mappings()]

    def from_file(self, text: str, author: str, why: str, now: datetime) -> RuleVersion | None:
        """Take the file's text; None when it is the last one taken from the file, whoever took it."""
        with self._database.write() as connection:
            self._lock(connection)
            query = sa.select(T.c.digest).where(T.c.origin == FILE).order_by(T.c.no.desc()).limit(1)
            if connection.execute(query).scalar() == digest_of(text):
                return None
            return self._add(connection, text, author, FILE, why, now)

    def from_person(self, text: str, base: int | None, who: str, origin: str, why: str, now: datetime) -> RuleVersion:
        """Put `text` in force. `Conflict` when another version than `base` is in force by now (None: whichever), or
        when it is the same text."""
        with self._database.write() as connection:
            self._lock(connection)
            newest = connection.execute(sa.select(*_ROW).order_by(T.c.no.desc()).limit(1)).mappings().one_or_none()
            if newest is not None:
                _refuse(RuleVersion(**newest), base, digest_of(text))
            return self._add(connection, text, who, origin, why, now)

    def _add(self, connection: Connection, text: str, author: str, origin: str, why: str, now: datetime) -> RuleVersion:
        values: Mapping[str, Any] = {
            "at": now, "author": author, "origin": origin, "why": why, "digest": digest_of(text), "text": text,
        }  # fmt: skip
        made = connection.execute(T.insert().values(values).returning(T.c.no)).scalar_one()
        version = RuleVersion(int(made), **values)
        detail = {"why": why, "digest": version.digest, "origin": origin}
        self._audit.append(connection, author, f"rules.{origin}", f"version {version.no}", detail, now)
        return version

    def _lock(self, connection: Connection) -> None:
        """One writer of versions at a time; SQLite has only one anyway."""
        if not self._database.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))

    def _one(self, query: sa.Select[Any]) -> RuleVersion | None:
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else RuleVersion(**row)


def _refuse(newest: RuleVersion, base: int | None, digest: str) -> None:
    if base is not None and base != newest.no:
        at = newest.at.astimezone(SHANGHAI).strftime("%m-%d %H:%M:%S")
        raise Conflict(
            f"您是从第 {base} 版改起的,而 {newest.author} 已于 {at} 启用了第 {newest.no} 版({newest.why})。"
            "没有保存;请对照新版再改一次",
            current=newest.plain(),
        )
    if newest.digest == digest:
        raise Conflict(f"与现行第 {newest.no} 版完全相同,没有什么要启用", current=newest.plain())
