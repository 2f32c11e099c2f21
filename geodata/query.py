"""Questions to the city: what lies here, what lies inside, what is nearest. Search by text is in `geodata.search`."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from geodata.city import City
from geodata.errors import BadInput, NotFound
from geodata.mercator import WORLD, metres_between, to_world, units_per_metre
from geodata.points import PointIndex
from geodata.search import search
from geodata.shapes import ShapeIndex, to_world_shapes

__all__ = ["features_at", "features_within", "nearest", "search"]

AT_LIMIT = 50
FIRST_RADIUS_M = 500.0
EVERYWHERE_M = 20_037_508.0
Index = PointIndex | ShapeIndex
Item = dict[str, Any]
_POLYGON_LAST = {"point": 0, "line": 0, "polygon": 1}


def features_at(
    city: City, lon: float, lat: float, zoom: float, layers: Sequence[str], tolerance_px: float = 8
) -> list[Item]:
    """What a click at `zoom` touches: nearest points and lines first, then the polygons that contain the place.

    Each item: `layer, id, name, lon, lat, distance_m, fields`. Layers without data are skipped; `BadInput` for a place
    that is none. At most 50 items.
    """
    check_place(lon, lat)
    here_x, here_y = (float(axis) for axis in to_world(lon, lat))
    reach = tolerance_px * WORLD / (256 * 2.0**zoom)
    found: list[tuple[int, float, Index, int]] = []
    for layer in layers:
        try:
            index = city.index(layer)
        except NotFound:
            continue
        last = _POLYGON_LAST[index.spec.geometry]
        rows, metres = _around(index, lon, lat, here_x, here_y, reach)
        found += [(last, float(away), index, int(row)) for row, away in zip(rows, metres, strict=True)]
    found.sort(key=lambda hit: hit[:2])
    return [item(index, row, away) for _, away, index, row in found[:AT_LIMIT]]


def _around(
    index: Index, lon: float, lat: float, x: float, y: float, reach: float
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Rows within `reach` world units of a place, nearest first, and their metres; polygons must contain it."""
    if isinstance(index, PointIndex):
        rows = index.in_box(x - reach, y - reach, x + reach + 1, y + reach + 1)
        near = np.hypot(index.x[rows] + 0.5 - x, index.y[rows] + 0.5 - y) <= reach + 1
        rows = rows[near]
        metres = metres_between(lon, lat, *index.lonlat(rows))
    elif index.spec.geometry == "polygon":
        rows = index.tree.query(shapely.Point(x, y), predicate="intersects")
        metres = np.zeros(rows.size)
    else:
        rows = index.tree.query(shapely.Point(x, y), predicate="dwithin", distance=reach)
        metres = shapely.distance(index.shapes[rows], shapely.Point(x, y)) / units_per_metre(lat)
    order = np.argsort(metres, kind="stable")[:AT_LIMIT]
    return rows[order], metres[order]


def features_within(city: City, layer: str, geometry: Any, limit: int) -> tuple[int, list[Item]]:
    """How many features of `layer` lie inside a shapely polygon (degrees; lines and polygons: touch it), and the
    `limit` of them nearest to its centroid. `BadInput` for a polygon that is empty or crosses itself.
    """
    if shapely.is_missing(geometry) or shapely.is_empty(geometry) or not shapely.is_valid(geometry):
        raise BadInput("圈选范围无效:多边形为空或自相交;请重新绘制", layer=layer)
    index = city.index(layer)
    area = to_world_shapes(np.array([geometry], object))[0]
    if isinstance(index, PointIndex):
        left, top, right, bottom = shapely.bounds(area)
        rows = index.in_box(left - 1, top - 1, right + 2, bottom + 2)
        shapely.prepare(area)
        rows = rows[shapely.intersects_xy(area, index.x[rows] + 0.5, index.y[rows] + 0.5)]
        lons, lats = index.lonlat(rows)
    else:
        rows = np.sort(index.tree.query(area, predicate="intersects"))
        places = np.array([index.place(int(row)) for row in rows]).reshape(-1, 2)
        lons, lats = places[:, 0], places[:, 1]
    middle = shapely.centroid(geometry)
    metres = metres_between(middle.x, middle.y, lons, lats)
    order = np.argsort(metres, kind="stable")[: max(limit, 0)]
    return int(rows.size), [item(index, int(rows[at]), float(metres[at])) for at in order]


def nearest(
    city: City, layer: str, lon: float, lat: float, k: int, where: Callable[[Item], bool] | None = None
) -> list[Item]:
    """The `k` features nearest to a place by straight metres, nearest first; `where` is asked with each one's fields.

    `NotFound` when the layer has no data. Looks in a circle that is doubled until `k` were accepted.
    """
    check_place(lon, lat)
    index = city.index(layer)
    radius_m, accepted, done = FIRST_RADIUS_M, [], 0
    while k > 0:
        rows, metres = _within_metres(index, lon, lat, radius_m)
        for row, away in zip(rows[done:], metres[done:], strict=True):
            done += 1
            candidate = item(index, int(row), float(away))
            if where is None or where(candidate["fields"]):
                accepted.append(candidate)
                if len(accepted) == k:
                    return accepted
        if radius_m >= EVERYWHERE_M:
            break
        radius_m *= 2
    return accepted


def _within_metres(
    index: Index, lon: float, lat: float, radius_m: float
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Rows within `radius_m`, nearest first, with their metres (lines and polygons: to their nearest edge)."""
    x, y = (float(axis) for axis in to_world(lon, lat))
    edge = min(abs(lat) + math.degrees(radius_m / 6_371_008.8) + 0.01, 85.0)
    reach = radius_m * units_per_metre(edge) * 1.01
    everywhere = radius_m >= EVERYWHERE_M
    if isinstance(index, PointIndex):
        rows = np.arange(len(index)) if everywhere else index.in_box(x - reach, y - reach, x + reach, y + reach)
        metres = metres_between(lon, lat, *index.lonlat(rows))
    else:
        here = shapely.Point(x, y)
        rows = np.arange(len(index)) if everywhere else index.tree.query(here, predicate="dwithin", distance=reach)
        metres = shapely.distance(index.shapes[rows], here) / units_per_metre(lat)
    if not everywhere:
        rows, metres = rows[metres <= radius_m], metres[metres <= radius_m]
    order = np.lexsort((rows, metres))
    return rows[order], metres[order]


def item(index: Index, row: int, distance_m: float) -> Item:
    """One feature as every question answers it."""
    fields = index.fields(row)
    return {
        "layer": index.spec.id,
        "id": fields["id"],
        "name": fields.get("name") or "",
        "lon": fields["lon"],
        "lat": fields["lat"],
        "distance_m": round(distance_m, 1),
        "fields": fields,
    }


def check_place(lon: float, lat: float) -> None:
    """`BadInput` unless both are finite degrees on Earth."""
    if not (math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90):
        raise BadInput(f"坐标 ({lon}, {lat}) 无效:经度应在 ±180、纬度应在 ±90 之间,且经度在前", lon=lon, lat=lat)
