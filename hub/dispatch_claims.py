"""Who sends which message: claims with a short lease, renewed while the sender lives, given up when it keeps dying."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dispatch.model import PersonState
from dispatch.states import ANSWERED, RANK
from dispatch.stores import LINK_TOKEN, MAX_CLAIMS, DueAttempt
from hub.database import Database
from hub.dispatch_rows import tell_row
from hub.tables.dispatch import CALL_ATTEMPTS, CALL_ROWS, CALLS, RECEIPTS

RECEIPT_HOURS = 24
_A = CALL_ATTEMPTS.c


class ClaimRows:
    """The claiming half of `dispatch.stores.AttemptStore` on SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, now: datetime, limit: int, holder: str, lease_s: float) -> list[DueAttempt]:
        """Up to `limit` due attempts become this holder's until the lease ends; rivals skip them.

        Each gets a fresh receipt token: only its SHA-256 is stored, and tokens sent earlier stay good. Attempts whose
        senders died come in ever smaller lots, from the second time behind all others: one message that kills its
        sender takes no other along.
        """
        due = sa.or_(sa.and_(_A.state == "queued", _A.due_at <= now), _orphaned(now))
        with self._database.read() as connection:  # mostly there is nothing: asked ten times a second
            if connection.execute(sa.select(_A.id).where(due).limit(1)).first() is None:
                return []
        with self._database.write() as connection:
            self._drop_needless(connection, now)
            self._give_up(connection, now)
            suspect = sa.and_(_A.state == "sending", _A.claims > 1)
            order = (sa.case((suspect, 1), else_=0), _A.due_at, _A.id)
            query = sa.select(_A.id, _A.state, _A.claims).where(due).order_by(*order).limit(limit)
            ids = _lot(connection.execute(query.with_for_update(skip_locked=True)).all(), limit)
            if not ids:
                return []
            lease = now + timedelta(seconds=lease_s)
            taken = {"state": "sending", "holder": holder, "lease_until": lease, "claims": _A.claims + 1, "at": now}
            connection.execute(sa.update(CALL_ATTEMPTS).where(_A.id.in_(ids)).values(**taken))
            return _with_links(connection, ids, now)

    def renew(self, held: Sequence[DueAttempt], holder: str, now: datetime, lease_s: float) -> int:
        """Hold on to what is still being sent; how many were still this holder's. A lease never gets shorter."""
        until = now + timedelta(seconds=lease_s)
        mine = (_A.id.in_([attempt.id for attempt in held]), _A.state == "sending", _A.holder == holder)
        with self._database.write() as connection:
            change = sa.update(CALL_ATTEMPTS).where(*mine, _A.lease_until < until).values(lease_until=until)
            return int(connection.execute(change).rowcount)

    def release_gone(self, is_gone: Callable[[str], bool], now: datetime) -> int:
        """Free what holders that `is_gone` were sending: their leases need not be waited for. How many."""
        held = sa.and_(_A.state == "sending", _A.lease_until > now)
        with self._database.read() as connection:
            holders = connection.execute(sa.select(_A.holder).where(held).distinct()).scalars().all()
        gone = [holder for holder in holders if holder and is_gone(holder)]
        if not gone:
            return 0
        with self._database.write() as connection:
            change = sa.update(CALL_ATTEMPTS).where(held, _A.holder.in_(gone)).values(lease_until=now)
            return int(connection.execute(change).rowcount)

    def _drop_needless(self, connection: Connection, now: datetime) -> None:
        """Whoever has answered, or was stood down, gets no further message."""
        states = [state.value for state in ANSWERED]
        idle = sa.or_(_A.state == "queued", _orphaned(now))
        answered = sa.select(CALL_ROWS.c.id).where(CALL_ROWS.c.id == _A.row_id, CALL_ROWS.c.state.in_(states))
        dropped = {"state": "failed", "at": now, "detail": "本人已回复或叫应已解除,未再发送"}
        change = sa.update(CALL_ATTEMPTS).where(idle, answered.exists())
        connection.execute(change.values(**dropped))

    def _give_up(self, connection: Connection, now: datetime) -> None:
        """A message whose sender died with it too often is sent no more; its person goes to the deputy."""
        detail = f"发送进程连续中断 {MAX_CLAIMS} 次,已停止发送;是否送达不明"
        values = {"state": "failed", "at": now, "detail": detail, "lease_until": None, "holder": None}
        change = sa.update(CALL_ATTEMPTS).where(_orphaned(now), _A.claims >= MAX_CLAIMS).values(**values)
        for row_id in sorted(set(connection.execute(change.returning(_A.row_id)).scalars())):
            tell_row(connection, settle(connection, row_id, now), row_id, now)


def settle(connection: Connection, row_id: str, now: datetime) -> str:
    """The row's state from its attempts: sent when one went out, failed when none can any more. The call's id."""
    query = sa.select(CALL_ROWS.c.call_id, CALL_ROWS.c.state).where(CALL_ROWS.c.id == row_id)
    row = connection.execute(query.with_for_update()).one()
    states = set(connection.execute(sa.select(_A.state).where(_A.row_id == row_id)).scalars())
    new = PersonState.SENT if "sent" in states else PersonState.FAILED if states == {"failed"} else None
    if new is not None and RANK[new] > RANK[PersonState(row.state)]:
        change = sa.update(CALL_ROWS).where(CALL_ROWS.c.id == row_id)
        connection.execute(change.values(state=new.value, since=now))
    return str(row.call_id)


def _orphaned(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(_A.state == "sending", _A.lease_until <= now)


def _lot(candidates: Sequence[Any], limit: int) -> list[str]:
    """The first candidates, as many as the one that has lost the most senders allows: 16, 4, then one at a time."""
    ids: list[str] = []
    for one in candidates:
        if one.state == "sending":
            limit = min(limit, max(1, 64 >> 2 * one.claims))
        if len(ids) >= limit:
            break
        ids.append(one.id)
    return ids


def _with_links(connection: Connection, ids: Sequence[str], now: datetime) -> list[DueAttempt]:
    query = (
        sa.select(CALL_ATTEMPTS, CALLS.c.subject, CALLS.c.message, CALLS.c.long_message, CALLS.c.link_template)
        .add_columns(CALLS.c.exercise)
        .join(CALL_ROWS, CALL_ROWS.c.id == _A.row_id)
        .join(CALLS, CALLS.c.id == CALL_ROWS.c.call_id)
        .where(_A.id.in_(ids))
        .order_by(_A.due_at, _A.id)
    )
    found, receipts = [], []
    expires_at = now + timedelta(hours=RECEIPT_HOURS)
    for row in connection.execute(query):
        token = secrets.token_urlsafe(32)
        hashed = hashlib.sha256(token.encode()).hexdigest()
        receipts.append({"token_hash": hashed, "row_id": row.row_id, "expires_at": expires_at})
        link = row.link_template.replace(LINK_TOKEN, token)
        text = (row.subject, row.message, row.long_message, link)
        found.append(DueAttempt(row.id, row.row_id, row.channel, row.address, *text, row.exercise, row.claims))
    connection.execute(RECEIPTS.insert(), receipts)
    return found
