"""From a preview to a call: the rows, the queued messages, the addresses as they are at the press."""

from collections.abc import Callable, Mapping
from datetime import datetime

from dispatch.model import Person, PlanEntry
from dispatch.ports import Channel, Roster
from dispatch.stores import LINK_TOKEN, NewAttempt, NewCall, NewRow, StoredPreview
from geodata.clock import new_id


def mask_address(address: str) -> str:
    """An address as the ledger shows it: e-mail keeps the first letter and the host, others the last four signs."""
    name, at, host = address.partition("@")
    if at:
        return f"{name[:1]}***@{host}"
    return f"***{address[-4:]}" if len(address) > 4 else "***"


def new_row(
    person: Person,
    channels: Mapping[str, Channel],
    *,
    role: str,
    why: str,
    confirm_within_s: int,
    only: tuple[str, ...] | None = None,
    escalated_from: str | None = None,
) -> NewRow:
    """A ledger row for `person` with one message per usable channel (`only`: those the officer saw)."""
    attempts = tuple(
        NewAttempt(key, channel.address_of(person), mask_address(channel.address_of(person)))
        for key, channel in channels.items()
        if channel.configured and channel.address_of(person) and (only is None or key in only)
    )
    return NewRow(
        person_id=person.id,
        name=person.name,
        title=person.title,
        unit=person.unit,
        role=role,
        why=why,
        deputy_id=person.deputy_id,
        username=person.username,
        confirm_within_s=confirm_within_s,
        attempts=attempts,
        escalated_from=escalated_from,
    )


def new_call(
    stored: StoredPreview,
    key: str,
    roster: Roster,
    channels: Mapping[str, Channel],
    receipt_url: Callable[[str], str],
    who: str,
    now: datetime,
    note: str,
    *,
    exercise: bool,
) -> NewCall:
    """Exactly the people and channels of the preview; addresses come from the roster of this moment."""
    preview = stored.preview
    people = {person.id: person for person in roster.all()}
    rows = tuple(_row(entry, people.get(entry.person.id), channels) for entry in preview.people)
    return NewCall(
        id=new_id("CALL", now),
        incident_id=preview.incident_id,
        idempotency_key=key,
        pressed_at=now,
        pressed_by=who,
        subject=stored.subject,
        message=preview.message,
        long_message=stored.long_message,
        link_template=receipt_url(LINK_TOKEN),
        exercise=exercise,
        rows=rows,
        preview=preview,
        note=note,
    )


def _row(entry: PlanEntry, person: Person | None, channels: Mapping[str, Channel]) -> NewRow:
    """Somebody who has left the roster since the preview stays in the ledger, without a message."""
    within_s = entry.confirm_within_s
    if person is None:
        why = f"{entry.why};已不在名录中"
        return new_row(entry.person, {}, role=entry.role, why=why, confirm_within_s=within_s)
    shown = entry.channels
    return new_row(person, channels, role=entry.role, why=entry.why, confirm_within_s=within_s, only=shown)
