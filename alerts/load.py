"""What the alerts ask of the people who watch: rates, floods and a verdict after EEMUA 191 and ISA-18.2. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from alerts.load_lists import Chatterer, ChatterRule, Topic, Wait, chatterers, top_topics, waits
from alerts.model import Alert, Level
from geodata.clock import epoch_ms

BIN = timedelta(minutes=10)
BIN_MS = 600_000  # Asia/Shanghai is whole bins away from UTC, so bins by epoch stand on its round ten minutes too
STEADY = (1.0, 2.0, 10.0)  # per 10 min on average
PEAK = (10, 20, 100)  # in any one bin
FLOOD_BEGINS, FLOOD_ENDS, FLOOD_SHARE = 10, 5, 0.01
STALE_AFTER = timedelta(hours=24)
STALE_MOST = 5
TOP = 10
TOP_SHARE = 0.05
PRIORITIES = (("高", (Level.RED,), 0.05), ("中", (Level.ORANGE,), 0.15), ("低", (Level.YELLOW, Level.BLUE), 0.80))
BANDS = ("可接受", "偏高", "过载", "失控")
BAND_IDS = ("fine", "high", "over", "lost")
COUNTED = ("fired", "reopened", "level", "updated", "escalated")
ANSWERED = ("acknowledged", "resolved", "cancelled", "closed")
# (at in epoch ms, kind, level, level before or None, topic, alert id): one row of the alert history
Step = tuple[int, str, int, int | None, str, str]


def topic_of(alert: Alert) -> str:
    """What keeps calling: the rule at one sensor, or the source and its event; at most 200 characters."""
    if alert.rule_id:
        return f"rule:{alert.rule_id}:{alert.sensor or alert.place}"[:200]
    return f"{alert.source}:{alert.sender or alert.sensor or ''}:{alert.event}"[:200]


def calls_for(kind: str, level: int, was_level: int | None) -> bool:
    """Whether the step is an annunciation: it asks a person to look. A falling level and an answer are none."""
    if kind in ("level", "updated"):
        return was_level is not None and level > was_level
    return kind in COUNTED


@dataclass(frozen=True, slots=True)
class Bin:
    """Ten minutes from `begin`: annunciations, in all and by level (blue, yellow, orange, red; no level is with blue).
    `whole` is false for the running bin, `flood` for one outside a flood."""

    begin: datetime
    count: int
    levels: tuple[int, int, int, int]
    whole: bool = True
    flood: bool = False


@dataclass(frozen=True, slots=True)
class Flood:
    """More than 10 in a bin, until a bin with fewer than 5. `end` None: it goes on."""

    begin: datetime
    end: datetime | None
    count: int
    peak: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """`band` indexes `BANDS`; `value` and `limit` are those of the measure (steady, peak, share) that decided it."""

    band: int
    measure: str
    value: float
    limit: float
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """A period's load. `average` is per 10 minutes of recorded time, `flood_share` of recorded bins."""

    start: datetime
    end: datetime
    recorded_from: datetime | None
    total: int
    average: float
    bins: tuple[Bin, ...]
    floods: tuple[Flood, ...]
    flood_share: float
    levels: tuple[int, int, int, int]
    top: tuple[Topic, ...]
    topics: int
    chattering: tuple[Chatterer, ...]
    waits: tuple[Wait, ...]
    verdict: Verdict

    @property
    def busiest(self) -> Bin | None:
        """The bin with the most annunciations, the latest of equals; None when there was none."""
        best = max(self.bins, key=lambda one: (one.count, one.begin), default=None)
        return best if best is not None and best.count else None

    @property
    def top_share(self) -> float:
        return sum(topic.share for topic in self.top)


def first_bin(now: datetime, period: timedelta) -> datetime:
    """Where the period begins: whole bins, the last of them the running one."""
    last = epoch_ms(now) // BIN_MS
    return _moment((last - period // BIN + 1) * BIN_MS)


def load_of(
    steps: Sequence[Step],
    start: datetime,
    now: datetime,
    recorded_from: datetime | None,
    rules: Sequence[ChatterRule] = (),
) -> Load:
    """The load of `start` (on a whole bin) to `now` from history rows in order of time.

    Rows before `start` only tell of what goes on at its beginning (a flood, an alert that waits).
    """
    begun = epoch_ms(start)
    calls = [step for step in steps if calls_for(step[1], step[2], step[3])]
    inside = [step for step in calls if step[0] >= begun]
    bins, floods = _bins_and_floods(calls, start, now)
    blue, yellow, orange, red = (sum(bin_.levels[i] for bin_ in bins) for i in range(4))
    known = max(start, recorded_from) if recorded_from else now
    recorded = [bin_ for bin_ in bins if bin_.begin + BIN > known]
    average = len(inside) / max((now - known) / BIN, 1.0)
    share = sum(bin_.flood for bin_ in recorded) / len(recorded) if recorded else 0.0
    found, topics = top_topics(inside, TOP)
    return Load(
        start, now, recorded_from, len(inside), average, bins, floods, share, (blue, yellow, orange, red), found,
        topics, chatterers(inside, rules), waits(steps, calls_for, begun), verdict_of(average, bins, share),
    )  # fmt: skip


def verdict_of(average: float, bins: Sequence[Bin], flood_share: float) -> Verdict:
    """The worst of three judgements: the average, the busiest bin, the share of time in flood (at least 偏高)."""
    busiest = max(bins, key=lambda one: (one.count, one.begin), default=None)
    peak = busiest.count if busiest else 0
    judged = [
        Verdict(_band(average, STEADY), "steady", average, STEADY[0]),
        Verdict(_band(peak, PEAK), "peak", float(peak), float(PEAK[0]), busiest.begin if busiest else None),
        Verdict(int(flood_share >= FLOOD_SHARE), "share", flood_share, FLOOD_SHARE),
    ]
    return max(judged, key=lambda one: one.band)  # the first of equals


def _band(value: float, limits: Sequence[float]) -> int:
    return sum(value > limit for limit in limits)


def _bins_and_floods(
    calls: Iterable[Step], start: datetime, now: datetime
) -> tuple[tuple[Bin, ...], tuple[Flood, ...]]:
    counts: dict[int, list[int]] = {}
    for at_ms, _, level, _, _, _ in calls:
        counts.setdefault(at_ms // BIN_MS, [0, 0, 0, 0])[max(level, 1) - 1] += 1
    first, running = epoch_ms(start) // BIN_MS, epoch_ms(now) // BIN_MS
    numbers = range(min([first, *counts]), running + 1)
    spans = _floods({number: sum(levels) for number, levels in counts.items()}, numbers, running)
    flooded = {number for begin, end in spans for number in range(begin, end)}
    bins = tuple(
        Bin(_moment(n * BIN_MS), sum(by), (by[0], by[1], by[2], by[3]), n < running, n in flooded)
        for n in range(first, running + 1)
        for by in [counts.get(n, [0, 0, 0, 0])]
    )
    floods = [
        Flood(
            _moment(begin * BIN_MS),
            None if end > running else _moment(end * BIN_MS),
            sum(sum(counts[n]) for n in range(begin, end) if n in counts),
            max(sum(counts[n]) for n in range(begin, end) if n in counts),
        )
        for begin, end in spans
        if end > first
    ]
    return bins, tuple(floods)


def _floods(counts: dict[int, int], numbers: range, running: int) -> list[tuple[int, int]]:
    """(first bin, bin after the last) of each flood. The running bin may begin one but, not being over, ends none."""
    spans, begin = [], None
    for number in numbers:
        count = counts.get(number, 0)
        if begin is None and count > FLOOD_BEGINS:
            begin = number
        elif begin is not None and count < FLOOD_ENDS and number != running:
            spans.append((begin, number))
            begin = None
    return spans if begin is None else [*spans, (begin, running + 1)]


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
