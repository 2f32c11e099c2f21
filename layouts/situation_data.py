"""The city's numbers as values: each with its unit, its threshold, its source and its age. Pure functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

STALE_AFTER = {
    "rain": timedelta(minutes=30),
    "flow": timedelta(hours=2),
    "stage": timedelta(hours=2),
    "depth": timedelta(minutes=30),
}
UNITS = {"rain": "mm/h", "flow": "m³/s", "stage": "m", "depth": "m"}
TITLES = {"rain": "雨强", "flow": "流量", "stage": "水位", "depth": "积水深"}
KINDS = {"rain_mm_h": "rain", "flow_m3s": "flow", "stage_m": "stage", "depth_m": "depth"}
SLOW_DEPTH_M, CLOSE_DEPTH_M = 0.20, 0.27  # domain.md, V
# Flow at which a flood gets a number (编号洪水), m³/s, and warning flow where known: domain.md, V
FLOW_MARKS: Mapping[str, tuple[tuple[float, str, str], ...]] = {
    "临沂": ((4000.0, "blue", "编号洪水"), (7000.0, "orange", "警戒流量")),
    "重沟": ((2000.0, "blue", "编号洪水"),),
}

Latest = Mapping[str, Mapping[str, tuple[float, datetime]]]


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number. `level`: "" or a level name; `marks`: its thresholds in words; `stale`: too old to be believed."""

    sensor: str
    name: str
    kind: str
    value: float | None
    unit: str
    observed_at: datetime | None
    stale: bool
    level: str = ""
    marks: str = ""
    ratio: float | None = None  # of the highest threshold, for the bar; None: no official threshold is known


@dataclass(frozen=True, slots=True)
class PointCounts:
    """Waterlogging gauges by depth class; `silent` are those without a fresh number. `deepest` names the worst."""

    closed: int
    slow: int
    calm: int
    silent: int
    deepest: Gauge | None
    observed_at: datetime | None


def kind_of(quantity: str) -> str:
    """rain, flow, stage or depth; "" for a quantity this panel does not show."""
    return KINDS.get(quantity, "")


def gauge(sensor: str, name: str, quantity: str, value: float, observed_at: datetime, now: datetime) -> Gauge:
    """The latest reading of one sensor as the panel shows it at `now`."""
    kind = kind_of(quantity)
    stale = now - observed_at > STALE_AFTER[kind]
    marks = next((marks for station, marks in FLOW_MARKS.items() if station in name), ()) if kind == "flow" else ()
    level = "" if stale else _level(kind, value, marks)
    words = " · ".join(f"{word} {mark:,.0f}" for mark, _, word in marks)
    ratio = min(value / marks[-1][0], 1.0) if marks else None
    return Gauge(sensor, name, kind, value, UNITS[kind], observed_at, stale, level, words, ratio)


def _level(kind: str, value: float, marks: Iterable[tuple[float, str, str]]) -> str:
    if kind == "depth":
        return "red" if value >= CLOSE_DEPTH_M else "yellow" if value >= SLOW_DEPTH_M else ""
    reached = [level for mark, level, _ in marks if value >= mark]
    return reached[-1] if reached else ""


def gauges_of(latest: Latest, kind: str, names: Mapping[str, str], now: datetime) -> list[Gauge]:
    """Every gauge of `kind` that ever reported; sensors without a name show their id."""
    return [
        gauge(sensor, names.get(sensor, sensor), quantity, value, observed_at, now)
        for sensor, readings in latest.items()
        for quantity, (value, observed_at) in readings.items()
        if kind_of(quantity) == kind
    ]


def river_rows(gauges: Iterable[Gauge], limit: int = 5) -> tuple[Gauge, ...]:
    """The gauges an officer asks for first: those with thresholds, then the fullest rivers."""
    return tuple(sorted(gauges, key=lambda row: (row.ratio is None, -(row.ratio or 0), -(row.value or 0)))[:limit])


def rain_rows(gauges: Iterable[Gauge], limit: int = 2) -> tuple[Gauge, ...]:
    """The heaviest fresh rain; when nothing is fresh, the latest there was, as stale."""
    rows = sorted(gauges, key=lambda row: (row.stale, -(row.value or 0)))
    return tuple(rows[:limit])


def depth_counts(gauges: Iterable[Gauge], known: int) -> PointCounts:
    """Classes of `known` gauges: one that never reported is silent, never dry."""
    rows = list(gauges)
    fresh = [row for row in rows if not row.stale and row.value is not None]
    closed = sum(row.level == "red" for row in fresh)
    slow = sum(row.level == "yellow" for row in fresh)
    deepest = max(fresh, key=lambda row: row.value or 0.0, default=None)
    latest = max((row.observed_at for row in rows if row.observed_at), default=None)
    return PointCounts(closed, slow, len(fresh) - closed - slow, max(known, len(rows)) - len(fresh), deepest, latest)
