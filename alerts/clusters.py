"""Reports of one kind close together in space and time as one event."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from geodata.places import metres


@dataclass(frozen=True, slots=True)
class Cluster:
    """An event: where and when its first report was (`key` is that report's number), how many there are, and since
    when it has been heard of. `level` is what has been told. `heard_ms` is when a report was last judged: after an
    absence of the engine an old report must stand on the screen as long as a fresh one."""

    key: int
    exercise: str
    lon: float
    lat: float
    first_ms: int
    last_ms: int
    heard_ms: int
    count: int
    grid: int
    level: int
    reached_ms: int
    place: str
    why: str
    county: str = ""

    def plain(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Report:
    """A sighting that lies where the rule wants it."""

    seq: int
    exercise: str
    lon: float
    lat: float
    observed_ms: int
    grid: int
    why: str
    county: str = ""
    place: str = ""


def with_report(
    clusters: Sequence[Cluster], report: Report, merge_m: float, merge_s: float, now_ms: int
) -> tuple[list[Cluster], Cluster]:
    """The clusters with `report` in one of them (the nearest it belongs to) or in a new one, and that cluster.

    It belongs to an event when it is at most `merge_m` from its first report, and at most `merge_s` before or after
    its reports.
    """
    near = _belongs_to(clusters, report, merge_m, round(merge_s * 1000))
    if near is None:
        new = Cluster(
            report.seq, report.exercise, report.lon, report.lat, report.observed_ms, report.observed_ms, now_ms, 1,
            report.grid, 0, report.observed_ms, report.place, report.why, report.county,
        )  # fmt: skip
        return [*clusters, new], new
    grown = replace(
        clusters[near],
        first_ms=min(clusters[near].first_ms, report.observed_ms),
        last_ms=max(clusters[near].last_ms, report.observed_ms),
        heard_ms=max(clusters[near].heard_ms, now_ms),
        count=clusters[near].count + 1,
        grid=max(clusters[near].grid, report.grid),
    )
    return [*clusters[:near], grown, *clusters[near + 1 :]], grown


def _belongs_to(clusters: Sequence[Cluster], report: Report, merge_m: float, merge_ms: int) -> int | None:
    fit = [
        place
        for place, one in enumerate(clusters)
        if one.exercise == report.exercise and one.first_ms - merge_ms <= report.observed_ms <= one.last_ms + merge_ms
    ]
    if not fit:
        return None
    away = metres(report.lon, report.lat, [clusters[at].lon for at in fit], [clusters[at].lat for at in fit])
    nearest = int(np.argmin(away))
    return fit[nearest] if away[nearest] <= merge_m else None


def is_over(cluster: Cluster, merge_s: float, now_ms: int) -> bool:
    """Whether nothing more can belong to it: neither seen nor judged for longer than `merge_s`."""
    return now_ms >= over_ms(cluster, merge_s)


def over_ms(cluster: Cluster, merge_s: float) -> int:
    """From when on it is over, if nothing more is heard of it."""
    return max(cluster.last_ms, cluster.heard_ms) + math.floor(merge_s * 1000) + 1
