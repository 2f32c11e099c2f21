"""What the dispatch room keeps: the records it hands to the store, and the store's ports."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from dispatch.model import Call, Incident, LedgerRow, Person, PersonState, PlanPreview

if TYPE_CHECKING:
    from dispatch.handling import Task
    from dispatch.incident_held import Change, Held

LINK_TOKEN = "RECEIPT-TOKEN"  # noqa: S105 - the placeholder, not a secret
MAX_CLAIMS = 5  # how often a message is begun, whether it fails or its sender dies


@dataclass(frozen=True, slots=True)
class NewAttempt:
    """A message to be queued: by which channel, to which address (kept in the database only)."""

    channel: str
    address: str
    address_masked: str


@dataclass(frozen=True, slots=True)
class NewRow:
    """A person to be added to a ledger, with the first round of attempts."""

    person_id: str
    name: str
    title: str
    unit: str
    role: str
    why: str
    deputy_id: str | None
    username: str | None
    confirm_within_s: int
    attempts: tuple[NewAttempt, ...] = ()
    escalated_from: str | None = None


@dataclass(frozen=True, slots=True)
class NewCall:
    """One press, ready to be stored whole. `link_template` holds `LINK_TOKEN` where a receipt token goes."""

    id: str
    incident_id: str
    idempotency_key: str
    pressed_at: datetime
    pressed_by: str
    subject: str
    message: str
    long_message: str
    link_template: str
    exercise: bool
    rows: tuple[NewRow, ...]
    preview: PlanPreview
    note: str = ""


@dataclass(frozen=True, slots=True)
class DueAttempt:
    """An attempt this worker holds until its lease ends. `claim` numbers the claims: a stale one cannot report."""

    id: str
    row_id: str
    channel: str
    address: str
    title: str
    message: str
    long_message: str
    link: str
    exercise: bool
    claim: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a claimed attempt. `retry_at` set: queued again for that time; otherwise final."""

    attempt: DueAttempt
    ok: bool
    detail: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OverdueRow:
    """A row whose person did not confirm in time, with what is needed to call the deputy."""

    row: LedgerRow
    call_id: str
    deputy_id: str | None
    confirm_within_s: int


@dataclass(frozen=True, slots=True)
class StoredPreview:
    """A preview with the long message and subject that go with it."""

    preview: PlanPreview
    subject: str
    long_message: str


@dataclass(frozen=True, slots=True)
class RowInCall:
    """A ledger row with the call and incident it belongs to."""

    row: LedgerRow
    call: Call  # without rows
    incident: Incident
    username: str | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of an incident's record. `kind`: incident.opened, call.started, call.answered, call.escalated …"""

    at: datetime
    who: str
    kind: str
    text: str
    detail: Mapping[str, Any] = field(default_factory=dict)


class IncidentStore(Protocol):
    """Durable incidents and their record. Every change and its event are one transaction."""

    def open_incident(self, incident: Incident, entry: LogEntry, tasks: Sequence["Task"] = ()) -> Incident:
        """Store it with its steps, or give the open incident that has one of its alerts (with the others added)."""

    def incident(self, incident_id: str) -> Incident | None: ...

    def incidents(self, status: str | None, limit: int) -> list[Incident]: ...

    def change(
        self, incident_ids: Sequence[str], decide: Callable[[Sequence["Held"]], Sequence["Change"]]
    ) -> list[Incident]:
        """See `dispatch.incident_held.IncidentKeeper.change`."""

    def log(self, incident_id: str) -> list[LogEntry]: ...

    def add_log(self, incident_id: str, entry: LogEntry) -> None: ...

    def save_preview(self, stored: StoredPreview, expires_at: datetime) -> None: ...

    def preview(self, incident_id: str, key: str, now: datetime) -> StoredPreview | None: ...


class CallStore(Protocol):
    """Durable calls: ledger, attempts, receipts."""

    def start_call(self, call: NewCall) -> tuple[Call, bool]:
        """Rows, attempts, record and events in one transaction; (the stored one, False) if the key was used."""

    def call_by_key(self, incident_id: str, key: str) -> Call | None: ...

    def call(self, call_id: str) -> Call | None: ...

    def calls(self, incident_id: str | None, status: str | None) -> list[Call]: ...

    def stand_down(self, call_id: str, who: str, now: datetime) -> Call: ...

    def recall_unanswered(self, call_id: str, who: str, now: datetime) -> Call: ...

    def row(self, row_id: str) -> RowInCall | None: ...

    def row_by_receipt(self, token_hash: str) -> tuple[RowInCall, datetime] | None: ...

    def rows_of(self, username: str, limit: int) -> list[RowInCall]: ...

    def advance(self, row_id: str, state: PersonState, now: datetime, via: str, entry: LogEntry) -> LedgerRow:
        """Move the row forward to `state`; a state not ahead of the present one changes nothing."""


class AttemptStore(Protocol):
    """The queue of messages."""

    def claim(self, now: datetime, limit: int, holder: str, lease_s: float) -> list[DueAttempt]: ...

    def renew(self, held: Sequence[DueAttempt], holder: str, now: datetime, lease_s: float) -> int:
        """Hold on to what is still being sent; how many were still this holder's."""

    def release_gone(self, is_gone: Callable[[str], bool], now: datetime) -> int:
        """Free what holders that `is_gone` were sending, before their leases end; how many."""

    def finish(self, outcomes: Sequence[Outcome], now: datetime) -> None: ...

    def overdue(self, now: datetime, limit: int) -> list[OverdueRow]: ...

    def escalate(self, overdue: OverdueRow, deputy: NewRow | None, note: str, now: datetime) -> bool: ...

    def person(self, person_id: str) -> Person | None: ...


class DispatchStore(IncidentStore, CallStore, AttemptStore, Protocol):
    """Everything the room keeps."""
