"""Calls, ledgers and receipts in the database."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dispatch.model import Call, LedgerRow, PersonState, to_plain
from dispatch.states import ANSWERED, is_ahead
from dispatch.stores import LogEntry, NewCall, RowInCall
from geodata.errors import Conflict, NotFound
from hub.database import Database
from hub.dispatch_incidents import family, read_incident, write_log
from hub.dispatch_rows import (
    call_of,
    calls_where,
    insert_attempts,
    insert_rows,
    read_call,
    read_row,
    tell_row,
)
from hub.outbox import tell
from hub.tables.dispatch import CALL_ATTEMPTS, CALL_ROWS, CALLS, INCIDENTS, RECEIPTS


class CallRows:
    """`dispatch.stores.CallStore` on SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start_call(self, call: NewCall) -> tuple[Call, bool]:
        """The unique (incident, key) decides: the second of two presses waits for the first, then reads its call."""
        with self._database.write() as connection:
            insert = self._database.insert(CALLS).on_conflict_do_nothing()
            made = connection.execute(insert.values(**_call_values(call)).returning(CALLS.c.id)).scalar()
            if made is None:
                found = _by_key(connection, call.incident_id, call.idempotency_key)
                assert found is not None
                return found, False
            lock = sa.select(INCIDENTS.c.id).where(INCIDENTS.c.id == call.incident_id)
            connection.execute(lock.with_for_update(key_share=True)).all()  # a call begins before an end, or not at all
            if read_incident(connection, call.incident_id).status != "open":
                raise Conflict("事件已经结束,不能再叫应;如需叫应请重新开立事件")
            insert_rows(connection, call.id, list(call.rows), call.pressed_at)
            stored = read_call(connection, call.id)
            write_log(connection, call.incident_id, _started(call))
            tell(connection, "calls", "call.started", call.pressed_at, {"call": to_plain(stored)})
            return stored, True

    def call_by_key(self, incident_id: str, key: str) -> Call | None:
        with self._database.read() as connection:
            return _by_key(connection, incident_id, key)

    def call(self, call_id: str) -> Call | None:
        with self._database.read() as connection:
            return next(iter(calls_where(connection, CALLS.c.id == call_id)), None)

    def calls(self, incident_id: str | None = None, status: str | None = None) -> list[Call]:
        """Newest first, whole; an incident's calls are also those of the incidents merged into it."""
        conditions = []
        if status is not None:
            conditions.append(CALLS.c.status == status)
        with self._database.read() as connection:
            if incident_id is not None:
                conditions.append(CALLS.c.incident_id.in_(family(connection, incident_id)))
            return calls_where(connection, *conditions)

    def stand_down(self, call_id: str, who: str, now: datetime) -> Call:
        """Queued messages are dropped, every row is stood down, the call is done. A second time changes nothing."""
        with self._database.write() as connection:
            incident_id = _lock_call(connection, call_id)
            change = sa.update(CALLS).where(CALLS.c.id == call_id, CALLS.c.status == "active").values(status="done")
            if not connection.execute(change).rowcount:
                return read_call(connection, call_id)
            mine = sa.select(CALL_ROWS.c.id).where(CALL_ROWS.c.call_id == call_id)
            queued = sa.and_(CALL_ATTEMPTS.c.row_id.in_(mine), CALL_ATTEMPTS.c.state == "queued")
            dropped = {"state": "failed", "at": now, "detail": "叫应已解除,未再发送"}
            connection.execute(sa.update(CALL_ATTEMPTS).where(queued).values(**dropped))
            down = {"state": PersonState.STOOD_DOWN.value, "since": now}
            connection.execute(sa.update(CALL_ROWS).where(CALL_ROWS.c.call_id == call_id).values(**down))
            write_log(connection, incident_id, LogEntry(now, who, "call.stood_down", "解除叫应", {"call_id": call_id}))
            call = read_call(connection, call_id)
            tell(connection, "calls", "call.stood_down", now, {"call": to_plain(call)})
            return call

    def recall_unanswered(self, call_id: str, who: str, now: datetime) -> Call:
        """A new round of messages to everybody who has not answered; a message still in flight is not doubled."""
        with self._database.write() as connection:
            incident_id = _lock_call(connection, call_id)
            call = read_call(connection, call_id)
            if call.status != "active":
                raise Conflict("叫应已解除,不能补叫;如需再叫请在事件里重新一键叫应")
            silent = [row for row in call.rows if row.state not in ANSWERED]
            told = [row for row in silent if insert_attempts(connection, row.id, self._again(connection, row), now)]
            text = f"补叫未确认的 {len(told)} 人"
            write_log(connection, incident_id, LogEntry(now, who, "call.recalled", text, {"call_id": call_id}))
            for row in told:
                tell_row(connection, call_id, row.id, now)
            return read_call(connection, call_id)

    def _again(self, connection: Connection, row: LedgerRow) -> list[tuple[str, str, str]]:
        table = CALL_ATTEMPTS.c
        query = sa.select(table.channel, table.address, table.address_masked, table.state)
        found = connection.execute(query.where(table.row_id == row.id)).all()
        busy = {item.channel for item in found if item.state in ("queued", "sending")}
        last = {item.channel: (item.channel, item.address, item.address_masked) for item in found}
        return [values for channel, values in last.items() if channel not in busy]

    def row(self, row_id: str) -> RowInCall | None:
        with self._database.read() as connection:
            return _row_in_call(connection, row_id)

    def row_by_receipt(self, token_hash: str) -> tuple[RowInCall, datetime] | None:
        """The row a receipt belongs to, and when the receipt expires."""
        with self._database.read() as connection:
            receipt = connection.execute(sa.select(RECEIPTS).where(RECEIPTS.c.token_hash == token_hash)).first()
            found = _row_in_call(connection, receipt.row_id) if receipt else None
        return (found, receipt.expires_at) if receipt and found else None

    def rows_of(self, username: str, limit: int = 100) -> list[RowInCall]:
        """This person's rows, newest first."""
        query = sa.select(CALL_ROWS.c.id).where(CALL_ROWS.c.username == username)
        with self._database.read() as connection:
            ids = connection.execute(query.order_by(CALL_ROWS.c.id.desc()).limit(limit)).scalars().all()
            found = [_row_in_call(connection, row_id) for row_id in ids]
        return [item for item in found if item is not None]

    def advance(self, row_id: str, state: PersonState, now: datetime, via: str, entry: LogEntry) -> LedgerRow:
        with self._database.write() as connection:
            query = sa.select(CALL_ROWS.c.call_id, CALL_ROWS.c.state).where(CALL_ROWS.c.id == row_id)
            found = connection.execute(query.with_for_update()).first()
            if found is None:
                raise NotFound("没有这条叫应记录")
            present = PersonState(found.state)
            if present is PersonState.STOOD_DOWN and state is not PersonState.STOOD_DOWN:
                raise Conflict("本次叫应已经解除,不需要再回复")
            if not is_ahead(state, present):
                return read_row(connection, row_id)
            change = sa.update(CALL_ROWS).where(CALL_ROWS.c.id == row_id).values(state=state.value, since=now)
            connection.execute(change)
            incident_id = connection.execute(sa.select(CALLS.c.incident_id).where(CALLS.c.id == found.call_id)).scalar()
            write_log(connection, incident_id or "", entry)
            return tell_row(connection, found.call_id, row_id, now, via=via)


def _call_values(call: NewCall) -> dict[str, Any]:
    same = ("id", "incident_id", "idempotency_key", "pressed_at", "pressed_by", "subject", "message", "long_message")
    values = {name: getattr(call, name) for name in (*same, "link_template", "exercise")}
    return {**values, "status": "active", "teams": to_plain(call.preview.teams)}


def _started(call: NewCall) -> LogEntry:
    people, teams = len(call.rows), sum(team.chosen for team in call.preview.teams)
    text = f"一键叫应:{people} 人,{teams} 支队伍" + (f"。{call.note}" if call.note else "")
    return LogEntry(call.pressed_at, call.pressed_by, "call.started", text, {"call_id": call.id})


def _by_key(connection: Connection, incident_id: str, key: str) -> Call | None:
    conditions = (CALLS.c.incident_id == incident_id, CALLS.c.idempotency_key == key)
    return next(iter(calls_where(connection, *conditions)), None)


def _lock_call(connection: Connection, call_id: str) -> str:
    query = sa.select(CALLS.c.incident_id).where(CALLS.c.id == call_id)
    incident_id: str | None = connection.execute(query.with_for_update()).scalar()
    if incident_id is None:
        raise NotFound(f"没有叫应 {call_id};它可能写错了,请回到事件查看")
    return incident_id


def _row_in_call(connection: Connection, row_id: str) -> RowInCall | None:
    query = sa.select(CALLS, CALL_ROWS.c.username).join(CALL_ROWS, CALL_ROWS.c.call_id == CALLS.c.id)
    found = connection.execute(query.where(CALL_ROWS.c.id == row_id)).first()
    if found is None:
        return None
    incident = read_incident(connection, found.incident_id)
    return RowInCall(read_row(connection, row_id), call_of(found, (), {}), incident, found.username)
