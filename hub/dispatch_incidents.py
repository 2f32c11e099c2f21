"""Incidents, their record and their plan previews in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dispatch.handling import Task
from dispatch.model import Incident, to_plain
from dispatch.plain import stored_preview_of
from dispatch.stores import LogEntry, StoredPreview
from geodata.errors import Conflict, NotFound
from hub.database import Database
from hub.outbox import tell
from hub.tables.dispatch import INCIDENT_ALERTS, INCIDENT_LOG, INCIDENT_TASKS, INCIDENTS, PLAN_PREVIEWS

_TRIES = 5


class _Taken(Exception):
    """One of the alerts is in another open incident: `incident_id`."""

    def __init__(self, incident_id: str) -> None:
        super().__init__(incident_id)
        self.incident_id = incident_id


class IncidentRows:
    """`dispatch.stores.IncidentStore` on SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_incident(self, incident: Incident, entry: LogEntry, tasks: Sequence[Task] = ()) -> Incident:
        for _ in range(_TRIES):
            taken = self._open(incident, entry, tasks)
            if taken is None:
                return incident
            found = self._join(taken, incident.alert_ids, entry)
            if found is not None:
                return found
        raise Conflict("告警所在的事件正在变更,没有开立;请再试一次")

    def _open(self, incident: Incident, entry: LogEntry, tasks: Sequence[Task]) -> str | None:
        """None when it is open now; otherwise nothing was written, and another open incident has one of the alerts.

        A transaction of its own: to hold the free alerts while waiting for that incident would be to wait in a circle
        with whoever has that incident and wants one of these alerts for it.
        """
        try:
            with self._database.write() as connection:
                values = {
                    name: getattr(incident, name) for name in incident.__dataclass_fields__ if name != "alert_ids"
                }
                connection.execute(INCIDENTS.insert().values(**values))
                taken = self._hold(connection, incident.id, incident.alert_ids)
                if taken is not None:
                    raise _Taken(taken)
                if tasks:
                    connection.execute(INCIDENT_TASKS.insert(), [_task_values(task) for task in tasks])
                write_log(connection, incident.id, entry)
                tell(connection, "incidents", "incident.opened", entry.at, {"incident": to_plain(incident)})
        except _Taken as found:
            return found.incident_id
        return None

    def _join(self, incident_id: str, alert_ids: tuple[str, ...], entry: LogEntry) -> Incident | None:
        """The incident with what of the alerts is free; None when it has ended at this very moment."""
        with self._database.write() as connection:
            lock_incidents(connection, [incident_id])
            before = read_incident(connection, incident_id)
            if before.status != "open":
                return None
            self._hold(connection, incident_id, alert_ids)
            found = read_incident(connection, incident_id)
            if set(found.alert_ids) != set(before.alert_ids):
                added = LogEntry(entry.at, entry.who, "incident.alerts", "并入新的告警", {"alert_ids": found.alert_ids})
                write_log(connection, incident_id, added)
                tell(connection, "incidents", "incident.updated", entry.at, {"incident": to_plain(found)})
            return found

    def _hold(self, connection: Connection, incident_id: str, alert_ids: tuple[str, ...]) -> str | None:
        """Tie the alerts to the incident; the id of another open incident that has one of them, if any.

        The insert waits for a rival transaction holding the same alert, so what is read next is committed.
        """
        insert = self._database.insert(INCIDENT_ALERTS).on_conflict_do_nothing()
        for alert_id in sorted(alert_ids):
            connection.execute(insert.values(incident_id=incident_id, alert_id=alert_id, is_open=True))
        holders = sa.select(INCIDENT_ALERTS.c.alert_id, INCIDENT_ALERTS.c.incident_id).where(
            INCIDENT_ALERTS.c.alert_id.in_(alert_ids), INCIDENT_ALERTS.c.is_open.is_(True)
        )
        holding = {row.alert_id: row.incident_id for row in connection.execute(holders)}
        return next((holding[key] for key in alert_ids if holding.get(key) not in (None, incident_id)), None)

    def incident(self, incident_id: str) -> Incident | None:
        with self._database.read() as connection:
            return find_incident(connection, incident_id)

    def incidents(self, status: str | None = None, limit: int = 200) -> list[Incident]:
        query = sa.select(INCIDENTS).order_by(INCIDENTS.c.opened_at.desc(), INCIDENTS.c.id.desc()).limit(limit)
        if status is not None:
            query = query.where(INCIDENTS.c.status == status)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            alerts = _alerts_of(connection, [row.id for row in rows])
        return [_incident(row, alerts.get(row.id, ())) for row in rows]

    def log(self, incident_id: str) -> list[LogEntry]:
        """With the lines of the incidents merged into it: a record stays where it was written."""
        with self._database.read() as connection:
            mine = INCIDENT_LOG.c.incident_id.in_(family(connection, incident_id))
            query = sa.select(INCIDENT_LOG).where(mine).order_by(INCIDENT_LOG.c.seq)
            return [LogEntry(r.at, r.who, r.kind, r.text, r.detail) for r in connection.execute(query)]

    def add_log(self, incident_id: str, entry: LogEntry) -> None:
        with self._database.write() as connection:
            write_log(connection, incident_id, entry)

    def save_preview(self, stored: StoredPreview, expires_at: datetime) -> None:
        """Keep what the officer sees; expired previews go at the same time."""
        preview = stored.preview
        with self._database.write() as connection:
            connection.execute(sa.delete(PLAN_PREVIEWS).where(PLAN_PREVIEWS.c.expires_at <= preview.made_at))
            connection.execute(
                PLAN_PREVIEWS.insert().values(
                    idempotency_key=preview.idempotency_key,
                    incident_id=preview.incident_id,
                    expires_at=expires_at,
                    body=to_plain(stored),
                )
            )

    def preview(self, incident_id: str, key: str, now: datetime) -> StoredPreview | None:
        table = PLAN_PREVIEWS.c
        query = sa.select(table.body).where(
            table.idempotency_key == key, table.incident_id == incident_id, table.expires_at > now
        )
        with self._database.read() as connection:
            body = connection.execute(query).scalar()
        return stored_preview_of(body) if body else None


def write_log(connection: Connection, incident_id: str, entry: LogEntry) -> None:
    """Add a line to the incident's record in the caller's transaction."""
    connection.execute(
        INCIDENT_LOG.insert().values(
            incident_id=incident_id,
            at=entry.at,
            who=entry.who,
            kind=entry.kind,
            text=entry.text,
            detail=to_plain(entry.detail),
        )
    )


def family(connection: Connection, incident_id: str) -> list[str]:
    """The incident and those merged into it, however deep; itself first."""
    found, latest = [incident_id], [incident_id]
    while latest:
        query = sa.select(INCIDENTS.c.id).where(INCIDENTS.c.merged_into.in_(latest)).order_by(INCIDENTS.c.id)
        latest = [row for row in connection.execute(query).scalars() if row not in found]
        found += latest
    return found


def lock_incidents(connection: Connection, incident_ids: Sequence[str]) -> None:
    """Hold the rows until the end of the transaction, in one order, beside those who only refer to them."""
    query = sa.select(INCIDENTS.c.id).where(INCIDENTS.c.id.in_(list(incident_ids))).order_by(INCIDENTS.c.id)
    connection.execute(query.with_for_update(key_share=True)).all()


def find_incident(connection: Connection, incident_id: str) -> Incident | None:
    row = connection.execute(sa.select(INCIDENTS).where(INCIDENTS.c.id == incident_id)).first()
    return _incident(row, _alerts_of(connection, [incident_id]).get(incident_id, ())) if row else None


def read_incident(connection: Connection, incident_id: str) -> Incident:
    """The incident; `NotFound` when there is none."""
    incident = find_incident(connection, incident_id)
    if incident is None:
        raise NotFound(f"没有事件 {incident_id};它可能写错了,请回到事件列表")
    return incident


def _task_values(task: Task) -> dict[str, Any]:
    return {name: getattr(task, name) for name in task.__dataclass_fields__}


def _alerts_of(connection: Connection, incident_ids: list[str]) -> dict[str, tuple[str, ...]]:
    query = sa.select(INCIDENT_ALERTS).where(INCIDENT_ALERTS.c.incident_id.in_(incident_ids))
    found: dict[str, list[str]] = {}
    for row in connection.execute(query.order_by(INCIDENT_ALERTS.c.alert_id)):
        found.setdefault(row.incident_id, []).append(row.alert_id)
    return {key: tuple(ids) for key, ids in found.items()}


def _incident(row: Any, alert_ids: tuple[str, ...]) -> Incident:
    values = dict(row._mapping)
    return Incident(**values, alert_ids=alert_ids)
