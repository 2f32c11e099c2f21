"""Vector tiles of the city, made on demand from the memory index and kept by data version.

A point layer shows cells below its `raw_from_zoom` and single points from there on: decided once a data version,
never tile by tile (docs/adr/0004-tiles.md).
"""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from geodata.city import City
from geodata.datasets import dataset
from geodata.errors import BadInput
from geodata.mvt import encode_named_points, encode_points, layer_tail, tile_bytes
from geodata.mvt_cells import CELLS, count_cells, encode_cells
from geodata.mvt_shapes import LINE, POLYGON, flatten, frame_features, value_table, write_geometry
from geodata.points import STATE_RANK, PointIndex, index_points
from geodata.shapes import NAMES_ALWAYS, NAMES_FROM_ZOOM, ShapeIndex, clip_to_tile, index_shapes
from geodata.zorder import tile_rows

MAX_ZOOM = 20
NAMED_FROM_ZOOM = 16  # points carry id and name from here on; below, a click asks the server
BUFFER = 128  # of 4096: eight screen pixels, so that a disc on the edge is whole in both tiles
CACHE_BYTES = 64 << 20
ENCODING = "1"  # part of every ETag: raise it when the bytes of a tile change for the same data


@dataclass(frozen=True, slots=True)
class Tile:
    """The bytes of one vector tile (empty when nothing lies there) and its entity tag, quoted."""

    body: bytes
    etag: str


class TileService:
    """Tiles of every loaded layer; `cache_bytes` bounds what is kept. Safe to share by threads."""

    def __init__(self, city: City, cache_bytes: int = CACHE_BYTES) -> None:
        self.city = city
        self.cache_bytes = cache_bytes
        self.is_warm = False  # set when the kernels are compiled: before that a tile may take seconds
        self._kept: OrderedDict[tuple[str, str, int, int, int], Tile] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def tile(self, layer: str, z: int, x: int, y: int) -> Tile:
        """One tile; `BadInput` outside the zoom's range, `NotFound` for a layer that is unknown or has no data."""
        kept = self.cached(layer, z, x, y)
        if kept is not None:
            return kept
        index = self.city.index(layer)
        body = encode_tile(index, z, x, y)
        tag = hashlib.blake2s(f"{ENCODING}/{layer}/{index.version}/{z}/{x}/{y}".encode(), digest_size=10).hexdigest()
        made = Tile(body, f'"{tag}"')
        self._keep((layer, index.version, z, x, y), made)
        return made

    def cached(self, layer: str, z: int, x: int, y: int) -> Tile | None:
        """The tile when it is at hand, without making it (for event loops); raises what `tile` raises."""
        check_place(z, x, y)
        key = (layer, self.city.index(layer).version, z, x, y)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def _keep(self, key: tuple[str, str, int, int, int], made: Tile) -> None:
        with self._lock:
            before = self._kept.pop(key, None)
            self._kept[key] = made
            self._size += _weight(made) - (_weight(before) if before else 0)
            while self._size > self.cache_bytes and self._kept:
                _, dropped = self._kept.popitem(last=False)
                self._size -= _weight(dropped)

    def tilejson(self, layer: str, base_url: str) -> dict[str, Any]:
        """TileJSON 3.0 of a layer; `citybrain` adds what our browser layer wants to know."""
        index = self.city.index(layer)
        spec = dataset(layer)
        fields = {"id": "String", "name": "String", "c": spec.class_field or "—", "s": spec.state_field or "—"}
        ours: dict[str, Any] = {"version": index.version, "count": len(index), "state_rank": STATE_RANK}
        if isinstance(index, PointIndex):
            fields |= {"n": "Number of points in the cell", "worst": "worst state there", "c|s": "Number of these"}
            ours |= {"raw_from_zoom": index.raw_from_zoom, "cells_per_tile": CELLS, "named_from_zoom": NAMED_FROM_ZOOM}
            ours["cell_reference"] = index.cell_references
        west, south, east, north = index.bounds()
        return {
            "tilejson": "3.0.0",
            "name": spec.title,
            "scheme": "xyz",
            "tiles": [f"{base_url.rstrip('/')}/tiles/{layer}/{{z}}/{{x}}/{{y}}.pbf?v={index.version}"],
            "minzoom": 0,
            "maxzoom": MAX_ZOOM,
            "bounds": [west, south, east, north],
            "center": [(west + east) / 2, (south + north) / 2, 9],
            "vector_layers": [
                {"id": layer, "description": spec.title, "minzoom": 0, "maxzoom": MAX_ZOOM, "fields": fields}
            ],
            "citybrain": ours,
        }


def _weight(tile: Tile) -> int:
    return len(tile.body) + 200  # what a kept entry costs beside its bytes


def check_place(z: int, x: int, y: int) -> None:
    """`BadInput` unless the tile exists."""
    if not 0 <= z <= MAX_ZOOM:
        raise BadInput(f"瓦片级别 {z} 超出范围;应为 0–{MAX_ZOOM}", z=z)
    if not (0 <= x < 1 << z and 0 <= y < 1 << z):
        raise BadInput(f"瓦片 {z}/{x}/{y} 不存在;第 {z} 级的列号和行号应为 0–{(1 << z) - 1}", z=z, x=x, y=y)


def encode_tile(index: PointIndex | ShapeIndex, z: int, x: int, y: int) -> bytes:
    """The bytes of a tile, without the cache."""
    if isinstance(index, ShapeIndex):
        return shape_tile(index, z, x, y)
    if z < index.raw_from_zoom:
        return cell_tile(index, z, x, y)
    return point_tile(index, z, x, y)


def point_tile(index: PointIndex, z: int, x: int, y: int) -> bytes:
    """Single points with `c` and `s`, at high zoom `id` and `name` too; buffered by `BUFFER`."""
    size = 1 << (32 - z)
    reach = (BUFFER << (20 - z)) if z < 20 else BUFFER
    left, top = x * size, y * size
    rows = index.in_box(left - reach, top - reach, left + size + reach, top + size + reach)
    if not rows.size:
        return b""
    classes, states, names = index.classes, index.states, index.names
    common = (index.x, index.y, rows, classes.codes, states.codes, classes.starts.size - 1, x, y, z)
    if z < NAMED_FROM_ZOOM:
        return tile_bytes(index.spec.id, encode_points(*common).tobytes(), index.point_tail(("c", "s")))
    wide = index.ids.view(np.uint8).reshape(len(index), -1)
    shared = classes.starts.size + states.starts.size - 2
    made, values = encode_named_points(*common, wide, names.codes, names.starts, names.data, shared)
    tail = index.point_tail(("c", "s", "id", "name"))
    return tile_bytes(index.spec.id, made.tobytes(), _with_values(tail, values.tobytes()))


def _with_values(tail: bytes, values: bytes) -> bytes:
    """More `values` entries behind the shared ones: before the closing extent and version (5 bytes)."""
    return tail[:-5] + values + tail[-5:]


def cell_tile(index: PointIndex, z: int, x: int, y: int) -> bytes:
    """Cells of 16 × 16 a tile: `n`, `worst`, and `class|state` counts so that a browser can filter."""
    low, high = tile_rows(index.x, index.y, z, x, y)
    if low == high:
        return b""
    classes, states = index.classes, index.states
    class_count, state_count = classes.starts.size - 1, states.starts.size - 1
    counts = count_cells(index.x, index.y, low, high, classes.codes, states.codes, class_count, state_count, z)
    made, values = encode_cells(counts, state_count, index.state_ranks)
    return tile_bytes(index.spec.id, made.tobytes(), _with_values(index.cell_tail, values.tobytes()))


def shape_tile(index: ShapeIndex, z: int, x: int, y: int) -> bytes:
    """Lines or polygons, clipped to the buffered tile, thinned for its zoom."""
    rows, shapes = clip_to_tile(index, z, x, y, BUFFER)
    if not rows.size:
        return b""
    polygons = index.spec.geometry == "polygon"
    places, starts, holes, owners = flatten(shapes, polygons)
    geometry, bounds = write_geometry(places, starts, holes, owners, rows.size, polygons)
    keys, columns = ["c", "s"], [index.labels(name, rows) for name in (index.spec.class_field, index.spec.state_field)]
    if z >= NAMES_FROM_ZOOM or len(index) <= NAMES_ALWAYS:
        keys += ["id", "name"]
        columns += [[index.ids[row] for row in rows], index.labels("name", rows)]
    values, tags = value_table(columns)
    features = frame_features(geometry, bounds, tags, POLYGON if polygons else LINE).tobytes()
    return tile_bytes(index.spec.id, features, _with_values(layer_tail(keys, ()), values))


def warm_up() -> None:
    """Compile (or load from numba's cache) every kernel a tile needs, on a few made-up features."""
    line = shapely.LineString([(118.3, 35.0), (118.4, 35.1)]).wkb
    place = shapely.Point(118.3, 35.0)
    points = pa.table({"id": ["1"], "geometry": [place.wkb], "name": ["a"]})
    index = index_points(points, dataset("city_components"), "")
    for zoom in (0, NAMED_FROM_ZOOM):
        point_tile(index, zoom, int(index.x[0]) >> (32 - zoom), int(index.y[0]) >> (32 - zoom))
    cell_tile(index, 0, 0, 0)
    for layer, shape in (("rivers", line), ("hills", place.buffer(0.1).wkb)):
        shape_tile(index_shapes(pa.table({"id": ["1"], "geometry": [shape]}), dataset(layer), ""), 8, 212, 101)
