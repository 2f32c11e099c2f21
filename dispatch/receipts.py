"""Receipts: a person's answer through the link in a message, or on their own task list."""

import hashlib
import re
from datetime import datetime
from typing import Any

from dispatch.model import LedgerRow, PersonState, to_plain
from dispatch.states import ACTIONS, ANSWERED, TITLES, action_state, is_ahead
from dispatch.stores import CallStore, LogEntry, RowInCall
from geodata.errors import Conflict, Forbidden, NotFound

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class Receipts:
    """Answers of called people. A token opens one ledger row until it expires; only its SHA-256 is stored."""

    def __init__(self, store: CallStore) -> None:
        self._store = store

    def view(self, token: str, now: datetime) -> dict[str, Any]:
        """What the link shows: the incident, the message, the person's state and what they may answer next."""
        found = self._by_token(token, now)
        return {
            **task_view(found),
            "title": found.incident.title,
            "text": found.call.message,
            "name": f"{found.row.unit} {found.row.name}",
        }

    def answer(self, token: str, action: str, now: datetime, via: str) -> LedgerRow:
        """Take the answer. The same one again, or an earlier one, changes nothing."""
        return self._advance(self._by_token(token, now), action, now, via)

    def tasks(self, username: str) -> list[dict[str, Any]]:
        """My calls, newest first: open ones of open incidents, then the rest."""
        views = [task_view(found) for found in self._store.rows_of(username, 100)]
        return sorted(views, key=lambda view: not view["active"])

    def answer_task(self, row_id: str, username: str, action: str, now: datetime) -> LedgerRow:
        """Answer on `/field`: only one's own rows."""
        found = self._store.row(row_id)
        if found is None:
            raise NotFound("没有这条任务;请刷新任务列表")
        if found.username != username:
            raise Forbidden("这不是您的任务,不能代为回复")
        return self._advance(found, action, now, "field")

    def _by_token(self, token: str, now: datetime) -> RowInCall:
        found = None
        if _TOKEN.fullmatch(token):
            found = self._store.row_by_receipt(hashlib.sha256(token.encode()).hexdigest())
        if found is None:
            raise NotFound("这个回执链接无效;请核对短信或邮件里的完整链接,或直接致电指挥中心")
        row, expires_at = found
        if expires_at <= now:
            raise Conflict("这个回执链接已过期;请直接致电指挥中心")
        return row

    def _advance(self, found: RowInCall, action: str, now: datetime, via: str) -> LedgerRow:
        state, row = action_state(action), found.row
        text = f"{row.unit}{row.name} {TITLES[state]}"
        detail = {"call_id": found.call.id, "row_id": row.id, "state": state.value, "via": via}
        entry = LogEntry(now, f"person:{row.person_id}", "call.answered", text, detail)
        return self._store.advance(row.id, state, now, via, entry)


def task_view(found: RowInCall) -> dict[str, Any]:
    """A ledger row for the person it names: plain values."""
    row, incident = found.row, found.incident
    active = found.call.status == "active" and row.state is not PersonState.STOOD_DOWN
    return {
        "row_id": row.id,
        "call_id": found.call.id,
        "incident": {
            **{name: getattr(incident, name) for name in ("id", "title", "type", "level", "status", "exercise")},
            "opened_at": incident.opened_at.isoformat(),
        },
        "place": incident.place,
        "lon": incident.lon,
        "lat": incident.lat,
        "message": found.call.message,
        "role": row.role,
        "why": row.why,
        "state": row.state.value,
        "state_title": TITLES[row.state],
        "since": to_plain(row.since),
        "confirm_by": to_plain(row.confirm_by),
        "answered": row.state in ANSWERED,
        "active": active,
        "exercise": found.call.exercise,
        "actions": [key for key, state in ACTIONS.items() if active and is_ahead(state, row.state)],
    }
