"""What the dispatch room needs from outside. What it keeps itself is in `dispatch/stores.py`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from alerts.model import Alert
from dispatch.model import Person


@dataclass(frozen=True, slots=True)
class Team:
    """A team where it was last known to be. `position_at` None: its station, not a reported position."""

    id: str
    name: str
    kind: str
    capabilities: tuple[str, ...]
    lon: float
    lat: float
    state: str = ""
    position_at: datetime | None = None


class Travel(Protocol):
    """Time and distance on the road network; None when it cannot be reached."""

    @property
    def seconds(self) -> float | None: ...

    @property
    def metres(self) -> float | None: ...


class TravelTimes(Protocol):
    """Road travel from many `points` (lon, lat) to one place, in the order given."""

    def travel_to(
        self, lon: float, lat: float, points: Sequence[tuple[float, float]], max_s: float
    ) -> Sequence[Travel]: ...


class TeamFinder(Protocol):
    """Teams around a place (straight-line nearest first), its 6-digit county code, and the asset a sensor stands at."""

    def teams_near(self, lon: float, lat: float, limit: int) -> Sequence[Team]: ...

    def county_at(self, lon: float, lat: float) -> str | None: ...

    def asset_of(self, sensor: str) -> str | None: ...


class AlertLookup(Protocol):
    """The alerts room, as the dispatch room uses it. `get` may raise `NotFound` or hand back None.

    `link_incident` takes alerts out of the incidents named in `over` (closed ones) and refuses those of any other.
    """

    def get(self, alert_id: str) -> Alert | None: ...

    def link_incident(
        self, alert_ids: Sequence[str], incident_id: str, who: str, now: datetime, over: Sequence[str] = ()
    ) -> Any: ...


class Roster(Protocol):
    """The people who can be called."""

    def get(self, person_id: str) -> Person | None: ...

    def all(self) -> Sequence[Person]: ...

    def by_username(self, username: str) -> Person | None: ...


@dataclass(frozen=True, slots=True)
class Message:
    """One message, ready for a channel. `attempt_id` is stable over retries; a drill's `title` and `text` say so."""

    attempt_id: str
    address: str
    title: str
    text: str
    link: str
    exercise: bool


@dataclass(frozen=True, slots=True)
class SendResult:
    """`ok`: the gateway took it. `detail` is for the ledger: Chinese, without names or addresses."""

    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to reach a person. `contact` is the key in `Person.contacts` that holds its address."""

    id: str
    title: str
    configured: bool
    send: Callable[[Message], SendResult]
    timeout_s: float = 10.0
    long_text: bool = False

    def address_of(self, person: Person) -> str:
        """The person's address for this channel, "" when there is none."""
        return person.contacts.get(self.id, "")
