"""Waterlogging points and sensors of the sample city."""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely
from scipy.spatial import cKDTree

from geodata.sample.allocation import low_places, underpasses
from geodata.sample.along_streets import Streets
from geodata.sample.facts import CODES, NAMES, RIVER_GAUGES, Scale
from geodata.sample.frames import frame_of, pick, points_of
from geodata.sample.land import county_of, scattered_in
from geodata.sample.plane import Floats, generator, to_lonlat, to_plane

SLOW_DEPTH_M, CLOSE_DEPTH_M = 0.20, 0.27  # as hazards.waterlogging, which geodata may not import
# kind, id prefix, quantity, share of the sensors that are left after gauges
OTHERS: tuple[tuple[str, str, str, float], ...] = (
    ("井盖液位计", "manhole", "level_m", 0.55),
    ("温度计", "temperature", "temperature_c", 0.15),
    ("燃气浓度计", "gas", "gas_lel_pct", 0.15),
    ("井盖状态计", "cover", "tilt_deg", 0.15),
)


def waterlogging(streets: Streets, camera_ids: Sequence[str], camera_xy: Floats) -> tuple[gpd.GeoDataFrame, Floats]:
    """All points, underpasses first, and their (n, 2) metres."""
    rng, below, low = generator("waterlogging"), underpasses(), low_places()
    places = [*below, *low]
    xy = np.vstack(
        (
            streets.draw_in([place.county_code for place in below], rng, main=True),
            streets.draw_in([place.county_code for place in low], rng, main=False),
        )
    )
    nearest = cKDTree(camera_xy).query(xy)[1]
    pumps = np.full(len(places), np.nan)
    pumps[: len(below)] = rng.choice((300.0, 600.0, 900.0, 1200.0, 1800.0), len(below))
    columns = {
        "id": [place.id for place in places],
        "name": [place.name for place in places],
        "kind": [place.kind for place in places],
        "county_code": [place.county_code for place in places],
        "sensor_id": [sensor_of(place.id) for place in places],
        "slow_depth_m": np.full(len(places), SLOW_DEPTH_M),
        "close_depth_m": np.full(len(places), CLOSE_DEPTH_M),
        "pump_m3_h": pumps,
        "camera_id": pick(camera_ids, nearest),
    }
    return frame_of("waterlogging_points", columns, points_of(to_lonlat(xy))), xy


def sensor_of(point_id: str) -> str:
    """The depth gauge of a waterlogging point."""
    return point_id.replace("sample-", "depth-")


Row = tuple[str, str, str, str, str, str]  # id, name, kind, quantities, county code, asset id


def sensors(
    scale: Scale, points: gpd.GeoDataFrame, points_xy: Floats, streets: Streets, shapes: list[shapely.Polygon]
) -> gpd.GeoDataFrame:
    """Depth gauges, rain gauges, river stations, then street sensors up to the scale's count."""
    rows: list[Row] = [
        (gauge, f"{name} 水尺", "积水水尺", "depth_m", county, point_id)
        for gauge, name, county, point_id in zip(
            points["sensor_id"], points["name"], points["county_code"], points["id"], strict=True
        )
    ]
    rain_xy, river_xy = rain_places(scale, shapes), to_plane([gauge[3:] for gauge in RIVER_GAUGES])
    rain_county = county_of(rain_xy, shapes)
    rows += [
        (f"rain-{n:04d}", f"示例雨量站 {n:04d}", "雨量站", "rain_mm_h", CODES[c], "")
        for n, c in enumerate(rain_county, 1)
    ]
    rows += [
        (gauge[0], f"{gauge[1]}站({gauge[2]},位置示意)", "河道站", "stage_m,flow_m3s", CODES[c], "")
        for gauge, c in zip(RIVER_GAUGES, county_of(river_xy, shapes), strict=True)
    ]
    street_rows, street_xy = street_sensors(scale.sensors - len(rows), streets)
    rows += street_rows
    names = ("id", "name", "kind", "quantities", "county_code", "asset_id")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    xy = np.vstack((points_xy, rain_xy, river_xy, street_xy))
    return frame_of("sensors", columns, points_of(to_lonlat(xy)))


def rain_places(scale: Scale, shapes: list[shapely.Polygon]) -> Floats:
    """(rain gauges, 2) metres, spread evenly at random over the city."""
    return scattered_in(shapes, scale.rain_gauges, generator("rain-gauges"))


def street_sensors(count: int, streets: Streets) -> tuple[list[Row], Floats]:
    """`count` sensors beside the streets, in the shares of `OTHERS`."""
    rng = generator("street-sensors")
    xy, county = streets.draw(count, rng, (1.0, 8.0))
    share = np.array([row[3] for row in OTHERS])
    kind = rng.choice(len(OTHERS), count, p=share / share.sum())
    rows = []
    for n, (k, c) in enumerate(zip(kind, county, strict=True), 1):
        word, prefix, quantity, _ = OTHERS[k]
        name = f"示例{word} {n:05d}({NAMES[CODES[c]]})"
        rows.append((f"{prefix}-{n:05d}", name, word, quantity, CODES[c], ""))
    return rows, xy
