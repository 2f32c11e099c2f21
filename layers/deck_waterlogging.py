"""The 3-D view: waterlogging depth as columns over the density of city components, for pydeck's own bundle."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pydeck as pdk

from geodata.city import City
from geodata.points import PointIndex
from layers.waterlogging import CLOSE_DEPTH_M, SLOW_DEPTH_M

FRESH = timedelta(minutes=30)
CELL_DEG = 0.01
METRES_A_METRE = 8000  # a column is this many times as tall as the water is deep
CALM, SLOW, CLOSED = [143, 211, 208], [247, 208, 56], [255, 90, 86]  # --data-calm, --level-yellow, --level-red
Latest = Mapping[str, Mapping[str, tuple[float, datetime]]]


def deck_json(city: City, latest: Latest, now: datetime, cells: list[dict[str, Any]]) -> str:
    """The deck.gl description over `cells` of `density`. A silent gauge has no column: no number is no depth of 0."""
    layers = [
        pdk.Layer("PolygonLayer", cells, get_polygon="p", get_fill_color="c", stroked=False, id="density"),
        pdk.Layer(
            "ColumnLayer",
            columns(city, latest, now),
            get_position="xy",
            get_elevation="h",
            get_fill_color="c",
            radius=420,
            disk_resolution=12,
            extruded=True,
            pickable=True,
            id="depth",
        ),
    ]
    view = pdk.ViewState(longitude=118.35, latitude=35.02, zoom=9.6, pitch=50, bearing=-12)
    return str(pdk.Deck(layers=layers, initial_view_state=view, map_provider=None, map_style=None).to_json())


def columns(city: City, latest: Latest, now: datetime) -> list[dict[str, Any]]:
    """One column a gauge with a fresh depth: place, height in metres, colour by depth class, name, depth."""
    index = city.points.get("waterlogging_points")
    if index is None or "sensor_id" not in index.texts:
        return []
    lon, lat = index.lonlat(np.arange(len(index)))
    found = []
    for row in range(len(index)):
        depth, at = latest.get(index.texts["sensor_id"][row], {}).get("depth_m", (0.0, None))
        if at is None or now - at > FRESH:
            continue
        colour = CLOSED if depth >= CLOSE_DEPTH_M else SLOW if depth >= SLOW_DEPTH_M else CALM
        place = [float(lon[row]), float(lat[row])]
        height = max(depth, 0.01) * METRES_A_METRE
        found.append({"xy": place, "h": height, "c": colour, "name": index.names[row], "m": depth})
    return found


def density(city: City, most: int = 6000) -> list[dict[str, Any]]:
    """The fullest cells of 0.01° with their components, brighter where there are more; at most `most` cells."""
    index = city.points.get("city_components")
    if index is None or not len(index):
        return []
    cells, counts = _counted(index)
    order = np.argsort(-counts)[:most]
    share = np.sqrt(counts[order] / counts.max())
    return [
        {"p": _square(int(x), int(y)), "c": [47, 110, 140, int(30 + 150 * bright)]}
        for (x, y), bright in zip(cells[order], share, strict=True)
    ]


def _counted(index: PointIndex) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    lon, lat = index.lonlat(np.arange(len(index)))
    place = np.column_stack([np.floor(lon / CELL_DEG), np.floor(lat / CELL_DEG)]).astype(np.int64)
    return np.unique(place, axis=0, return_counts=True)


def _square(x: int, y: int) -> list[list[float]]:
    west, south, east, north = x * CELL_DEG, y * CELL_DEG, (x + 1) * CELL_DEG, (y + 1) * CELL_DEG
    return [[west, south], [east, south], [east, north], [west, north]]
