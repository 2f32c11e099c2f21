"""How changes of alerts get into the database: rows, history, identifiers and events of one transaction, in bulk."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from alerts.lifecycle import merged
from alerts.load import topic_of
from alerts.model import Alert, AlertChange
from geodata.clock import epoch_ms
from hub.alert_body import alert_of, body_of
from hub.bulk import Row, insert_rows, select_in, update_rows
from hub.database import Database
from hub.outbox_bulk import tell_many
from hub.tables.alerts import ALERTS, HISTORY, IDENTIFIERS

_ALERT = (
    "dedup_key", "source", "level", "fired_at", "expires_at", "resolved_at", "acknowledged_at", "incident_id",
    "shelved_until", "closed_at", "body", "id",
)  # fmt: skip
_HISTORY = (
    "alert_id", "version", "kind", "at", "who", "detail", "body", "level", "was_level", "exercise", "topic",
)  # fmt: skip
Step = tuple[AlertChange, Alert, bytes, int | None]  # the alert after the change, its body, its level before
_SETTLE_LOCK = 7_113_000_005  # see hub/outbox.py
MANY = 50  # steps of one transaction above which they share events
PACK = 200  # steps of one shared event: about 140 kB
REFRESHED = "refreshed"  # topic of the events that only move an end further off; no screen asks for it


def write_changes(
    database: Database, connection: Connection, changes: Sequence[AlertChange], known: Mapping[str, Alert] | None = None
) -> None:
    """Write `changes` in order. `known`: alerts by id as they stand, read under lock in this same transaction."""
    present = dict(known or {})
    new = {change.alert.id for change in changes if change.kind == "fired"}
    others = {change.alert.id for change in changes} - new - present.keys()
    present |= {alert.id: alert for alert in locked(connection, "id", others)}
    steps = _steps(changes, present)
    if not steps:
        return
    _write_rows(connection, {alert.id: (alert, body) for _, alert, body, _ in steps}, new)
    insert_rows(connection, HISTORY, _HISTORY, [_history_row(*step) for step in steps if step[0].kind != "value"])
    aliases = {(alert.identifier, alert.id) for _, alert, _, _ in steps if alert.identifier}
    if aliases:
        rows = [{"identifier": identifier, "alert_id": alert_id} for identifier, alert_id in sorted(aliases)]
        connection.execute(database.insert(IDENTIFIERS).on_conflict_do_nothing(), rows)
    tell_many(connection, "alerts", _events(steps))


def _events(steps: Sequence[Step]) -> list[tuple[str, datetime, bytes]]:
    """One event a step; a storm's many steps share events, which every screen then takes in at once."""
    if len(steps) <= MANY:
        return [(f"alert.{change.kind}", change.at, b'{"alert":%b}' % body) for change, _, body, _ in steps]
    packs = [steps[start : start + PACK] for start in range(0, len(steps), PACK)]
    return [("alert.many", pack[-1][0].at, b'{"alerts":[%b]}' % b",".join(map(_packed, pack))) for pack in packs]


def _packed(step: Step) -> bytes:
    change, _, body, _ = step
    return b'{"kind":"alert.%b","alert":%b}' % (change.kind.encode(), body)


def write_refreshed(connection: Connection, alerts: Sequence[Alert], at: datetime) -> None:
    """Only a later (or nearer) end, as a sender that repeats itself gives it: no step of the alert's history, and one
    event for all of them."""
    if not alerts:
        return
    rows = [(_ms(alert.expires_at), body_of(alert, at), alert.id) for alert in alerts]
    update_rows(connection, ALERTS, ("expires_at", "body"), rows)
    ends = {alert.id: alert.expires_at for alert in alerts}
    tell_many(connection, REFRESHED, [("alert.refreshed", at, orjson.dumps({"expires_at": ends}))])


def locked(connection: Connection, column: str, values: Iterable[str], only_open: bool = False) -> list[Alert]:
    """The alerts whose `column` is among `values`, in the order of their ids, locked until the transaction ends."""
    rest = "AND resolved_at IS NULL " if only_open else ""
    rest += "ORDER BY id" if connection.dialect.name == "sqlite" else "ORDER BY id FOR UPDATE"
    return [alert_of(row[0]) for row in select_in(connection, "SELECT body FROM alerts", column, sorted(values), rest)]


def hold_all(connection: Connection, dedup_keys: Iterable[str], ended_since: datetime | None = None) -> None:
    """Before the first of several changes is told: lock the open alerts of all these conditions (and those that ended
    since then), in the order of their ids, and wait for whoever settles conditions elsewhere.

    Otherwise this transaction would hold the outbox, and wait for an alert whose writer waits for the outbox; or two
    would each have opened what the other is about to open.
    """
    if connection.dialect.name != "postgresql":
        return  # SQLite has one writer
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SETTLE_LOCK)))
    rest = "AND resolved_at IS NULL ORDER BY id FOR UPDATE"
    if ended_since is not None:
        came_back = f"(closed_at IS NULL AND resolved_at IS NOT NULL AND resolved_at >= {epoch_ms(ended_since):d})"
        rest = f"AND (resolved_at IS NULL OR {came_back}) ORDER BY id FOR UPDATE"
    select_in(connection, "SELECT id FROM alerts", "dedup_key", sorted(set(dedup_keys)), rest)


def ended_lately(connection: Connection, keys: Iterable[str], since: datetime) -> list[Alert]:
    """The alerts of these conditions that ended since then and are not closed, the newest last; locked."""
    rest = f"AND closed_at IS NULL AND resolved_at IS NOT NULL AND resolved_at >= {epoch_ms(since):d} ORDER BY "
    rest += "resolved_at, id" + ("" if connection.dialect.name == "sqlite" else " FOR UPDATE")
    found = select_in(connection, "SELECT body FROM alerts", "dedup_key", sorted(keys), rest)
    return [alert_of(row[0]) for row in found]


def _steps(changes: Sequence[AlertChange], present: dict[str, Alert]) -> list[Step]:
    steps = []
    for change in changes:
        stored = present.get(change.alert.id)
        alert = change.alert if change.kind == "fired" else merged(stored, change) if stored else None
        if alert is not None:
            present[alert.id] = alert
            steps.append((change, alert, body_of(alert, change.at), int(stored.level) if stored else None))
    return steps


def _write_rows(connection: Connection, last: Mapping[str, tuple[Alert, bytes]], new: set[str]) -> None:
    rows = [_row(alert, body) for alert, body in last.values()]
    updates = [row for row in rows if row[-1] not in new] if len(new) < len(rows) else []
    # what ends goes first: its condition may fire again in the same step
    ended = _ALERT.index("resolved_at")
    update_rows(connection, ALERTS, _ALERT[:-1], [row for row in updates if row[ended] is not None])
    update_rows(connection, ALERTS, _ALERT[:-1], [row for row in updates if row[ended] is None])
    insert_rows(connection, ALERTS, _ALERT, [row for row in rows if row[-1] in new])


def _row(alert: Alert, body: bytes) -> Row:
    return (
        alert.dedup_key, alert.source, int(alert.level), _ms(alert.fired_at), _ms(alert.expires_at),
        _ms(alert.resolved_at), _ms(alert.acknowledged_at), alert.incident_id, _ms(alert.shelved_until),
        _ms(alert.closed_at), body, alert.id,
    )  # fmt: skip


def _history_row(change: AlertChange, alert: Alert, body: bytes, was_level: int | None) -> Row:
    return (
        alert.id, alert.version, change.kind, _ms(change.at), change.who, change.detail, body, int(alert.level),
        was_level, alert.status != "Actual", topic_of(alert),
    )  # fmt: skip


@lru_cache(maxsize=4_096)  # a burst has few moments
def _ms(moment: datetime | None) -> Any:
    return None if moment is None else epoch_ms(moment)
