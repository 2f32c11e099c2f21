"""What an incident consists of beside itself, and what a change of it is: the values and the store's port."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from dispatch.handling import Task
from dispatch.model import Incident
from dispatch.stores import LogEntry


@dataclass(frozen=True, slots=True)
class Held:
    """An incident as a transaction holds it. `elsewhere`: those of its alerts another open incident has, and which."""

    incident: Incident
    tasks: tuple[Task, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """An incident as it shall be, whole. `takes_from`: the incidents whose files and people become its own."""

    incident: Incident
    tasks: tuple[Task, ...]
    entry: LogEntry
    kind: str = "incident.updated"  # of the event that tells it
    takes_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody who works on the incident, in which role; `left_at` None: still there."""

    person_id: str
    role: str
    added_at: datetime
    added_by: str
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IncidentFile:
    """An attachment. `name` is for display only; what is kept is found by `sha256`."""

    id: str
    incident_id: str
    name: str
    media_type: str
    size: int
    sha256: str
    added_at: datetime
    added_by: str
    note: str = ""


Decide = Callable[[Sequence[Held]], Sequence[Change]]


class IncidentKeeper(Protocol):
    """Durable changes of incidents: each is one transaction with its record and its events."""

    def change(self, incident_ids: Sequence[str], decide: Decide) -> list[Incident]:
        """Lock the incidents, ask `decide` what they shall be, write all of it; the first asked for comes first.

        `Conflict` when an alert that shall be in one is in another open incident: then nothing is written."""

    def tasks_of(self, incident_ids: Sequence[str]) -> dict[str, tuple[Task, ...]]: ...

    def people_of(self, incident_id: str) -> list[Participant]: ...

    def files_of(self, incident_id: str) -> list[IncidentFile]: ...

    def parts_of(self, incident_id: str) -> list[Incident]:
        """The incidents that were merged into it, however deep."""

    def note(self, incident_id: str, entry: LogEntry) -> None: ...

    def put_person(self, incident_id: str, person: Participant, entry: LogEntry) -> None: ...

    def add_file(self, file: IncidentFile, entry: LogEntry, most_bytes: int) -> IncidentFile:
        """The stored one; the same content again gives the first. `Conflict` when the incident would pass the limit."""
