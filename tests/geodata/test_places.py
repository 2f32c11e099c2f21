"""Metres must be metres: distances against pyproj's geodesics, containment against shapely, on a small real city."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from geodata.catalog import Catalog
from geodata.city import City
from geodata.errors import BadInput, NotFound
from geodata.places import CityPlaces, in_ring, metres

GEOD = Geod(ellps="WGS84")
LON, LAT = 118.35, 35.06


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> CityPlaces:
    catalog = Catalog(tmp_path_factory.mktemp("places"))
    rng = np.random.default_rng(7)
    spread = rng.uniform(-0.05, 0.05, (300, 2)) + np.array([LON, LAT])
    points = {
        "id": [f"W{n}" for n in range(300)], "name": [f"点{n}" for n in range(300)],
        "kind": ["underpass" if n % 3 == 0 else "road" for n in range(300)], "county_code": ["371302"] * 300,
        "sensor_id": [""] * 300, "slow_depth_m": [0.2] * 300, "close_depth_m": [0.27] * 300,
        "pump_m3_h": [0.0] * 300, "camera_id": [""] * 300, "sample": [True] * 300,
    }  # fmt: skip
    frame = gpd.GeoDataFrame(points, geometry=shapely.points(spread), crs="EPSG:4326")
    catalog.write("waterlogging_points", frame)
    cells = [shapely.box(LON + 0.01 * n, LAT, LON + 0.01 * (n + 1), LAT + 0.01) for n in range(5)]
    grid = {
        "id": [f"G{n}" for n in range(5)], "name": [f"网格{n}" for n in range(5)], "county_code": ["371302"] * 5,
        "danger_level": [1, 2, 3, 4, 5], "slope_deg": [5.0] * 5, "cover": ["松"] * 5, "sample": [True] * 5,
    }  # fmt: skip
    catalog.write("forest_grid", gpd.GeoDataFrame(grid, geometry=cells, crs="EPSG:4326"))
    rivers = {"id": ["R1"], "name": ["示例河"], "rank": [1], "sample": [True]}
    line = shapely.LineString([(LON - 0.1, LAT - 0.1), (LON + 0.1, LAT + 0.12)])
    catalog.write("rivers", gpd.GeoDataFrame(rivers, geometry=[line], crs="EPSG:4326"))
    made = CityPlaces(City.load(catalog, ("waterlogging_points", "forest_grid", "rivers")))
    made.spread, made.line = spread, line  # type: ignore[attr-defined]
    return made


NEARBY = st.tuples(st.floats(-0.06, 0.06), st.floats(-0.06, 0.06)).map(lambda d: (LON + d[0], LAT + d[1]))


@settings(max_examples=80, deadline=None)
@given(NEARBY, st.floats(10, 5_000))
def test_the_nearest_point_within_geodesic_metres(places: CityPlaces, here: tuple[float, float], within: float) -> None:
    spread = places.spread  # type: ignore[attr-defined]
    away = GEOD.inv(*[np.full(300, axis) for axis in here], spread[:, 0], spread[:, 1])[2]
    found = places.near("waterlogging_points", *here, within, {})
    if abs(away.min() - within) < 0.05:
        return  # the map keeps centimetres
    assert (found is not None) is bool(away.min() <= within)
    if found is not None:
        assert found[0] == f"点{int(away.argmin())}" or np.sort(away)[1] - away.min() < 0.05
        assert found[1] == pytest.approx(away.min(), abs=0.05)


@settings(max_examples=40, deadline=None)
@given(NEARBY)
def test_the_nearest_of_a_line_is_that_of_its_geodesic(places: CityPlaces, here: tuple[float, float]) -> None:
    dense = shapely.get_coordinates(shapely.segmentize(places.line, 0.00005))  # type: ignore[attr-defined]
    away = GEOD.inv(*[np.full(len(dense), axis) for axis in here], dense[:, 0], dense[:, 1])[2].min()
    found = places.near("rivers", *here, 50_000, {})
    assert found is not None
    assert found[1] == pytest.approx(away, rel=0.002, abs=5)


@given(st.floats(-179, 179), st.floats(-84, 84), st.floats(-179, 179), st.floats(-84, 84))
def test_metres_are_those_of_the_ellipsoid(lon: float, lat: float, other_lon: float, other_lat: float) -> None:
    expected = GEOD.inv(lon, lat, other_lon, other_lat)[2]
    assert metres(lon, lat, [other_lon], [other_lat])[0] == pytest.approx(expected, abs=1e-6)


def test_one_degree_of_latitude_is_as_published() -> None:
    # the meridian degree at 35.5° on WGS-84 is 110.95 km
    assert metres(118, 35, [118], [36])[0] == pytest.approx(110_950, abs=15)


@pytest.mark.parametrize(
    ("lon", "level", "name"), [(0.005, 1, "网格0"), (0.045, 5, "网格4"), (0.051, 0, ""), (0.02, 3, "网格2")]
)
def test_the_highest_cell_counts_on_an_edge(places: CityPlaces, lon: float, level: int, name: str) -> None:
    assert places.grid_level("forest_grid", LON + lon, LAT + 0.005) == (level, name)


def test_inside_by_id_and_fields(places: CityPlaces) -> None:
    here = (LON + 0.015, LAT + 0.005)
    assert places.inside("forest_grid", *here) == "网格1"
    assert places.inside("forest_grid", *here, frozenset({"G2"})) is None
    assert places.inside("forest_grid", LON - 0.01, LAT) is None
    found = places.near("waterlogging_points", LON, LAT, 20_000, {"kind": "underpass"})
    assert found is not None
    assert int(found[0].removeprefix("点")) % 3 == 0
    assert places.near("waterlogging_points", LON, LAT, 20_000, {"kind": "tunnel"}) is None
    assert places.near("forest_grid", *here, 1, {"danger_level": "2"}) == ("网格1", 0.0)


def test_a_layer_without_data_and_a_place_that_is_none(places: CityPlaces) -> None:
    with pytest.raises(NotFound):
        places.inside("counties", LON, LAT)
    assert places.county(LON, LAT) == ("", "")
    with pytest.raises(BadInput):
        places.near("rivers", float("nan"), LAT, 10, {})


def test_rings() -> None:
    corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
    assert in_ring(0.9, 0.5, corners)
    assert in_ring(0.5, 0.0, corners)
    assert not in_ring(0.1, 0.5, corners)


def test_the_sample_city_answers(sample_source: Path) -> None:
    city = City.load(Catalog(sample_source), ("forest_grid", "waterlogging_points", "counties"))
    asked = CityPlaces(city)
    cell = city.frame("forest_grid").dropna(subset=["danger_level"]).iloc[0]
    inside = cell.geometry.representative_point()
    assert asked.grid_level("forest_grid", inside.x, inside.y)[0] >= int(cell.danger_level)
    point = city.frame("waterlogging_points").iloc[0]
    code, name = asked.county(point.geometry.x, point.geometry.y)
    assert (code, bool(name)) == (point.county_code, True)
    found = asked.near("waterlogging_points", point.geometry.x, point.geometry.y, 1.0, {})
    assert found is not None
    assert found[1] < 0.05
