"""CAP's areas ("lat,lon") as GeoJSON geometries (longitude first), and back."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from cap_tools.models import Area

from alerts.cap_check import point_of

_EARTH_KM = 6371.0088
_CIRCLE_POINTS = 48


def area_of(areas: Sequence[Area]) -> dict[str, Any] | None:
    """All polygons and circles of the areas as one MultiPolygon, None when they are only named."""
    rings: list[list[list[float]]] = []
    for area in areas:
        rings += [
            [list(point) for pair in polygon.split() if (point := point_of(pair)) is not None]
            for polygon in area.polygons
        ]
        for circle in area.circles:
            pair, radius_km = circle.split()
            point = point_of(pair)
            if point is not None:
                rings.append(circle_ring(point[0], point[1], float(radius_km)))
    return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]} if rings else None


def circle_ring(lon: float, lat: float, radius_km: float) -> list[list[float]]:
    """A closed ring on the sphere around (lon, lat), 48 corners; a radius of 0 becomes 10 m so that it has an area."""
    angle = min(max(radius_km, 0.01) / _EARTH_KM, math.pi / 2)
    phi = math.radians(lat)
    ring = []
    for step in range(_CIRCLE_POINTS):
        bearing = 2 * math.pi * step / _CIRCLE_POINTS
        sine = math.sin(phi) * math.cos(angle) + math.cos(phi) * math.sin(angle) * math.cos(bearing)
        there = math.asin(max(-1.0, min(1.0, sine)))
        east = math.atan2(
            math.sin(bearing) * math.sin(angle) * math.cos(phi), math.cos(angle) - math.sin(phi) * math.sin(there)
        )
        ring.append([round((lon + math.degrees(east) + 540) % 360 - 180, 6), round(math.degrees(there), 6)])
    return [*ring, ring[0]]


def centre_of(area: Mapping[str, Any] | None) -> tuple[float, float] | None:
    """A place for the marker: the middle of the first ring's corners."""
    if area is None:
        return None
    ring = area["coordinates"][0][0][:-1]
    return sum(point[0] for point in ring) / len(ring), sum(point[1] for point in ring) / len(ring)


def polygons_of(area: Mapping[str, Any] | None) -> list[str]:
    """The outer rings of a Polygon or MultiPolygon as CAP polygons; other shapes give none."""
    if area is None:
        return []
    kind, coordinates = area.get("type"), area.get("coordinates", ())
    bodies = coordinates if kind == "MultiPolygon" else [coordinates] if kind == "Polygon" else []
    return [
        " ".join(f"{lat:.6f},{lon:.6f}" for lon, lat, *_ in body[0]) for body in bodies if body and len(body[0]) >= 4
    ]
