"""Alerts in the database: changes, history, the engine's state and the events that tell of them, in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from alerts.lifecycle import merged
from alerts.load import topic_of
from alerts.model import Alert, AlertChange, AlertState
from alerts.model_json import alert_from_plain, alert_to_plain
from geodata.errors import Conflict
from hub.database import Database
from hub.lease import check_fence
from hub.outbox_bulk import tell_many
from hub.tables.alerts import ALERTS, HISTORY, IDENTIFIERS, RULE_STATES

_CHUNK = 500
RuleStates = Mapping[tuple[str, int], Mapping[str, Any]]


class DbAlertStore:
    """`alerts.ports.AlertStore` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_alerts(self) -> list[Alert]:
        """Not resolved; a warning past its time is among them until the engine's tick has ended it."""
        return self._select(sa.select(ALERTS.c.body).where(ALERTS.c.resolved_at.is_(None)).order_by(ALERTS.c.id))

    def get(self, alert_id: str) -> Alert | None:
        found = self._select(sa.select(ALERTS.c.body).where(ALERTS.c.id == alert_id))
        return found[0] if found else None

    def by_identifier(self, identifier: str) -> list[Alert]:
        """Alerts that stand for the warning message `identifier`, or once did (an update has its own identifier)."""
        return self._select(
            sa.select(ALERTS.c.body)
            .join(IDENTIFIERS, IDENTIFIERS.c.alert_id == ALERTS.c.id)
            .where(IDENTIFIERS.c.identifier == identifier)
            .order_by(ALERTS.c.id)
        )

    def find(self, *, states: Sequence[str], limit: int, before: str | None, at: datetime) -> list[Alert]:
        """Newest first. `states` as `state_of` names them at `at`; `before` is the id of the last one already seen."""
        conditions = [_in_state(AlertState(state), at) for state in states]
        query = sa.select(ALERTS.c.body).where(sa.or_(sa.false(), *conditions))
        if before is not None:
            query = query.where(ALERTS.c.id < before)
        return self._select(query.order_by(ALERTS.c.id.desc()).limit(limit))

    def history(self, alert_id: str) -> list[Mapping[str, Any]]:
        """Steps, oldest first: version, kind, at, who, detail, alert (plain, as it stood then)."""
        columns = (HISTORY.c.version, HISTORY.c.kind, HISTORY.c.at, HISTORY.c.who, HISTORY.c.detail, HISTORY.c.body)
        query = sa.select(*columns).where(HISTORY.c.alert_id == alert_id).order_by(HISTORY.c.seq)
        with self._database.read() as connection:
            return [
                {
                    "version": row.version,
                    "kind": row.kind,
                    "at": row.at,
                    "who": row.who,
                    "detail": row.detail,
                    "alert": orjson.loads(row.body),
                }
                for row in connection.execute(query)
            ]

    def as_of(self, at: datetime) -> list[Alert]:
        """Open at `at`, as they stood then (measured values as of the last change of state)."""
        newest = sa.select(sa.func.max(HISTORY.c.seq)).where(HISTORY.c.at <= at).group_by(HISTORY.c.alert_id)
        found = self._select(sa.select(HISTORY.c.body).where(HISTORY.c.seq.in_(newest)).order_by(HISTORY.c.alert_id))
        return [alert for alert in found if alert.resolved_at is None and not _expired(alert, at)]

    def rule_states(self) -> dict[tuple[str, int], Mapping[str, Any]]:
        with self._database.read() as connection:
            rows = connection.execute(sa.select(RULE_STATES))
            return {(row.rule_id, row.sensor_no): orjson.loads(row.body) for row in rows}

    def apply(
        self,
        changes: Sequence[AlertChange],
        rule_states: RuleStates | None = None,
        fence: tuple[str, int] | None = None,
    ) -> None:
        """All or nothing. Raises `Conflict` for a lost fence, or when a condition that is to be fired is open already.

        Changes of an alert that has ended meanwhile are left out; what others wrote (an acknowledgement) is kept.
        """
        try:
            with self._database.write() as connection:
                check_fence(connection, fence)
                self._write_changes(connection, changes)
                if rule_states:
                    self._write_states(connection, rule_states)
        except IntegrityError as error:
            raise Conflict("同一情况已有未结束的预警;请重新读取后再写") from error

    def _write_changes(self, connection: Connection, changes: Sequence[AlertChange]) -> None:
        new = {change.alert.id for change in changes if change.kind == "fired"}
        present = self._locked(connection, {change.alert.id for change in changes} - new)
        steps = []
        for change in changes:
            stored = present.get(change.alert.id)
            alert = change.alert if change.kind == "fired" else merged(stored, change) if stored else None
            if alert is not None:
                present[alert.id] = alert
                was = int(stored.level) if stored else None
                steps.append((change, alert, orjson.dumps(alert_to_plain(alert, change.at)), was))
        if not steps:
            return
        last = {alert.id: (alert, body) for _, alert, body, _ in steps}
        self._write_rows(connection, last, new)
        kept = [_history_row(*step) for step in steps if step[0].kind != "value"]
        if kept:
            connection.execute(HISTORY.insert(), kept)
        aliases = {(alert.identifier, alert.id) for _, alert, _, _ in steps if alert.identifier}
        if aliases:
            rows = [{"identifier": identifier, "alert_id": alert_id} for identifier, alert_id in sorted(aliases)]
            connection.execute(self._database.insert(IDENTIFIERS).on_conflict_do_nothing(), rows)
        tell_many(
            connection, "alerts", ((f"alert.{c.kind}", c.at, b'{"alert":' + body + b"}") for c, _, body, _ in steps)
        )

    def _locked(self, connection: Connection, ids: Iterable[str]) -> dict[str, Alert]:
        wanted = sorted(ids)
        found: dict[str, Alert] = {}
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            query = sa.select(ALERTS.c.body).where(ALERTS.c.id.in_(chunk)).order_by(ALERTS.c.id).with_for_update()
            for row in connection.execute(query):
                alert = alert_from_plain(orjson.loads(row.body))
                found[alert.id] = alert
        return found

    def _write_rows(self, connection: Connection, last: Mapping[str, tuple[Alert, bytes]], new: set[str]) -> None:
        rows = [_row(alert, body) for alert, body in last.values()]
        # what ends goes first: its condition may fire again in the same step
        updates = sorted((row for row in rows if row["id"] not in new), key=lambda row: row["resolved_at"] is None)
        if updates:
            names = [name for name in updates[0] if name != "id"]
            statement = ALERTS.update().where(ALERTS.c.id == sa.bindparam("row_id"))
            values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in names}
            bound = [{"row_id": row["id"]} | {f"new_{name}": row[name] for name in names} for row in updates]
            connection.execute(statement.values(values), bound)
        inserts = [row for row in rows if row["id"] in new]
        if inserts:
            connection.execute(ALERTS.insert(), inserts)

    def _write_states(self, connection: Connection, rule_states: RuleStates) -> None:
        statement = self._database.insert(RULE_STATES)
        statement = statement.on_conflict_do_update(
            index_elements=["rule_id", "sensor_no"], set_={"body": statement.excluded.body}
        )
        rows = [
            {"rule_id": rule_id, "sensor_no": sensor_no, "body": orjson.dumps(state)}
            for (rule_id, sensor_no), state in sorted(rule_states.items())
        ]
        connection.execute(statement, rows)

    def _select(self, query: sa.Select[Any]) -> list[Alert]:
        with self._database.read() as connection:
            return [alert_from_plain(orjson.loads(row.body)) for row in connection.execute(query)]


def _expired(alert: Alert, at: datetime) -> bool:
    return alert.expires_at is not None and alert.expires_at <= at


def _in_state(state: AlertState, at: datetime) -> sa.ColumnElement[bool]:
    """`state_of`, as SQL. Pending and suppressed are not an alert's own states: no row is in them."""
    columns = ALERTS.c
    closed = _by(columns.closed_at, at)
    ended = sa.and_(~closed, sa.or_(_by(columns.resolved_at, at), _by(columns.expires_at, at)))
    shelved = sa.and_(columns.shelved_until.is_not(None), columns.shelved_until > at)
    seen = _by(columns.acknowledged_at, at)
    there = sa.and_(~closed, ~ended)
    return {
        AlertState.CLOSED: closed,
        AlertState.RESOLVED: ended,
        AlertState.SHELVED: sa.and_(there, shelved),
        AlertState.ACKNOWLEDGED: sa.and_(there, ~shelved, seen),
        AlertState.FIRING: sa.and_(there, ~shelved, ~seen),
    }.get(state, sa.false())


def _by(column: sa.Column[Any], at: datetime) -> sa.ColumnElement[bool]:
    """Whether it has happened by `at`."""
    return sa.and_(column.is_not(None), column <= at)


def _row(alert: Alert, body: bytes) -> dict[str, Any]:
    return {
        "id": alert.id,
        "dedup_key": alert.dedup_key,
        "source": alert.source,
        "level": int(alert.level),
        "fired_at": alert.fired_at,
        "expires_at": alert.expires_at,
        "resolved_at": alert.resolved_at,
        "acknowledged_at": alert.acknowledged_at,
        "incident_id": alert.incident_id,
        "shelved_until": alert.shelved_until,
        "closed_at": alert.closed_at,
        "body": body,
    }


def _history_row(change: AlertChange, alert: Alert, body: bytes, was_level: int | None) -> dict[str, Any]:
    return {
        "alert_id": alert.id,
        "version": alert.version,
        "kind": change.kind,
        "at": change.at,
        "who": change.who,
        "detail": change.detail,
        "body": body,
        "level": int(alert.level),
        "was_level": was_level,
        "exercise": alert.status != "Actual",
        "topic": topic_of(alert),
    }
