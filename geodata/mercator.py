"""Web Mercator as whole numbers: the world is a square of 2**32 units, x east and y south, about 9 mm a unit.

Every tile zoom up to 20 divides it without a remainder, so a tile coordinate is a shift and never a rounding question.
Formulae: OGC Two Dimensional Tile Matrix Set (17-083r4), WebMercatorQuad.
"""

import math

import numpy as np
import numpy.typing as npt

WORLD = 1 << 32
MAX_LATITUDE = 85.05112877980659
EARTH_RADIUS_M = 6_371_008.8  # mean radius, for distances
CIRCUMFERENCE_M = 2 * math.pi * 6_378_137.0  # of the Mercator square at the equator

Floats = npt.NDArray[np.float64]


def to_world(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Floats, Floats]:
    """World x and y (floats, 0 … 2**32) of degrees; latitudes beyond ±85.05 are moved to the edge."""
    lat_rad = np.radians(np.clip(np.asarray(lat, np.float64), -MAX_LATITUDE, MAX_LATITUDE))
    x = (np.asarray(lon, np.float64) + 180.0) / 360.0 * WORLD
    y = (0.5 - np.arcsinh(np.tan(lat_rad)) / (2 * math.pi)) * WORLD
    return x, y


def to_degrees(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Longitude and latitude of world coordinates."""
    lon = np.asarray(x, np.float64) / WORLD * 360.0 - 180.0
    lat = np.degrees(np.arctan(np.sinh((0.5 - np.asarray(y, np.float64) / WORLD) * 2 * math.pi)))
    return lon, lat


def world_units(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Like `to_world`, as whole units that fit 32 bits."""
    x, y = to_world(lon, lat)
    return tuple(np.clip(np.floor(axis), 0, WORLD - 1).astype(np.uint32) for axis in (x, y))  # type: ignore[return-value]


def units_per_metre(lat: float) -> float:
    """World units that one metre on the ground spans at `lat` (Mercator stretches by 1/cos)."""
    return WORLD / (CIRCUMFERENCE_M * math.cos(math.radians(min(abs(lat), MAX_LATITUDE))))


def metres_between(lon: float, lat: float, lons: npt.ArrayLike, lats: npt.ArrayLike) -> Floats:
    """Great-circle metres from one point to many (haversine; spherical, within 0.5 % of the ellipsoid)."""
    lat_1, lat_2 = math.radians(lat), np.radians(np.asarray(lats, np.float64))
    half_lat, half_lon = (lat_2 - lat_1) / 2, np.radians(np.asarray(lons, np.float64) - lon) / 2
    chord = np.sin(half_lat) ** 2 + math.cos(lat_1) * np.cos(lat_2) * np.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(chord, 0.0, 1.0)))
