"""A local plane in metres for drawing the sample city, smooth noise on it, and the schematic terrain."""

import zlib

import numpy as np
import numpy.typing as npt

from geodata.sample.facts import CENTRE_LAT, CENTRE_LON, HIGHS, SEED

Floats = npt.NDArray[np.float64]
METRES_PER_DEGREE_LAT = 110_950.0  # near 35.3° N
METRES_PER_DEGREE_LON = 111_320.0 * float(np.cos(np.radians(CENTRE_LAT)))


def to_plane(lonlat: npt.ArrayLike) -> Floats:
    """(…, 2) degrees → (…, 2) metres east and north of the city's centre (equirectangular, ≤ 1.2 % in scale)."""
    degrees = np.asarray(lonlat, dtype=np.float64)
    return (degrees - (CENTRE_LON, CENTRE_LAT)) * (METRES_PER_DEGREE_LON, METRES_PER_DEGREE_LAT)


def to_lonlat(metres: npt.ArrayLike) -> Floats:
    """The inverse of `to_plane`, rounded to 1e-6° so that shared points are equal to the bit."""
    plane = np.asarray(metres, dtype=np.float64)
    degrees = plane / (METRES_PER_DEGREE_LON, METRES_PER_DEGREE_LAT) + (CENTRE_LON, CENTRE_LAT)
    return np.round(degrees, 6)


def generator(purpose: str) -> np.random.Generator:
    """A generator that depends on nothing but the fixed seed and what it is for."""
    return np.random.default_rng([SEED, zlib.crc32(purpose.encode())])


def noise(xy: Floats, purpose: str, wave_m: float, waves: int = 6) -> Floats:
    """Smooth noise in about −1…1 at (n, 2) metres: a sum of plane waves near `wave_m` long."""
    rng = generator(purpose)
    angle, phase = rng.uniform(0, 2 * np.pi, waves), rng.uniform(0, 2 * np.pi, waves)
    number = 2 * np.pi / (wave_m * rng.uniform(0.6, 1.7, waves))
    total = np.zeros(len(xy))
    for k, a, p in zip(number, angle, phase, strict=True):
        total += np.sin(k * (np.cos(a) * xy[:, 0] + np.sin(a) * xy[:, 1]) + p)
    return total / np.sqrt(waves)


def warp(xy: Floats) -> Floats:
    """Move points by a smooth field of about 1.3 km: equal points stay equal, so shared edges stay shared."""
    east = 900 * noise(xy, "warp-east", 22_000) + 330 * noise(xy, "warp-east-fine", 6_000)
    north = 900 * noise(xy, "warp-north", 22_000) + 330 * noise(xy, "warp-north-fine", 6_000)
    return xy + np.column_stack((east, north))


def height_m(xy: Floats) -> Floats:
    """Schematic height above sea level: a plain near 60 m and Gaussian hills; not a terrain model."""
    total = np.full(len(xy), 60.0)
    for lon, lat, height, half_km in HIGHS:
        offset = (xy - to_plane((lon, lat))) / (half_km * 1000)
        total = np.maximum(total, 60 + (height - 60) * np.exp(-0.5 * (offset**2).sum(axis=1)))
    return total


def slope_deg(xy: Floats, step_m: float = 200.0) -> Floats:
    """Slope of `height_m` by central differences, degrees, steepened by smooth noise: Gaussian hills are too round."""
    east, north = np.array([step_m, 0.0]), np.array([0.0, step_m])
    dx = (height_m(xy + east) - height_m(xy - east)) / (2 * step_m)
    dy = (height_m(xy + north) - height_m(xy - north)) / (2 * step_m)
    rough = np.clip(2.4 + 1.6 * noise(xy, "slope", 3_000), 0.6, 6.0)
    return np.asarray(np.degrees(np.arctan(np.hypot(dx, dy) * rough)))
