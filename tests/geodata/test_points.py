"""The Z-order index holds every row once, finds what a plain scan finds, and gives back what was stored."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from geodata.catalog import Catalog
from geodata.city import City
from geodata.errors import NotFound
from geodata.mercator import metres_between, to_degrees, to_world, units_per_metre
from geodata.query import nearest, search
from geodata.tiles import TileService
from geodata.zorder import fullest_tile, morton_keys, rows_in_box, tile_rows

world = hnp.arrays(np.uint32, (200, 2), elements=st.integers(0, 2**32 - 1) | st.integers(2**31, 2**31 + 4000))


def in_key_order(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(morton_keys(places[:, 0].copy(), places[:, 1].copy()), kind="stable")
    return places[order, 0].copy(), places[order, 1].copy()


def components(rows: list[tuple[str, str, float, float]]) -> gpd.GeoDataFrame:
    """A frame of components from (id, name, lon, lat)."""
    ids, names, lons, lats = zip(*rows, strict=True)
    fixed = {"class_code": "01", "subclass_code": "02", "state": "normal", "county_code": None, "dept_code": "D"}
    columns = {"id": ids, "name": names, **{key: [value] * len(rows) for key, value in fixed.items()}, "sample": True}
    return gpd.GeoDataFrame(columns, geometry=shapely.points(lons, lats), crs="EPSG:4326")


@settings(max_examples=60, deadline=None)
@given(world, st.tuples(*[st.integers(0, 2**32)] * 4), st.integers(0, 4200))
def test_a_box_holds_what_a_scan_finds(places: np.ndarray, corners: tuple[int, ...], size: int) -> None:
    x, y = in_key_order(places)
    x0, x1 = sorted(corners[:2])
    y0, y1 = sorted(corners[2:])
    for box in ((x0, y0, x1, y1), (2**31, 2**31, 2**31 + size, 2**31 + size)):
        wanted = (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3])
        assert sorted(rows_in_box(x, y, *box)) == list(np.flatnonzero(wanted))


@settings(max_examples=40, deadline=None)
@given(world, st.integers(0, 20))
def test_tiles_part_the_rows(places: np.ndarray, zoom: int) -> None:
    x, y = in_key_order(places)
    shift = np.uint32(min(32 - zoom, 31))
    tiles = {(int(a) >> (32 - zoom), int(b) >> (32 - zoom)) for a, b in zip(x, y, strict=True)}
    sizes = [high - low for low, high in (tile_rows(x, y, zoom, *tile) for tile in tiles)]
    assert sum(sizes) == len(x)
    assert max(sizes) == fullest_tile(x, y, zoom)
    assert shift <= 31


@pytest.mark.parametrize(("lon", "lat", "x", "y"), [(-180, 85.05112877980659, 0, 0), (0, 0, 2**31, 2**31)])
def test_world_corners(lon: float, lat: float, x: int, y: int) -> None:
    assert to_world(lon, lat) == pytest.approx((x, y), abs=1e-3)


@given(st.floats(-179.9, 179.9), st.floats(-85, 85))
def test_degrees_there_and_back(lon: float, lat: float) -> None:
    assert to_degrees(*to_world(lon, lat)) == pytest.approx((lon, lat), abs=1e-9)


def test_distance_of_one_degree_of_latitude() -> None:
    """A degree of a meridian on the mean sphere (R = 6371.0088 km, IUGG) is 111.195 km."""
    assert metres_between(118, 35, [118], [36])[0] == pytest.approx(111_195, abs=1)
    assert units_per_metre(0) == pytest.approx(2**32 / 40_075_016.686)


def test_rows_come_back_as_stored(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    rows = [("3713020101000001", "路灯", 118.35, 35.05), ("3713020101000002", "井盖<b>", 118.36, 35.06)]
    catalog.write("city_components", components(rows))
    city = City.load(catalog)
    row = city.row("city_components", "3713020101000002")
    assert row is not None
    assert (row["name"], row["state"], row["county_code"], row["sample"]) == ("井盖<b>", "normal", "", True)
    assert (row["lon"], row["lat"]) == pytest.approx((118.36, 35.06), abs=2e-7)
    assert city.row("city_components", "nobody") is None
    assert city.row("cameras", "nobody") is None
    assert len(city.frame("city_components")) == 2


def test_ids_of_any_width_are_found(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    ids = ["a", "b2", "队伍三", "a1", "c" * 64]
    teams = gpd.GeoDataFrame(
        {"id": ids, "name": ids, "kind": "fire", "capabilities": "x", "members": [1, 2, 3, 4, None]},
        geometry=shapely.points(np.linspace(118, 119, 5), 35.0),
        crs="EPSG:4326",
    ).assign(state="ready", sample=True, county_code="371302")  # fmt: skip
    catalog.write("teams", teams)
    index = City.load(catalog).points["teams"]
    assert [index.id_at(index.find(name)) for name in ids] == ids
    assert [index.id_at(row) for row in index.with_prefix("a")] == ["a", "a1"]


def test_refresh_reloads_only_what_changed(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    city = City.load(catalog)
    assert city.points == {}
    with pytest.raises(NotFound, match="还没有数据"):
        city.index("cameras")
    catalog.write("city_components", components([("3713020101000001", "路灯", 118.35, 35.05)]))
    assert city.refresh() == ["city_components"]
    assert city.refresh() == []
    held = city.points["city_components"]
    catalog.write("city_components", components([("3713020101000001", "路灯二", 118.35, 35.05)]))
    assert city.refresh() == ["city_components"]
    assert held.names[0] == "路灯"
    assert city.points["city_components"].names[0] == "路灯二"
    catalog.path("city_components").unlink()
    assert city.refresh() == ["city_components"]
    assert city.versions == {}


def test_a_layer_without_rows_is_there_and_empty(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    catalog.write("city_components", components([("3713020101000001", "路灯", 118.35, 35.05)]).iloc[:0])
    city = City.load(catalog)
    assert len(city.index("city_components")) == 0
    service = TileService(city)
    assert service.tile("city_components", 0, 0, 0).body == b""
    assert service.tilejson("city_components", "")["citybrain"]["count"] == 0
    assert search(city, "路灯") == []
    assert nearest(city, "city_components", 118.3, 35.0, 3) == []
