"""What a trial of a rule tells, and how it is counted."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from alerts.model import Level
from geodata.clock import SHANGHAI, from_epoch_ms

MOST_EPISODES = 200
MOST_MOVES = 200_000


@dataclass(frozen=True, slots=True)
class Episode:
    """One condition of a rule while it stood: the worst level, and the value furthest out (None: a rule over several
    sensors has none). `ended_at` None: not over. `sensor`: its id, or the place in words."""

    sensor: str
    level: str
    began_at: datetime
    ended_at: datetime | None
    peak: float | None


@dataclass(frozen=True, slots=True)
class Trial:
    """`by_level` counts the `fired` episodes by their worst level; `episodes` holds the newest 200, newest first.

    `readings` (of a spatial rule: reports) that the rule judged from `since` to `until`, of `sensors` it watches.
    `truncated` says what was not tried and why; "" when all was.
    """

    rule_id: str
    fired: int
    by_level: Mapping[str, int]
    episodes: tuple[Episode, ...]
    open_at_end: int
    readings: int
    sensors: int
    truncated: str


@dataclass(slots=True)
class OpenEpisode:
    """An episode that goes on. One that began before the time tried does not count."""

    level: int
    began_ms: int
    peak: float | None
    counts: bool


@dataclass(slots=True)
class Tally:
    """One rule's figures in the making."""

    fired: int = 0
    readings: int = 0
    by_level: Counter[str] = field(default_factory=Counter)
    episodes: deque[Episode] = field(default_factory=lambda: deque(maxlen=MOST_EPISODES))

    def note(self, sensor: str, one: OpenEpisode, ended_ms: int | None) -> None:
        """`one` is over, or the time tried is."""
        if not one.counts:
            return
        name = Level(one.level).name.lower()
        self.by_level[name] += 1
        ended = None if ended_ms is None else from_epoch_ms(ended_ms)
        self.episodes.append(Episode(sensor, name, from_epoch_ms(one.began_ms), ended, one.peak))

    def trial(self, rule_id: str, open_at_end: int, sensors: int, cut_ms: int | None) -> Trial:
        """`cut_ms`: where the trial stopped before its time; None: it did not."""
        newest_first = tuple(sorted(self.episodes, key=lambda one: one.began_at, reverse=True))
        truncated = "" if cut_ms is None else f"数据太多,只试算到 {_moment(cut_ms)}"
        return Trial(
            rule_id, self.fired, dict(self.by_level), newest_first, open_at_end, self.readings, sensors, truncated
        )


def _moment(ms: int) -> str:
    return f"{from_epoch_ms(ms).astimezone(SHANGHAI):%m-%d %H:%M}"
