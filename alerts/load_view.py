"""The operator load as its page, its files and the API show it: the numbers with names, people and what is stale."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.load import STALE_AFTER, Load
from alerts.model import Alert, is_over
from geodata.errors import BadInput

PERIODS = ("1h", "8h", "24h", "7d", "30d")
LEAST, MOST = timedelta(hours=1), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Officer:
    """Acknowledgements by one person: in all, and in their busiest 10 minutes."""

    who: str
    count: int
    busiest: int


@dataclass(frozen=True, slots=True)
class LoadView:
    """`names` gives the newest alert of every topic that stands in a list; `stale` is oldest first."""

    period: str
    exercise: bool
    load: Load
    stale: tuple[Alert, ...]
    officers: tuple[Officer, ...]
    names: Mapping[str, Alert]


def period_of(text: str) -> timedelta:
    """`8h`, `7d` …, from 1 h to 30 d. Raises `BadInput`."""
    found = re.fullmatch(r"([1-9]\d{0,2})([hd])", text)
    period = timedelta(hours=int(found[1]) * (1 if found[2] == "h" else 24)) if found else timedelta()
    if not LEAST <= period <= MOST:
        raise BadInput(f"period={text[:20]!r} 应为 1h 到 30d 之间的时段,例如 {'、'.join(PERIODS)}")
    return period


def stale_of(alerts: Iterable[Alert], now: datetime) -> tuple[Alert, ...]:
    """Alerts that have been open for more than 24 h, oldest first."""
    old = [alert for alert in alerts if now - alert.fired_at > STALE_AFTER and not is_over(alert, now)]
    return tuple(sorted(old, key=lambda alert: (alert.fired_at, alert.id)))


def officers_of(bins: Iterable[tuple[str, int, int]]) -> tuple[Officer, ...]:
    """From (who, bin, acknowledgements in it): the one who acknowledged most first."""
    counts: Counter[str] = Counter()
    busiest: dict[str, int] = {}
    for who, _, count in bins:
        counts[who] += count
        busiest[who] = max(busiest.get(who, 0), count)
    rows = [Officer(who, count, busiest[who]) for who, count in counts.items()]
    return tuple(sorted(rows, key=lambda row: (-row.count, row.who)))


def newest_ids(load: Load) -> dict[str, str]:
    """Topic → alert id, for the topics that stand in a list."""
    return {one.topic: one.newest for one in load.chattering} | {one.topic: one.newest for one in load.top}
