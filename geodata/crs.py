"""Coordinate systems at the edge of the city: everything inside is WGS-84, longitude before latitude."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import CRSError

from geodata.errors import BadInput

Floats = NDArray[np.float64]
Shapes = NDArray[np.object_]

WGS84: Final = "WGS-84"
GCJ02: Final = "GCJ-02"
BD09: Final = "BD-09"
CHOICES: Final = "WGS-84、CGCS2000、GCJ-02(高德、腾讯)、BD-09(百度)、EPSG:4527 等 EPSG 代码,或 WKT"
CHINA: Final = (72.004, 0.8293, 137.8347, 55.8271)  # where GCJ-02 shifts: west, south, east, north

_AXIS_M, _ECCENTRICITY2 = 6378245.0, 0.00669342162296594323  # Krasovsky 1940, as GCJ-02 uses it
_BD_LON, _BD_LAT = 0.0065, 0.0060
_ROUNDS = 8  # the shift's slope is below 0.005, so each round gains two digits: under a micrometre after eight
_NAMES: Final = {
    "wgs84": WGS84,
    "epsg:4326": WGS84,
    "ogc:crs84": WGS84,
    "crs84": WGS84,
    "urn:ogc:def:crs:ogc:1.3:crs84": WGS84,
    "urn:ogc:def:crs:epsg::4326": WGS84,
    "cgcs2000": WGS84,
    "epsg:4490": WGS84,
    "urn:ogc:def:crs:epsg::4490": WGS84,
    "gcj02": GCJ02,
    "bd09": BD09,
    "bd09ll": BD09,
}


def datum_name(datum: str) -> str:
    """The canonical name of `datum`: `WGS-84` (CGCS2000 geographic is the same here), `GCJ-02`, `BD-09`, or a CRS text.

    Raises `BadInput`, naming what may be given, when nothing understands it.
    """
    plain = datum.strip().lower()
    found = _NAMES.get(plain) or _NAMES.get(plain.replace("-", "").replace(" ", "").replace("_", ""))
    if found:
        return found
    try:
        crs = CRS.from_user_input(datum.strip())
    except CRSError:
        raise BadInput(f"不认识坐标系 {datum[:80]!r};可用:{CHOICES}", crs=datum[:80]) from None
    if _is_wgs84(crs):
        return WGS84
    if not (crs.is_geographic or crs.is_projected):
        raise BadInput(f"坐标系 {crs.name!r} 不是平面或经纬度坐标系;可用:{CHOICES}", crs=datum[:80])
    return datum.strip()


def _is_wgs84(crs: CRS) -> bool:
    """Geographic WGS-84 or CGCS2000, also where the WKT is Esri's, which carries no authority code."""
    if not crs.is_geographic or crs.is_bound:
        return False
    if crs.to_epsg() in (4326, 4490, 4979, 4480):
        return True
    name = crs.name.lower().replace(" ", "_")
    degrees = all("degree" in axis.unit_name.lower() for axis in crs.axis_info[:2])
    return degrees and name in {"gcs_wgs_1984", "wgs_84", "wgs_84_(crs84)", "gcs_china_geodetic_coordinate_system_2000"}


def datum_note(datum: str) -> str:
    """What an operator must know of the accuracy of `datum`; "" when the conversion is good to a metre."""
    name = datum_name(datum)
    if name in (WGS84, GCJ02, BD09):
        return ""
    base = (CRS.from_user_input(name).geodetic_crs or CRS.from_user_input(name)).name.lower()
    if any(old in base for old in ("beijing", "xian")):
        return f"坐标系 {base} 到 WGS-84 的精确转换参数不公开,换算误差可达数米至数十米"
    return ""


def to_wgs84(geometries: Shapes, datum: str) -> Shapes:
    """(n,) shapely geometries in `datum` → WGS-84, longitude first, Z dropped; None stays None.

    GCJ-02 and BD-09 are inverted by fixed-point iteration, far better than the 0.1 m that is asked for.
    """
    return _mapped(geometries, _backward(datum_name(datum)))


def from_wgs84(geometries: Shapes, datum: str) -> Shapes:
    """The way back: (n,) WGS-84 geometries → `datum`, x (east) before y, Z dropped."""
    return _mapped(geometries, _forward(datum_name(datum)))


def coordinates_to_wgs84(coordinates: Floats, datum: str) -> Floats:
    """(n, 2) of x, y in `datum` → (n, 2) of longitude, latitude in degrees; what cannot be converted becomes inf."""
    return _backward(datum_name(datum))(np.asarray(coordinates, np.float64))


def geodesic_area_km2(geometries: Shapes) -> Floats:
    """(n,) WGS-84 polygons → (n,) areas in km² on the WGS-84 ellipsoid (Karney 2013, through PROJ); others are 0."""
    geod = Geod(ellps="WGS84")
    oriented = shapely.orient_polygons(np.asarray(geometries, dtype=object))
    areas = [0.0 if shape is None else abs(geod.geometry_area_perimeter(shape)[0]) for shape in oriented]
    return np.array(areas, np.float64) / 1e6


def _mapped(geometries: Shapes, change: Callable[[Floats], Floats] | None) -> Shapes:
    flat = shapely.force_2d(np.asarray(geometries, dtype=object))
    result: Shapes = flat if change is None else shapely.transform(flat, change)
    return result


def _same(coordinates: Floats) -> Floats:
    return coordinates


def _backward(name: str) -> Callable[[Floats], Floats]:
    if name == WGS84:
        return _same
    if name in (GCJ02, BD09):
        return _inverse_of(_SHIFTS[name])
    return _projected(CRS.from_user_input(name), CRS.from_epsg(4326))


def _forward(name: str) -> Callable[[Floats], Floats]:
    if name == WGS84:
        return _same
    return _SHIFTS.get(name) or _projected(CRS.from_epsg(4326), CRS.from_user_input(name))


def _projected(source: CRS, target: CRS) -> Callable[[Floats], Floats]:
    transformer = Transformer.from_crs(source, target, always_xy=True)

    def change(coordinates: Floats) -> Floats:
        moved: Any = transformer.transform(coordinates[:, 0], coordinates[:, 1])
        return np.column_stack(moved)

    return change


def _inverse_of(forward: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    """The inverse of a small smooth shift: repeat `guess -= forward(guess) - wanted` (Cai Jun, geoChina, 2014)."""

    def change(wanted: Floats) -> Floats:
        guess = wanted.copy()
        with np.errstate(invalid="ignore"):
            for _ in range(_ROUNDS):
                guess -= forward(guess) - wanted
        return guess

    return change


def _wgs_to_gcj(coordinates: Floats) -> Floats:
    """GCJ-02 of WGS-84, (n, 2) degrees; outside China unchanged. Formula: PRCoords (Wang 2016), there in metres."""
    with np.errstate(invalid="ignore", over="ignore"):
        lon, lat = coordinates[:, 0], coordinates[:, 1]
        inside = (lon >= CHINA[0]) & (lon <= CHINA[2]) & (lat >= CHINA[1]) & (lat <= CHINA[3])
        x, y = np.where(inside, lon, 105.0) - 105.0, np.where(inside, lat, 35.0) - 35.0
        east_m, north_m = _shift_m(x, y)
        sine = np.sin(np.radians(y + 35.0))
        bend = 1 - _ECCENTRICITY2 * sine * sine
        lat_degree_m = np.radians(_AXIS_M * (1 - _ECCENTRICITY2) / bend**1.5)
        lon_degree_m = np.radians(_AXIS_M * np.sqrt(1 - sine * sine) / np.sqrt(bend))
        shift = np.column_stack((east_m / lon_degree_m, north_m / lat_degree_m))
    return coordinates + np.where(inside[:, None], shift, 0.0)


def _shift_m(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The obfuscation in metres east and north at `x` = longitude - 105, `y` = latitude - 35 (degrees)."""
    pi, root = np.pi, np.sqrt(np.abs(x))
    ripple = 2 * np.sin(6 * pi * x) + 2 * np.sin(2 * pi * x)
    east_waves = 2 * np.sin(pi * x) + 4 * np.sin(pi * x / 3) + 15 * np.sin(pi * x / 12) + 30 * np.sin(pi * x / 30)
    north_waves = 2 * np.sin(pi * y) + 4 * np.sin(pi * y / 3) + 16 * np.sin(pi * y / 12) + 32 * np.sin(pi * y / 30)
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + (ripple + east_waves) * 20 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + (ripple + north_waves) * 20 / 3
    return east, north


def _wgs_to_bd(coordinates: Floats) -> Floats:
    """BD-09 of WGS-84 by way of GCJ-02; outside China unchanged, so that the two datums agree on where that is."""
    gcj = _wgs_to_gcj(coordinates)
    with np.errstate(invalid="ignore", over="ignore"):
        x, y = gcj[:, 0], gcj[:, 1]
        radius = np.hypot(x, y) + 0.00002 * np.sin(np.radians(y) * 3000)
        angle = np.arctan2(y, x) + 0.000003 * np.cos(np.radians(x) * 3000)
        moved = np.column_stack((radius * np.cos(angle) + _BD_LON, radius * np.sin(angle) + _BD_LAT))
    lon, lat = coordinates[:, 0], coordinates[:, 1]
    inside = (lon >= CHINA[0]) & (lon <= CHINA[2]) & (lat >= CHINA[1]) & (lat <= CHINA[3])
    return np.where(inside[:, None], moved, coordinates)


_SHIFTS: Final = {GCJ02: _wgs_to_gcj, BD09: _wgs_to_bd}
