"""What a feed is: one way in for readings or warnings. A kind is a value here; its transport lives in `hub/feeds`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from alerts.feeds.nodes import FeedNode

Row = dict[str, Any]  # one reading as `check_observations` takes it: sensor, quantity, value, observed_at


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `rows_per_s` on average, `burst` at once. `rows_per_s` 0: no limit."""

    rows_per_s: float = 0.0
    burst: float = 0.0


@dataclass(frozen=True, slots=True)
class FeedSpec:
    """One feed of the feeds file. `own` is what its kind's `read` made of the rest; `stale_after_s` 0: never stale."""

    id: str
    kind: str
    title: str
    own: Any
    on: bool = True
    stale_after_s: float = 600.0
    limit: Limit = field(default_factory=Limit)
    exercise: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Feed:
    """A kind of feed. `carries`: readings, warnings or both; `transport`: http (posted to us), mqtt, folder or poll.

    `read` makes the kind's own part of a spec from its lines in the feeds file, listing what is wrong there; None:
    there is nothing to configure. `how` is one line for whoever wants to connect.
    """

    kind: str
    title: str
    transport: str
    carries: str
    how: str
    fields: tuple[str, ...] = ()
    read: Callable[[FeedNode], Any] | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one message says. `timeless`: it named no time, so that its rows bear the time of arrival. `problem` not
    empty: nothing of it can be used, and why."""

    rows: tuple[Row, ...] = ()
    problem: str = ""
    timeless: bool = False
    exercise: str = ""


@dataclass(frozen=True, slots=True)
class FeedsFile:
    """The feeds file as it stands. `identities`: account → its limit; `datastreams`: SensorThings id → (sensor,
    quantity), where it is not simply `sensor/quantity`."""

    feeds: tuple[FeedSpec, ...] = ()
    http_limit: Limit = field(default_factory=Limit)
    identities: Mapping[str, Limit] = field(default_factory=dict)
    http_stale_after_s: float = 600.0
    datastreams: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def active(self) -> tuple[FeedSpec, ...]:
        return tuple(spec for spec in self.feeds if spec.on)

    def limit_of(self, username: str) -> Limit:
        """The limit of an account that posts."""
        return self.identities.get(username, self.http_limit)
