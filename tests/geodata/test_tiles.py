"""Tiles hold to Mapbox Vector Tile 2.1 as another reader sees them, and to the points they were made from."""

from collections import Counter
from typing import Any

import mapbox_vector_tile
import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.catalog import Catalog
from geodata.city import City
from geodata.datasets import dataset
from geodata.errors import BadInput, NotFound
from geodata.mercator import to_world
from geodata.points import STATE_RANK, PointIndex, index_points
from geodata.shapes import ShapeIndex, index_shapes
from geodata.tiles import TileService, cell_tile, point_tile, shape_tile, warm_up

CLASSES, STATES = ["01", "02", "06", None], ["normal", "damaged", "unknown", None]
place = st.tuples(st.floats(118.30, 118.42), st.floats(35.00, 35.10))
names = st.sampled_from(["", "路灯", "x" * 200])
component = st.tuples(
    place, st.sampled_from(CLASSES), st.sampled_from(STATES), st.sampled_from(["", "路灯", "x" * 200])
)


def decode(body: bytes) -> list[dict[str, Any]]:
    if not body:
        return []
    layers = mapbox_vector_tile.decode(body, default_options={"y_coord_down": True})
    (layer,) = layers.values()
    assert (layer["extent"], layer["version"]) == (4096, 2)
    return layer["features"]


def index_of(rows: list[tuple[Any, ...]]) -> PointIndex:
    places, classes, states, names = zip(*rows, strict=True)
    table = pa.table(
        {
            "id": [f"{at:016d}" for at in range(len(rows))],
            "name": names,
            "class_code": classes,
            "state": states,
            "geometry": [shapely.Point(where).wkb for where in places],
        }
    )
    return index_points(table, dataset("city_components"), "v1")


def tiles_of(index: PointIndex, zoom: int) -> list[tuple[int, int]]:
    shift = 32 - zoom
    return sorted({(int(x) >> shift, int(y) >> shift) for x, y in zip(index.x, index.y, strict=True)})


@settings(max_examples=50, deadline=None)
@given(st.lists(component, min_size=1, max_size=40), st.integers(13, 20))
def test_every_point_is_in_one_unbuffered_tile_within_a_unit(rows: list[tuple[Any, ...]], zoom: int) -> None:
    index, found = index_of(rows), []
    for x, y in tiles_of(index, zoom):
        for feature in decode(point_tile(index, zoom, x, y)):
            px, py = feature["geometry"]["coordinates"]
            if 0 <= px < 4096 and 0 <= py < 4096:
                found.append((x * 4096 + px, y * 4096 + py, feature["properties"]))
    assert len(found) == len(rows)
    scale = 4096 * (1 << zoom) / 2**32
    if zoom < 16:
        wanted = Counter((c, s) for _, c, s, _ in rows)
        assert Counter((tags.get("c"), tags.get("s")) for _, _, tags in found) == wanted
        return
    assert len({tags["id"] for _, _, tags in found}) == len(rows)
    for px, py, tags in found:
        (lon, lat), klass, state, name = rows[int(tags["id"])]
        wx, wy = to_world(lon, lat)
        assert abs(px - wx * scale) <= 1
        assert abs(py - wy * scale) <= 1
        assert (tags.get("c"), tags.get("s"), tags.get("name", "")) == (klass, state, name)


@settings(max_examples=50, deadline=None)
@given(st.lists(component, min_size=1, max_size=60), st.integers(0, 16))
def test_cells_count_every_point_once_and_show_the_worst(rows: list[tuple[Any, ...]], zoom: int) -> None:
    index, pairs, total = index_of(rows), Counter(), 0
    for x, y in tiles_of(index, zoom):
        for feature in decode(cell_tile(index, zoom, x, y)):
            tags = feature["properties"]
            inside = {tuple(key.split("|")): n for key, n in tags.items() if "|" in key}
            assert sum(inside.values()) == tags["n"]
            worst = max(STATE_RANK.get(state, -1) for _, state in inside)
            assert STATE_RANK.get(tags["worst"], -1) == worst
            assert all(v % 256 == 128 for v in feature["geometry"]["coordinates"])
            pairs.update(inside)
            total += tags["n"]
    assert total == len(rows)
    assert pairs == Counter((c or "", s or "") for _, c, s, _ in rows)


def test_counts_beyond_every_varint_size_stay_exact() -> None:
    """One cell with 20,000 points: 128, 16,384 and the reuse table's 4,096 are all passed."""
    index = index_of([((118.3, 35.0), "01", "normal", "")] * 20_000)
    ((x, y),) = tiles_of(index, 8)
    (feature,) = decode(cell_tile(index, 8, x, y))
    assert feature["properties"] == {"n": 20_000, "worst": "normal", "01|normal": 20_000}
    assert len(decode(point_tile(index, 15, *tiles_of(index, 15)[0]))) == 20_000


def shape_index(layer: str, shapes: list[Any], **columns: list[Any]) -> ShapeIndex:
    table = {"id": [str(at + 1) for at in range(len(shapes))], "geometry": [shape.wkb for shape in shapes], **columns}
    return index_shapes(pa.table(table), dataset(layer), "v1")


disc = st.tuples(place, st.floats(0.0005, 0.05), st.integers(1, 8))


@settings(max_examples=60, deadline=None)
@given(st.lists(disc, min_size=1, max_size=4), st.integers(8, 17))
def test_polygons_are_wound_and_cover_what_they_should(discs: list[Any], zoom: int) -> None:
    """Rings around holes of many sizes: a wrong winding would fill the hole or lose the ring."""
    discs = [(shapely.Point(where), radius, segments) for where, radius, segments in discs]
    shapes = [at.buffer(r, n).difference(at.buffer(r / 2, n)) for at, r, n in discs]
    index = shape_index("hills", shapes, name=[f"山{at}" for at in range(len(shapes))])
    middle = shapes[0].representative_point()
    size, (wx, wy) = 1 << (32 - zoom), to_world(middle.x, middle.y)
    x, y = int(wx // size), int(wy // size)
    window = shapely.box(-128, -128, 4224, 4224)
    for feature in decode(shape_tile(index, zoom, x, y)):
        drawn = shapely.geometry.shape(feature["geometry"])
        source = index.shapes[int(feature["properties"]["id"]) - 1]
        local = shapely.transform(source, lambda p: (p - (x * size, y * size)) / size * 4096)
        assert window.buffer(1).covers(drawn)
        gap = drawn.buffer(0).symmetric_difference(local.intersection(window)).area
        assert gap <= 12 * local.intersection(window).length + 500  # half a pixel of thinning, along the outline


def test_a_polygon_that_crosses_itself_still_makes_a_tile() -> None:
    bowtie = shapely.Polygon([(118.30, 35.00), (118.40, 35.10), (118.40, 35.00), (118.30, 35.10)])
    index = shape_index("hills", [bowtie], name=["山"])
    wx, wy = to_world(118.35, 35.05)
    (feature,) = decode(shape_tile(index, 10, int(wx) >> 22, int(wy) >> 22))
    assert feature["geometry"]["type"] == "MultiPolygon"


@pytest.mark.parametrize("length", [127, 128, 16_383, 16_384, 70_000])
def test_long_names_keep_their_lengths(length: int) -> None:
    index = index_of([((118.3, 35.0), "01", "normal", "长" + "x" * (length - 3))])
    (feature,) = decode(point_tile(index, 16, *tiles_of(index, 16)[0]))
    assert len(feature["properties"]["name"].encode()) == length


def test_lines_carry_class_and_name_and_small_roads_wait() -> None:
    lines = [shapely.LineString([(118.30, 35.00), (118.32, 35.01), (118.40, 35.05)]) for _ in range(2)]
    index = shape_index("roads", lines, name=["沂蒙路", ""], road_class=["trunk", "residential"])
    wx, wy = to_world(118.32, 35.01)
    for zoom, classes in ((10, ["trunk"]), (14, ["trunk", "residential"])):
        features = decode(shape_tile(index, zoom, int(wx) >> (32 - zoom), int(wy) >> (32 - zoom)))
        assert [feature["properties"]["c"] for feature in features] == classes
        assert {feature["geometry"]["type"] for feature in features} == {"LineString"}
        assert features[0]["properties"]["name"] == "沂蒙路"


@pytest.fixture
def service(tmp_path: Any) -> TileService:
    import geopandas as gpd

    frame = gpd.GeoDataFrame({"id": ["1"], "name": ["库"], "county_code": "371302", "items": "沙袋", "sample": True},
                             geometry=shapely.points([118.3], [35.0]), crs="EPSG:4326")  # fmt: skip
    catalog = Catalog(tmp_path)
    catalog.write("warehouses", frame)
    return TileService(City.load(catalog), cache_bytes=2_000)


@pytest.mark.parametrize("where", [(-1, 0, 0), (21, 0, 0), (3, 8, 0), (3, 0, 8), (3, -1, 0)])
def test_a_place_that_is_none_is_bad_input(service: TileService, where: tuple[int, int, int]) -> None:
    with pytest.raises(BadInput):
        service.tile("warehouses", *where)


def test_unknown_and_empty_layers_are_not_found(service: TileService) -> None:
    for layer in ("nothing", "cameras"):
        with pytest.raises(NotFound):
            service.tile(layer, 0, 0, 0)


def test_the_cache_is_bounded_and_follows_the_data(service: TileService) -> None:
    first = service.tile("warehouses", 0, 0, 0)
    assert service.cached("warehouses", 0, 0, 0) is first
    for x in range(16):
        service.tile("warehouses", 4, x, 0)
    assert service.cached("warehouses", 0, 0, 0) is None
    assert service._size <= 2_000
    again = service.tile("warehouses", 0, 0, 0)
    assert (again.body, again.etag) == (first.body, first.etag)
    frame = service.city.frame("warehouses").assign(name="新库", items="木桩")
    service.city.catalog.write("warehouses", frame)
    service.city.refresh()
    assert service.tile("warehouses", 0, 0, 0).etag != first.etag


def test_tilejson_names_the_layer_and_its_bounds(service: TileService) -> None:
    made = service.tilejson("warehouses", "http://city/")
    assert made["tilejson"] == "3.0.0"
    assert made["vector_layers"][0]["id"] == "warehouses"
    assert made["tiles"][0].startswith("http://city/tiles/warehouses/{z}/{x}/{y}.pbf")
    assert np.allclose(made["bounds"], [118.3, 35.0, 118.3, 35.0])


def test_warm_up_leaves_nothing_to_compile() -> None:
    from geodata import mvt, mvt_cells, mvt_shapes

    warm_up()
    for kernel in (mvt.encode_points, mvt.encode_named_points, mvt_cells.encode_cells, mvt_shapes.frame_features):
        assert kernel.signatures
