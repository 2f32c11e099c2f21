"""Reading and writing ledger rows and attempts inside a caller's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dispatch.model import Attempt, Call, LedgerRow, PersonState, to_plain
from dispatch.plain import team_of
from dispatch.states import totals_of
from dispatch.stores import NewRow
from geodata.clock import new_id
from geodata.errors import NotFound
from hub.outbox import tell
from hub.tables.dispatch import CALL_ATTEMPTS, CALL_ROWS, CALLS

_CHUNK = 500


def insert_rows(connection: Connection, call_id: str, rows: Sequence[NewRow], now: datetime) -> list[str]:
    """Add people and their queued attempts; the new row ids. Nobody reachable: the row starts as failed."""
    first = connection.execute(
        sa.select(sa.func.coalesce(sa.func.max(CALL_ROWS.c.place_no), -1) + 1).where(CALL_ROWS.c.call_id == call_id)
    ).scalar_one()
    values = [_row_values(call_id, first + number, row, now) for number, row in enumerate(rows)]
    attempts = [
        _attempt_values(made["id"], (item.channel, item.address, item.address_masked), now)
        for made, row in zip(values, rows, strict=True)
        for item in row.attempts
    ]
    _insert_many(connection, CALL_ROWS, values)
    _insert_many(connection, CALL_ATTEMPTS, attempts)
    return [item["id"] for item in values]


def insert_attempts(
    connection: Connection, row_id: str, channels: Iterable[tuple[str, str, str]], now: datetime
) -> int:
    """Queue a message for each (channel, address, masked address); how many."""
    values = [_attempt_values(row_id, item, now) for item in channels]
    _insert_many(connection, CALL_ATTEMPTS, values)
    return len(values)


def _insert_many(connection: Connection, table: sa.Table, values: list[dict[str, Any]]) -> None:
    for start in range(0, len(values), _CHUNK):
        connection.execute(table.insert(), values[start : start + _CHUNK])


def _row_values(call_id: str, place_no: int, row: NewRow, now: datetime) -> dict[str, Any]:
    same = ("person_id", "name", "title", "unit", "role", "why", "deputy_id", "username", "confirm_within_s")
    return {
        **{name: getattr(row, name) for name in same},
        "id": new_id("ROW", now),
        "call_id": call_id,
        "place_no": place_no,
        "state": (PersonState.QUEUED if row.attempts else PersonState.FAILED).value,
        "since": now,
        "confirm_by": now + timedelta(seconds=row.confirm_within_s),
        "escalated_from": row.escalated_from,
    }


def _attempt_values(row_id: str, item: tuple[str, str, str], now: datetime) -> dict[str, Any]:
    channel, address, masked = item
    return {
        "id": new_id("MSG", now),
        "row_id": row_id,
        "channel": channel,
        "address": address,
        "address_masked": masked,
        "state": "queued",
        "at": now,
        "detail": "",
        "claims": 0,
        "due_at": now,
    }


def calls_where(connection: Connection, *conditions: Any) -> list[Call]:
    """Whole calls, newest first: three statements however many rows."""
    calls = connection.execute(sa.select(CALLS).where(*conditions).order_by(CALLS.c.pressed_at.desc())).all()
    wanted = sa.select(CALLS.c.id).where(*conditions)
    rows = rows_where(connection, CALL_ROWS.c.call_id.in_(wanted))
    return [_whole(call, rows.get(call.id, [])) for call in calls]


def _whole(call: Any, rows: list[LedgerRow]) -> Call:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.state.value] = counts.get(row.state.value, 0) + 1
    return call_of(call, tuple(rows), totals_of(counts))


def read_call(connection: Connection, call_id: str) -> Call:
    """The whole call; `NotFound` when there is none."""
    found = calls_where(connection, CALLS.c.id == call_id)
    if not found:
        raise NotFound(f"没有叫应 {call_id};它可能写错了,请回到事件查看")
    return found[0]


def read_row(connection: Connection, row_id: str) -> LedgerRow:
    """One ledger row with its attempts."""
    found = rows_where(connection, CALL_ROWS.c.id == row_id)
    if not found:
        raise NotFound("没有这条叫应记录")
    return next(iter(found.values()))[0]


def rows_where(connection: Connection, condition: Any) -> dict[str, list[LedgerRow]]:
    """Call id → its rows, in ledger order."""
    table = CALL_ATTEMPTS.c
    mine = sa.select(CALL_ROWS.c.id).where(condition)
    attempts: dict[str, list[Attempt]] = {}
    for item in connection.execute(sa.select(CALL_ATTEMPTS).where(table.row_id.in_(mine)).order_by(table.id)):
        made = Attempt(item.id, item.channel, item.address_masked, item.state, item.at, item.detail)
        attempts.setdefault(item.row_id, []).append(made)
    rows: dict[str, list[LedgerRow]] = {}
    query = sa.select(CALL_ROWS).where(condition).order_by(CALL_ROWS.c.call_id, CALL_ROWS.c.place_no, CALL_ROWS.c.id)
    for row in connection.execute(query):
        rows.setdefault(row.call_id, []).append(_ledger_row(row, attempts.get(row.id, [])))
    return rows


def _ledger_row(row: Any, attempts: list[Attempt]) -> LedgerRow:
    same = ("id", "person_id", "name", "title", "unit", "role", "why", "since", "confirm_by")
    values = {name: getattr(row, name) for name in (*same, "escalated_from", "escalated_to", "note")}
    return LedgerRow(**values, state=PersonState(row.state), attempts=tuple(attempts))


def call_of(row: Any, rows: tuple[LedgerRow, ...], totals: Mapping[str, int]) -> Call:
    """A row of `calls` as a `Call`."""
    same = ("id", "incident_id", "pressed_at", "pressed_by", "message", "exercise", "status")
    values = {name: getattr(row, name) for name in same}
    return Call(**values, rows=rows, teams=tuple(team_of(team) for team in row.teams), totals=totals)


def totals_for(connection: Connection, call_id: str) -> dict[str, int]:
    """The call's totals as the transaction sees them."""
    query = sa.select(CALL_ROWS.c.state, sa.func.count()).where(CALL_ROWS.c.call_id == call_id)
    return totals_of({row[0]: row[1] for row in connection.execute(query.group_by(CALL_ROWS.c.state))})


def tell_row(connection: Connection, call_id: str, row_id: str, now: datetime, via: str = "") -> LedgerRow:
    """Tell the row as it now stands, with the call's totals."""
    row = read_row(connection, row_id)
    totals = totals_for(connection, call_id)
    body = {"call_id": call_id, "row": to_plain(row), "totals": totals, "via": via}
    tell(connection, "calls", "call.row", now, body)
    return row
