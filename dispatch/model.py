"""Who is called, as values: people, plans, resources, calls and the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class PersonState(StrEnum):
    """A person's state in one call, best evidence so far. Order of progress: queued … on_site."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    CONFIRMED = "confirmed"
    EN_ROUTE = "en_route"
    ON_SITE = "on_site"
    FAILED = "failed"  # no channel could take the message
    ESCALATED = "escalated"  # did not confirm in time; the deputy is being called
    STOOD_DOWN = "stood_down"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be called. `contacts` maps a channel id to an address; sample ones cannot be dialled.

    `roles` are plan roles (指挥, 城管, 水利 …); `unit_code` a 6-digit district or unit code; `deputy_id` is who is
    called when this one does not confirm in time. `duties` lists asset ids this person is named responsible for.
    """

    id: str
    name: str
    title: str
    unit: str
    unit_code: str
    roles: tuple[str, ...]
    contacts: Mapping[str, str]
    deputy_id: str | None = None
    on_duty: bool = True
    team_id: str | None = None
    duties: tuple[str, ...] = ()
    username: str | None = None


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """One line of a preview: who, why, by which channels; or which team, how far, why."""

    person: Person
    role: str
    why: str
    channels: tuple[str, ...]
    confirm_within_s: int
    missing: str = ""  # e.g. "无可用渠道": shown, never hidden


@dataclass(frozen=True, slots=True)
class TeamChoice:
    """A team with its travel time on the road network, chosen or passed over, and why. `eta_s` None: unreachable."""

    team_id: str
    name: str
    kind: str
    capabilities: tuple[str, ...]
    lon: float
    lat: float
    eta_s: float | None
    distance_m: float | None
    chosen: bool
    why: str
    position_age_s: float | None = None


@dataclass(frozen=True, slots=True)
class PlanPreview:
    """What one key would do now. `idempotency_key` is made once per preview: pressing twice calls once."""

    incident_id: str
    plan_id: str
    plan_title: str
    level: str
    message: str
    people: tuple[PlanEntry, ...]
    teams: tuple[TeamChoice, ...]
    missing: tuple[str, ...]
    idempotency_key: str
    made_at: datetime
    notice: str = ""  # whose signed notice the message is; "" when it is the plan's own text


@dataclass(frozen=True, slots=True)
class Incident:
    """What is being handled: one or more alerts, one place, one type and level (Ⅰ–Ⅳ)."""

    id: str
    title: str
    type: str
    level: str
    status: str  # open | closed
    lon: float | None
    lat: float | None
    place: str
    opened_at: datetime
    opened_by: str
    exercise: bool
    alert_ids: tuple[str, ...] = ()
    closed_at: datetime | None = None
    closed_why: str | None = None
    merged_into: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One message by one channel to one person; every attempt is kept."""

    id: str
    channel: str
    address_masked: str
    state: str  # queued | sending | sent | failed
    at: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One person in one call, with their attempts."""

    id: str
    person_id: str
    name: str
    title: str
    unit: str
    role: str
    why: str
    state: PersonState
    since: datetime
    confirm_by: datetime | None
    attempts: tuple[Attempt, ...] = ()
    escalated_from: str | None = None
    escalated_to: str | None = None
    note: str = ""  # what the system did about it, for the officer


@dataclass(frozen=True, slots=True)
class Call:
    """One press of the key: its ledger and its totals."""

    id: str
    incident_id: str
    pressed_at: datetime
    pressed_by: str
    message: str
    exercise: bool
    status: str  # active | done
    rows: tuple[LedgerRow, ...] = ()
    teams: tuple[TeamChoice, ...] = ()
    totals: Mapping[str, int] = field(default_factory=dict)


def to_plain(value: Any) -> Any:
    """Nested dataclasses, enums, tuples and times as plain JSON values (times as ISO 8601 with offset)."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return value.value
    if hasattr(value, "__dataclass_fields__"):
        return {name: to_plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value
