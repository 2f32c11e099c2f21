"""The queue of messages in the database: results and escalation."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dispatch.model import LedgerRow, Person, PersonState, to_plain
from dispatch.states import WAITING
from dispatch.stores import LogEntry, NewRow, Outcome, OverdueRow
from hub.dispatch_claims import ClaimRows, settle
from hub.dispatch_incidents import write_log
from hub.dispatch_rows import insert_rows, read_row, rows_where, tell_row, totals_for
from hub.outbox import tell
from hub.roster_store import person_by_id
from hub.tables.dispatch import CALL_ATTEMPTS, CALL_ROWS, CALLS

_A = CALL_ATTEMPTS.c


class AttemptRows(ClaimRows):
    """`dispatch.stores.AttemptStore` on SQLAlchemy."""

    def finish(self, outcomes: Sequence[Outcome], now: datetime) -> None:
        """Store results and tell the rows they changed, in one transaction."""
        with self._database.write() as connection:
            touched = [item.attempt.row_id for item in outcomes if self._store(connection, item, now)]
            rows = sorted(set(touched))
            calls = {row_id: settle(connection, row_id, now) for row_id in rows}
            totals = {call_id: totals_for(connection, call_id) for call_id in set(calls.values())}
            for row_id in rows:
                call_id = calls[row_id]
                body = {"call_id": call_id, "row": to_plain(read_row(connection, row_id)), "totals": totals[call_id]}
                tell(connection, "calls", "call.row", now, body)

    def _store(self, connection: Connection, outcome: Outcome, now: datetime) -> bool:
        """A message that went out did go out, whoever holds the attempt now; a failure counts only from its holder."""
        attempt = outcome.attempt
        mine = [_A.id == attempt.id]
        if outcome.ok:
            mine.append(_A.state != "sent")
            values: dict[str, Any] = {"state": "sent"}
        else:
            mine += [_A.state == "sending", _A.claims == attempt.claim]
            values = {"state": "queued", "due_at": outcome.retry_at} if outcome.retry_at else {"state": "failed"}
        values |= {"at": now, "detail": outcome.detail, "lease_until": None, "holder": None}
        return bool(connection.execute(sa.update(CALL_ATTEMPTS).where(*mine).values(**values)).rowcount)

    def overdue(self, now: datetime, limit: int) -> list[OverdueRow]:
        """Rows of active calls past `confirm_by` without an answer, and rows no channel could reach, oldest first."""
        late = sa.and_(CALL_ROWS.c.state.in_([state.value for state in WAITING]), CALL_ROWS.c.confirm_by <= now)
        condition = sa.or_(late, CALL_ROWS.c.state == PersonState.FAILED.value)
        query = (
            sa.select(CALL_ROWS.c.id, CALL_ROWS.c.call_id, CALL_ROWS.c.deputy_id, CALL_ROWS.c.confirm_within_s)
            .join(CALLS, CALLS.c.id == CALL_ROWS.c.call_id)
            .where(CALLS.c.status == "active", condition)
            .order_by(CALL_ROWS.c.confirm_by, CALL_ROWS.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            found = connection.execute(query).all()
            rows: dict[str, LedgerRow] = {}
            for group in rows_where(connection, CALL_ROWS.c.id.in_([item.id for item in found])).values():
                rows.update({row.id: row for row in group})
        # a row may have moved on between the two statements: `escalate` looks again under its lock
        return [OverdueRow(rows[item.id], item.call_id, item.deputy_id, item.confirm_within_s) for item in found]

    def escalate(self, overdue: OverdueRow, deputy: NewRow | None, note: str, now: datetime) -> bool:
        """Mark the row escalated and add the deputy's; False when somebody was quicker or the person has answered."""
        row, call_id = overdue.row, overdue.call_id
        with self._database.write() as connection:
            lock = sa.select(CALLS.c.incident_id).where(CALLS.c.id == call_id, CALLS.c.status == "active")
            incident_id = connection.execute(lock.with_for_update()).scalar() or ""
            silent = CALL_ROWS.c.state.in_([state.value for state in (*WAITING, PersonState.FAILED)])
            same = sa.and_(CALL_ROWS.c.id == row.id, silent)
            values = {"state": PersonState.ESCALATED.value, "since": now}
            changed = incident_id and connection.execute(sa.update(CALL_ROWS).where(same).values(**values)).rowcount
            if not changed:
                return False
            target, note = self._deputy_row(connection, call_id, deputy, note, now)
            link = {"escalated_to": target, "note": note}
            connection.execute(sa.update(CALL_ROWS).where(CALL_ROWS.c.id == row.id).values(**link))
            detail = {"call_id": call_id, "row_id": row.id, "to": target}
            entry = LogEntry(now, "system", "call.escalated", f"{row.unit}{row.name}:{note}", detail)
            write_log(connection, incident_id, entry)
            for row_id in filter(None, (row.id, target)):
                tell_row(connection, call_id, row_id, now)
            return True

    def _deputy_row(
        self, connection: Connection, call_id: str, deputy: NewRow | None, note: str, now: datetime
    ) -> tuple[str | None, str]:
        if deputy is None:
            return None, note
        mine = sa.and_(CALL_ROWS.c.call_id == call_id, CALL_ROWS.c.person_id == deputy.person_id)
        present = connection.execute(sa.select(CALL_ROWS.c.id).where(mine)).scalar()
        if present:
            return present, f"{note};副职 {deputy.name} 已在本次叫应中,不重复发送"
        return insert_rows(connection, call_id, [deputy], now)[0], f"{note};已转呼副职 {deputy.name}"

    def person(self, person_id: str) -> Person | None:
        with self._database.read() as connection:
            return person_by_id(connection, person_id)
