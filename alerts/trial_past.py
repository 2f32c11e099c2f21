"""The stored reports that spatial rules are tried on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from alerts.ports import Places
from alerts.sightings import Reports, Sighting
from geodata.clock import epoch_ms


@dataclass(frozen=True, slots=True)
class Past:
    """What spatial rules are tried on: stored reports, in the order stored. `places` None: they are not tried.
    `exercise`: of which drill the past is, "" for what was real."""

    places: Places | None = None
    reports: Sequence[Sighting] = ()
    exercise: str = ""


NOTHING_REPORTED = Past()


class PastReports(Reports):
    """Stored reports, of which only those are known that had come in by `now`."""

    def __init__(self, kept: Sequence[Sighting]) -> None:
        self.kept = list(kept)
        self.came_ms = np.maximum.accumulate([epoch_ms(one.received_at) for one in kept] or [0])
        self._seqs = np.array([one.seq for one in kept] or [0])
        self._known = 0

    def hear_until(self, ms: int) -> None:
        self._known = int(np.searchsorted(self.came_ms, ms, side="right")) if self.kept else 0

    def after(self, seq: int, limit: int) -> list[Sighting]:
        begin = int(np.searchsorted(self._seqs, seq, side="right")) if self.kept else 0
        return self.kept[begin : min(begin + limit, self._known)]

    def seq_before(self, received_since: datetime) -> int:
        begin = int(np.searchsorted(self.came_ms, epoch_ms(received_since))) if self.kept else 0
        return self.kept[begin].seq - 1 if begin < len(self.kept) else (self.kept[-1].seq if self.kept else 0)
