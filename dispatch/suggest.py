"""Which alerts belong together, by place, time and cause. Suggestions only: a person decides.

One alert is in one suggestion at most. Open incidents choose first, oldest first; then the worst alert that is left
gathers what is near it, so no suggestion reaches further than its links allow. A grid in place and time keeps the
work near-linear in the number of alerts.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from math import cos, floor, radians

from pyproj import Geod

from alerts.model import Alert, is_over
from dispatch.causes import CauseBook, Link
from dispatch.model import Incident

_GEOD = Geod(ellps="WGS84")
_METRES_A_DEGREE = 110_500.0  # the least a degree of latitude measures on WGS-84, so that no near pair is missed
_POLE_COS = 0.05


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`incident_id` set: let these alerts join it; None: open one incident of them. `reasons` are in words."""

    incident_id: str | None
    title: str
    alert_ids: tuple[str, ...]
    reasons: tuple[str, ...]
    exercise: bool


@dataclass(frozen=True, slots=True)
class _Spot:
    alert: Alert
    kind: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class _Near:
    spot: _Spot
    link: Link
    metres: float
    minutes: float


def geodesic_m(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """Metres on the WGS-84 ellipsoid (Karney 2013, by PROJ)."""
    return float(_GEOD.inv(lon_a, lat_a, lon_b, lat_b)[2])


def suggest(alerts: Sequence[Alert], incidents: Sequence[Incident], now: datetime, book: CauseBook) -> list[Suggestion]:
    """Joins first, in order of the incidents' opening; then new ones, worst first. Alerts without a place or a known
    kind, ended ones and those already handled are left out."""
    handled = {alert_id for incident in incidents for alert_id in incident.alert_ids}
    spots = [
        _Spot(alert, kind, alert.lon, alert.lat)
        for alert in alerts
        if alert.incident_id is None and alert.id not in handled and not is_over(alert, now)
        and alert.lon is not None and alert.lat is not None
        and (kind := book.kind_of(alert)) is not None
    ]  # fmt: skip
    grids = {
        exercise: _Grid([one for one in spots if _drill(one.alert) is exercise], book) for exercise in (False, True)
    }
    found: list[Suggestion] = []
    for incident in sorted(incidents, key=lambda one: (one.opened_at, one.id)):
        found += _joins(incident, grids[incident.exercise], book)
    for spot in sorted(spots, key=lambda one: (-one.alert.level, one.alert.fired_at, one.alert.id)):
        found += _opens(spot, grids[_drill(spot.alert)])
    return found


def _drill(alert: Alert) -> bool:
    return alert.status != "Actual"


def _joins(incident: Incident, grid: "_Grid", book: CauseBook) -> Iterator[Suggestion]:
    if incident.status != "open" or incident.lon is None or incident.lat is None:
        return
    near: dict[str, _Near] = {}
    for kind in book.kinds_of_type(incident.type):
        for one in grid.near(kind, incident.lon, incident.lat, incident.opened_at):
            near.setdefault(one.spot.alert.id, one)
    if near:
        chosen = sorted(near.values(), key=lambda one: (one.metres, one.spot.alert.id))
        grid.take([one.spot for one in chosen])
        reasons = tuple(_words(one, "事件地点") for one in chosen)
        yield Suggestion(
            incident.id, incident.title, tuple(one.spot.alert.id for one in chosen), reasons, incident.exercise
        )


def _opens(seed: _Spot, grid: "_Grid") -> Iterator[Suggestion]:
    if seed.alert.id not in grid.free:
        return
    grid.take([seed])
    near = sorted(
        grid.near(seed.kind, seed.lon, seed.lat, seed.alert.fired_at), key=lambda one: (one.metres, one.spot.alert.id)
    )
    if near:
        grid.take([one.spot for one in near])
        name = seed.alert.place or seed.alert.headline
        ids = (seed.alert.id, *(one.spot.alert.id for one in near))
        yield Suggestion(None, seed.alert.headline, ids, tuple(_words(one, name) for one in near), _drill(seed.alert))


def _words(one: _Near, what: str) -> str:
    name = one.spot.alert.place or one.spot.alert.headline
    minutes = round(one.minutes)
    soon = f"{minutes} 分钟内" if minutes else "同一分钟内"
    return f"{name} 与 {what} 相距 {distance_text(one.metres)},{soon},{one.link.words}"


def distance_text(metres: float) -> str:
    """420 m, 3.2 km."""
    return f"{metres:.0f} m" if metres < 1_000 else f"{metres / 1_000:.1f} km"


class _Grid:
    """Free spots of one sort (drill or real) in cells as large as the widest link of their kind."""

    def __init__(self, spots: Sequence[_Spot], book: CauseBook) -> None:
        self._links: dict[str, list[tuple[str, Link]]] = defaultdict(list)
        self._size: dict[str, tuple[float, float]] = {}
        for (kind, other), link in book.links.items():
            self._links[kind].append((other, link))
            metres, seconds = self._size.get(other, (0.0, 0.0))
            self._size[other] = max(metres, link.within_m), max(seconds, link.within_min * 60.0)
        widest = max((abs(spot.lat) for spot in spots), default=0.0)
        self._cos = max(_POLE_COS, cos(radians(min(90.0, widest + 1))))
        self.free = {spot.alert.id: spot for spot in spots}
        self._cells: dict[tuple[str, int, int, int], dict[str, _Spot]] = defaultdict(dict)
        for spot in spots:
            if spot.kind in self._size:
                self._cells[self._cell(spot.kind, spot.lon, spot.lat, spot.alert.fired_at)][spot.alert.id] = spot

    def _cell(self, kind: str, lon: float, lat: float, at: datetime) -> tuple[str, int, int, int]:
        metres, seconds = self._size[kind]
        degrees = metres / _METRES_A_DEGREE
        return kind, floor(lon / (degrees / self._cos)), floor(lat / degrees), floor(at.timestamp() / seconds)

    def take(self, spots: Sequence[_Spot]) -> None:
        """These are spoken for."""
        for spot in spots:
            self.free.pop(spot.alert.id, None)
            if spot.kind in self._size:
                cell = self._cell(spot.kind, spot.lon, spot.lat, spot.alert.fired_at)
                if cell in self._cells:
                    self._cells[cell].pop(spot.alert.id, None)

    def near(self, kind: str, lon: float, lat: float, at: datetime) -> Iterator[_Near]:
        """Free spots that a link ties to a thing of this kind, place and time."""
        for other, link in self._links.get(kind, ()):
            _, x, y, t = self._cell(other, lon, lat, at)
            for dx, dy, dt in product((-1, 0, 1), repeat=3):
                for spot in list(self._cells.get((other, x + dx, y + dy, t + dt), {}).values()):
                    minutes = abs((spot.alert.fired_at - at).total_seconds()) / 60
                    if minutes > link.within_min:
                        continue
                    metres = geodesic_m(lon, lat, spot.lon, spot.lat)
                    if metres <= link.within_m:
                        yield _Near(spot, link, metres, minutes)
