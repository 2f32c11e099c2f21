"""Alerts in the database: changes, history, the engine's state and the events that tell of them, in one transaction."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from alerts.feeds.repeated import REPEATED, Decision
from alerts.model import Alert, AlertChange, AlertState
from alerts.model_json import alert_to_plain
from geodata.errors import Conflict
from hub.alert_body import alert_of
from hub.alert_write import ended_lately, hold_all, locked, write_changes, write_refreshed
from hub.database import Database
from hub.lease import check_fence
from hub.tables.alerts import ALERTS, HISTORY, IDENTIFIERS, RULE_STATES

RuleStates = Mapping[tuple[str, int], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Settling:
    """Reports of conditions that may or may not be open. `after` writes what belongs to them in the same commit.
    With `ended_since`, `decide` also sees, of every other key, the newest alert that ended since then, not closed."""

    keys: Sequence[str]
    decide: Callable[[Mapping[str, Alert]], Decision]
    at: datetime
    after: Callable[[Connection, Decision], None] = lambda _connection, _decision: None
    ended_since: datetime | None = None


class DbAlertStore:
    """`alerts.ports.AlertStore` on SQLite and PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_alerts(self) -> list[Alert]:
        """Not resolved; a warning past its time is among them until the engine's tick has ended it."""
        return self._select(sa.select(ALERTS.c.body).where(ALERTS.c.resolved_at.is_(None)).order_by(ALERTS.c.id))

    def recently_resolved(self, since: datetime) -> list[Alert]:
        """Ended since then and not closed, those that ended first before the others."""
        ended = sa.and_(ALERTS.c.resolved_at >= since, ALERTS.c.closed_at.is_(None))
        return self._select(sa.select(ALERTS.c.body).where(ended).order_by(ALERTS.c.resolved_at, ALERTS.c.id))

    def closable(self, before: datetime, open_incidents: Collection[str], limit: int) -> list[Alert]:
        """Ended before then, not closed, and in none of `open_incidents`; the oldest first."""
        free = sa.or_(ALERTS.c.incident_id.is_(None), ALERTS.c.incident_id.not_in(open_incidents))
        ended = sa.and_(ALERTS.c.resolved_at <= before, ALERTS.c.resolved_at.is_not(None), ALERTS.c.closed_at.is_(None))
        query = sa.select(ALERTS.c.body).where(ended, free).order_by(ALERTS.c.resolved_at).limit(limit)
        return self._select(query)

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
                    "alert": alert_to_plain(alert_of(row.body), row.at),
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
                write_changes(self._database, connection, changes)
                if rule_states:
                    self._write_states(connection, rule_states)
        except IntegrityError as error:
            raise Conflict("同一情况已有未结束的告警;请重新读取后再写") from error

    def settle(self, work: Sequence[Settling]) -> list[Decision]:
        """Each of `work` decides over the open alerts that hold its keys; all are committed together, or none.

        Raises `Conflict` when another process opened one of the conditions meanwhile: the caller tries again.
        """
        made = []
        try:
            with self._database.write() as connection:
                ends = [one.ended_since for one in work if one.ended_since is not None]
                hold_all(connection, (key for one in work for key in one.keys), min(ends, default=None))
                for one in work:
                    known = locked(connection, "dedup_key", one.keys, only_open=True)
                    if one.ended_since is not None and len(known) < len(one.keys):
                        others = set(one.keys).difference(alert.dedup_key for alert in known)
                        known = ended_lately(connection, others, one.ended_since) + known
                    decision = one.decide({alert.dedup_key: alert for alert in known})
                    write_changes(self._database, connection, decision.changes, {alert.id: alert for alert in known})
                    write_refreshed(connection, decision.refreshed, one.at)
                    one.after(connection, decision)
                    made.append(decision)
        except IntegrityError as error:
            raise Conflict("同一情况已有未结束的告警;请重新读取后再写") from error
        return made

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
            return [alert_of(row.body) for row in connection.execute(query)]


def _expired(alert: Alert, at: datetime) -> bool:
    """What a sender keeps alive by repeating it has no end of its own: its history says when it was over."""
    return alert.source not in REPEATED and alert.expires_at is not None and alert.expires_at <= at


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
