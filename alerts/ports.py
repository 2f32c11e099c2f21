"""What the alerts room needs from outside. Adapters live in `hub/`; fakes in tests subclass these."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from alerts.model import Alert, AlertChange
from alerts.silences import Silence


@dataclass(frozen=True, slots=True)
class ReadingBatch:
    """Accepted readings of one quantity, as columns of equal length n.

    `sensor_no`: int32 (n,), the registry's stable number; `value`: float64 (n,), in the quantity's unit;
    `observed_ms`: int64 (n,), epoch milliseconds UTC. `exercise` names the drill they belong to, "" when real.
    """

    quantity: str
    sensor_no: npt.NDArray[np.int32]
    value: npt.NDArray[np.float64]
    observed_ms: npt.NDArray[np.int64]
    received_ms: int
    exercise: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """One refused input: where it came from, which row, why, and the original (cut to 4,000 characters)."""

    source: str
    index: int
    reason: str
    original: str
    at: datetime


class CapOriginals(Protocol):
    """Where received CAP messages are kept as they came."""

    def keep(self, sender: str, identifier: str, document: bytes, now: datetime) -> None: ...


class RejectStore(Protocol):
    """Keeps what was refused, so that nothing is lost."""

    def add(self, rejects: Iterable[Reject]) -> None: ...

    def latest(self, limit: int = 200, source: str | None = None) -> list[Reject]: ...


class AlertStore(Protocol):
    """Durable alerts. `apply` commits all changes and their outbox events in one transaction, or none."""

    def open_alerts(self) -> list[Alert]: ...

    def recently_resolved(self, since: datetime) -> list[Alert]:
        """Ended since then and not closed, those that ended first before the others."""

    def closable(self, before: datetime, open_incidents: Collection[str], limit: int) -> list[Alert]:
        """Ended before then, not closed, and in none of `open_incidents`; at most `limit`, the oldest first."""

    def get(self, alert_id: str) -> Alert | None: ...

    def by_identifier(self, identifier: str) -> list[Alert]: ...

    def find(self, *, states: Sequence[str], limit: int, before: str | None, at: datetime) -> list[Alert]: ...

    def history(self, alert_id: str) -> list[Mapping[str, Any]]: ...

    def as_of(self, at: datetime) -> list[Alert]:
        """The alerts that were open at a past moment, as they stood then."""

    def apply(
        self,
        changes: Sequence[AlertChange],
        rule_states: Mapping[tuple[str, int], Mapping[str, Any]] | None = None,
        fence: tuple[str, int] | None = None,
    ) -> None:
        """`rule_states`: (rule id, sensor number) → the kernel's state after this step, None-able values only JSON.
        `fence`: (lease name, token); a token that is no longer the lease's raises `Conflict` and stores nothing."""

    def rule_states(self) -> dict[tuple[str, int], Mapping[str, Any]]: ...


class SilenceStore(Protocol):
    """Durable silences; each change is committed with its event before it answers."""

    def add(self, silence: Silence) -> None: ...

    def get(self, silence_id: str) -> Silence | None: ...

    def end(self, silence_id: str, who: str, why: str, now: datetime) -> Silence:
        """End it now. Raises `NotFound`, or `Conflict` when it is over already."""

    def active(self, now: datetime) -> list[Silence]:
        """In force at `now`, which may be a past moment: then as it was."""

    def listed(self, limit: int = 200) -> list[Silence]:
        """Newest first, those that are over too."""


class ReadingStore(Protocol):
    """Durable readings: history keyed by (sensor, quantity, observed time), so that repeats change nothing."""

    def add(self, batch: ReadingBatch) -> int:
        """Store the batch; returns how many rows were new. `latest` moves forward in observed time only."""

    def latest(self) -> dict[str, ReadingBatch]:
        """The latest reading of every sensor, by quantity."""

    def series(
        self, sensor_no: int, quantity: str, since: datetime, until: datetime, exercise: str = ""
    ) -> list[tuple[datetime, float]]: ...

    def window(
        self,
        quantity: str,
        since: datetime,
        until: datetime,
        sensor_nos: Sequence[int] | None = None,
        exercise: str = "",
        limit: int = 5_000_000,
    ) -> ReadingBatch:
        """The readings from `since` to `until`, both included, oldest first, at most the newest `limit`; of the given
        sensors, or of all. `received_ms` is the newest observed time, or that of `since` when there is none."""


class SensorRegistry(Protocol):
    """Stable numbers for sensor ids: given once, never reused."""

    def numbers(self) -> Mapping[str, int]: ...

    def register(self, sensor_ids: Iterable[str]) -> None: ...


class ReadingBus(Protocol):
    """The stream between intake and engine; at least once, oldest first."""

    def publish(self, batch: ReadingBatch) -> None: ...


class Places(Protocol):
    """Where a place lies among the city's layers. `NotFound` when a layer has no data."""

    def inside(self, layer: str, lon: float, lat: float, ids: frozenset[str] = frozenset()) -> str | None:
        """Name of a feature of a polygon layer that contains the place (only one of `ids`, if any are given)."""

    def grid_level(self, layer: str, lon: float, lat: float) -> tuple[int, str]:
        """The highest danger level of the cells that contain the place, and that cell's name; (0, "") outside."""

    def county(self, lon: float, lat: float) -> tuple[str, str]:
        """Code and name of the county that contains the place; ("", "") when that is not known. Never raises."""

    def near(
        self, layer: str, lon: float, lat: float, within_m: float, where: Mapping[str, str]
    ) -> tuple[str, float] | None:
        """The nearest feature within so many metres whose fields are as in `where`: its name, the metres."""
