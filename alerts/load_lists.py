"""Who keeps calling and who answers: the lists of the operator load. Pure functions over history rows."""

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

Row = tuple[int, str, int, int | None, str, str]
_OVER = ("resolved", "cancelled", "closed")


@dataclass(frozen=True, slots=True)
class Topic:
    """One rule at one sensor (or one source and event): how often it called and its share of all calls."""

    topic: str
    count: int
    share: float
    level: int  # the worst
    newest: str  # the alert it called for last


@dataclass(frozen=True, slots=True)
class ChatterRule:
    """At least `count` calls of one topic within `within_s` seconds, by `source`."""

    count: int
    within_s: float
    source: str


ISA_CHATTER = ChatterRule(3, 60.0, "ISA-18.2")


@dataclass(frozen=True, slots=True)
class Chatterer:
    """A topic that broke `rule`: how many separate bursts, the most calls in one window, when last."""

    topic: str
    rule: ChatterRule
    bursts: int
    most: int
    last_at: datetime
    newest: str


@dataclass(frozen=True, slots=True)
class Wait:
    """How long calls of one level (0: all levels) waited for a person: from the call that began the waiting to the
    acknowledgement. `unseen` ended before anybody acknowledged, `waiting` wait still. None: nobody acknowledged any."""

    level: int
    answered: int
    median_s: float | None
    p90_s: float | None
    unseen: int
    waiting: int


def top_topics(calls: Sequence[Row], limit: int) -> tuple[tuple[Topic, ...], int]:
    """The `limit` most frequent topics (equals by name), and how many topics there are."""
    counts = Counter(topic for *_, topic, _ in calls)
    best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]
    worst, newest = dict.fromkeys(dict(best), 0), dict.fromkeys(dict(best), "")
    for _, _, level, _, topic, alert_id in calls:
        if topic in worst:
            worst[topic] = max(worst[topic], level)
            newest[topic] = alert_id
    total = len(calls)
    return tuple(Topic(name, count, count / total, worst[name], newest[name]) for name, count in best), len(counts)


def chatterers(calls: Iterable[Row], rules: Sequence[ChatterRule]) -> tuple[Chatterer, ...]:
    """Topics that call again and again within moments, the most bursts first. A topic stands once for each rule."""
    by_topic: dict[str, list[tuple[int, str]]] = {}
    for at_ms, _, _, _, topic, alert_id in calls:
        by_topic.setdefault(topic, []).append((at_ms, alert_id))
    found = [
        Chatterer(topic, rule, bursts, most, datetime.fromtimestamp(last / 1000, UTC), rows[-1][1])
        for topic, rows in by_topic.items()
        for rule in rules
        if len(rows) >= rule.count
        for bursts, most, last in [_bursts([at_ms for at_ms, _ in rows], rule)]
        if bursts
    ]
    return tuple(sorted(found, key=lambda one: (-one.bursts, -one.most, one.topic, one.rule.within_s)))


def _bursts(times_ms: Sequence[int], rule: ChatterRule) -> tuple[int, int, int]:
    """(bursts, most calls in one window, last time): windows that overlap are one burst."""
    window: deque[int] = deque()
    bursts, most, last, inside = 0, 0, 0, False
    for at_ms in times_ms:
        window.append(at_ms)
        while at_ms - window[0] > rule.within_s * 1000:
            window.popleft()
        full = len(window) >= rule.count
        bursts += full and not inside
        inside = full
        if full:
            most, last = max(most, len(window)), at_ms
    return bursts, most, last


def waits(steps: Iterable[Row], calls_for: Callable[[str, int, int | None], bool], start_ms: int) -> tuple[Wait, ...]:
    """One for all levels, then red to blue. A wait belongs to the level it began at and counts if it began by then.

    A call while one waits already begins no new wait; a call after an acknowledgement (a level that rose) does.
    """
    waiting: dict[str, tuple[int, int]] = {}
    answered: dict[int, list[float]] = {level: [] for level in range(5)}
    unseen: Counter[int] = Counter()
    for at_ms, kind, level, was, _, alert_id in steps:
        if calls_for(kind, level, was):
            waiting.setdefault(alert_id, (at_ms, max(level, 1)))
        elif kind == "acknowledged" or kind in _OVER:
            since, began_at = waiting.pop(alert_id, (-1, 0))
            if since < start_ms:
                continue
            if kind == "acknowledged":
                answered[began_at].append((at_ms - since) / 1000)
            else:
                unseen[began_at] += 1
    left = Counter(level for since, level in waiting.values() if since >= start_ms)
    every = [second for level in range(1, 5) for second in answered[level]]
    rows = [_wait(0, every, unseen.total(), left.total())]
    return (*rows, *(_wait(level, answered[level], unseen[level], left[level]) for level in (4, 3, 2, 1)))


def _wait(level: int, seconds: list[float], unseen: int, waiting: int) -> Wait:
    ordered = sorted(seconds)
    p90 = ordered[math.ceil(0.9 * len(ordered)) - 1] if ordered else None  # nearest rank
    return Wait(level, len(ordered), median(ordered) if ordered else None, p90, unseen, waiting)
