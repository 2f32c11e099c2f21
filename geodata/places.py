"""Where a place lies among the city's layers, in metres on the WGS-84 ellipsoid (Karney 2013, through PROJ)."""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod

from geodata.city import City
from geodata.errors import NotFound
from geodata.mercator import to_degrees, to_world, units_per_metre
from geodata.points import PointIndex
from geodata.query import check_place
from geodata.shapes import ShapeIndex

_GEOD = Geod(ellps="WGS84")
_METRES_A_DEGREE = 110_574.0  # of latitude, where a degree is shortest
_SLACK = 1.01  # candidates are sought a little further out than asked: the sphere of the map is no ellipsoid
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]


def metres(lon: float, lat: float, lons: npt.ArrayLike, lats: npt.ArrayLike) -> Floats:
    """Geodesic metres from one place to (n,) others."""
    to_lon, to_lat = np.atleast_1d(np.asarray(lons, np.float64)), np.atleast_1d(np.asarray(lats, np.float64))
    found: Floats = _GEOD.inv(np.full(to_lon.shape, lon), np.full(to_lon.shape, lat), to_lon, to_lat)[2]
    return found


class CityPlaces:
    """`alerts.ports.Places` over a `City`. `NotFound` when a layer has no data."""

    def __init__(self, city: City) -> None:
        self._city = city

    def inside(self, layer: str, lon: float, lat: float, ids: frozenset[str] = frozenset()) -> str | None:
        """Name (or id) of a feature of a polygon layer that contains the place; only one of `ids`, if any are given."""
        index = self._city.index(layer)
        for row in _containing(index, lon, lat):
            fields = index.fields(int(row))
            if not ids or fields["id"] in ids:
                return str(fields.get("name") or fields["id"])
        return None

    def county(self, lon: float, lat: float) -> tuple[str, str]:
        """Code and name of the county that contains the place; ("", "") outside, or without that layer."""
        try:
            index = self._city.index("counties")
        except NotFound:
            return "", ""
        for row in _containing(index, lon, lat):
            fields = index.fields(int(row))
            return str(fields["id"]), str(fields.get("name") or "")
        return "", ""

    def grid_level(self, layer: str, lon: float, lat: float) -> tuple[int, str]:
        """The highest danger level of the cells that contain the place, and that cell's name; (0, "") outside."""
        index = self._city.index(layer)
        found = (0, "")
        for row in _containing(index, lon, lat):
            fields = index.fields(int(row))
            level = int(fields.get("danger_level") or 0)
            if level > found[0]:
                found = (level, str(fields.get("name") or fields["id"]))
        return found

    def near(
        self, layer: str, lon: float, lat: float, within_m: float, where: Mapping[str, str]
    ) -> tuple[str, float] | None:
        """The nearest feature at most `within_m` metres away whose fields are as in `where`: its name, the metres.

        To lines and polygons: their nearest point, 0 inside.
        """
        index = self._city.index(layer)
        rows, away = _candidates(index, lon, lat, within_m)
        for place in np.argsort(away, kind="stable").tolist():
            if away[place] > within_m:
                break
            fields = index.fields(int(rows[place]))
            if all(_word(fields.get(name)) == wanted.lower() for name, wanted in where.items()):
                return str(fields.get("name") or fields["id"]), float(away[place])
        return None


def _word(value: object) -> str:
    return "" if value is None else str(value).lower()


def _containing(index: PointIndex | ShapeIndex, lon: float, lat: float) -> Rows:
    check_place(lon, lat)
    if isinstance(index, PointIndex):
        return np.empty(0, np.intp)
    x, y = (float(axis) for axis in to_world(lon, lat))
    found: Rows = np.sort(index.tree.query(shapely.Point(x, y), predicate="intersects"))
    return found


def _candidates(index: PointIndex | ShapeIndex, lon: float, lat: float, within_m: float) -> tuple[Rows, Floats]:
    """Rows that may be within reach, and their geodesic metres."""
    check_place(lon, lat)
    x, y = (float(axis) for axis in to_world(lon, lat))
    edge = min(abs(lat) + within_m / _METRES_A_DEGREE + 0.001, 85.0)
    reach = within_m * units_per_metre(edge) * _SLACK + 2
    if isinstance(index, PointIndex):
        rows: Rows = index.in_box(x - reach, y - reach, x + reach, y + reach).astype(np.intp)
        lons, lats = index.lonlat(rows)
        return rows, metres(lon, lat, lons, lats)
    here = shapely.Point(x, y)
    rows = index.tree.query(here, predicate="dwithin", distance=reach).astype(np.intp)
    nearest = shapely.get_coordinates(shapely.get_point(shapely.shortest_line(index.shapes[rows], here), 0))
    lons, lats = to_degrees(nearest[:, 0], nearest[:, 1])
    away = metres(lon, lat, lons, lats)
    away[shapely.intersects(index.shapes[rows], here)] = 0.0
    return rows, away


def in_ring(lon: float, lat: float, corners: tuple[tuple[float, float], ...]) -> bool:
    """Whether a place lies inside a ring of (longitude, latitude) or on its edge."""
    return math.isfinite(lon) and bool(shapely.intersects_xy(shapely.Polygon(corners), lon, lat))
