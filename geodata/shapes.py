"""Line and polygon layers in memory: shapely geometries in world units under an STR-tree, clipped by tile."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from geodata.columns import Text, text_column
from geodata.datasets import DatasetSpec
from geodata.mercator import WORLD, to_degrees, to_world

Shapes = npt.NDArray[np.object_]
# Below these zooms a road class would only blacken the map.
ROAD_MIN_ZOOM = {"motorway": 0, "trunk": 0, "primary": 8, "secondary": 10, "tertiary": 12, "residential": 13}
NAMES_ALWAYS = 2_000  # layers with fewer shapes carry id and name at every zoom
NAMES_FROM_ZOOM = 12


@dataclass(frozen=True)
class ShapeIndex:
    """Row i: `ids[i]`, `texts[…][i]`, `shapes[i]` in world units; `tree` finds rows by box."""

    spec: DatasetSpec
    version: str
    shapes: Shapes
    tree: shapely.STRtree
    boxes: npt.NDArray[np.float64]  # bounds of each shape, (n, 4)
    ids: list[str]
    texts: dict[str, Text]
    others: dict[str, Any]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.ids)}

    @cached_property
    def min_zooms(self) -> npt.NDArray[np.int8]:
        """The zoom from which a shape is drawn, by its road class; 0 for every other layer."""
        zooms = np.zeros(len(self), np.int8)
        if self.spec.id == "roads" and "road_class" in self.texts:
            column = self.texts["road_class"]
            by_code = np.array([*(ROAD_MIN_ZOOM.get(v, 0) for v in column.values()), 0], np.int8)
            zooms = by_code[column.codes]
        return zooms

    def find(self, feature_id: str) -> int:
        """The row of an id, or -1."""
        return self.rows.get(feature_id, -1)

    def fields(self, row: int) -> dict[str, Any]:
        """Every column of a row, with `id` and the `lon`, `lat` (degrees) of a point on the shape."""
        values: dict[str, Any] = {"id": self.ids[row]}
        for name in (*(field.name for field in self.spec.fields), "sample"):
            if name in self.texts:
                values[name] = self.texts[name][row]
            elif name in self.others:
                values[name] = self.others[name][row].as_py()
        lon, lat = self.place(row)
        return {**values, "lon": lon, "lat": lat}

    def place(self, row: int) -> tuple[float, float]:
        """Longitude and latitude of a point that lies on the shape (a line: its middle)."""
        shape = self.shapes[row]
        point = shapely.point_on_surface(shape) if self.spec.geometry == "polygon" else _middle(shape)
        lon, lat = to_degrees(shapely.get_x(point), shapely.get_y(point))
        return round(float(lon), 7), round(float(lat), 7)

    def labels(self, name: str, rows: npt.NDArray[np.int64]) -> list[str]:
        """The texts of a column for some rows; empty strings when the layer has no such column."""
        column = self.texts.get(name)
        return [column[int(row)] for row in rows] if column else [""] * len(rows)

    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        if not len(self):
            return (-180.0, -85.0511, 180.0, 85.0511)
        left, top, right, bottom = shapely.total_bounds(self.shapes)
        lon, lat = to_degrees([left, right], [bottom, top])
        return (float(lon[0]), float(lat[0]), float(lon[1]), float(lat[1]))


def _middle(shape: Any) -> Any:
    line = shape.geoms[0] if shape.geom_type.startswith("Multi") and len(shape.geoms) else shape
    return shapely.line_interpolate_point(line, 0.5, normalized=True)


def to_world_shapes(shapes: Shapes) -> Shapes:
    """Geometries in degrees as geometries in world units."""
    return shapely.transform(shapes, lambda places: np.column_stack(to_world(places[:, 0], places[:, 1])))


def read_shapes(path: Path, spec: DatasetSpec, version: str) -> ShapeIndex:
    """Load a GeoParquet file of the catalog; rows without a geometry are left out."""
    return index_shapes(pq.read_table(path), spec, version)


def index_shapes(table: pa.Table, spec: DatasetSpec, version: str) -> ShapeIndex:
    """Index a table with `id`, the dataset's fields, `sample` and `geometry` (WKB, WGS-84 degrees)."""
    raw = shapely.from_wkb(table.column("geometry").to_numpy(zero_copy_only=False))
    usable = np.flatnonzero(~(shapely.is_missing(raw) | shapely.is_empty(raw)))
    shapes = to_world_shapes(raw[usable])
    crossed = ~shapely.is_valid(shapes)  # a file written by other means: clipping would fail on it
    shapes[crossed] = shapely.make_valid(shapes[crossed])
    picked = table.drop_columns(["geometry"]).take(pa.array(usable))
    kinds = {field.name: field.kind for field in spec.fields} | {"sample": "bool"}
    coded = {spec.class_field, spec.state_field}
    present = [name for name in picked.column_names if name in kinds]
    texts = {n: text_column(picked.column(n)) for n in present if kinds[n] == "text" or n in coded}
    others = {n: picked.column(n).combine_chunks() for n in present if n not in texts}
    ids = picked.column("id").cast(pa.string()).to_pylist()
    return ShapeIndex(spec, version, shapes, shapely.STRtree(shapes), shapely.bounds(shapes), ids, texts, others)


def clip_to_tile(
    index: ShapeIndex, zoom: int, column: int, line: int, buffer_units: int
) -> tuple[npt.NDArray[np.int64], Shapes]:
    """Rows and their geometries in tile units (4096 a tile, y down), clipped to the buffered tile and thinned.

    Thinning keeps within half a screen pixel (8 of 4096 units; Douglas–Peucker); what is smaller than a quarter pixel
    is left out.
    """
    size = WORLD >> zoom
    unit = size / 4096
    left, top = column * size, line * size
    reach = buffer_units * unit
    box = (left - reach, top - reach, left + size + reach, top + size + reach)
    rows = np.sort(index.tree.query(shapely.box(*box)))
    boxes = index.boxes[rows]
    span = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    keep = (index.min_zooms[rows] <= zoom) & (span >= 4 * unit)
    rows, boxes = rows[keep], boxes[keep]
    shapes = index.shapes[rows]
    across = (boxes[:, 0] < box[0]) | (boxes[:, 1] < box[1]) | (boxes[:, 2] > box[2]) | (boxes[:, 3] > box[3])
    shapes[across] = shapely.clip_by_rect(shapes[across], *box)
    if zoom < 16:
        shapes = shapely.simplify(shapes, 8 * unit, preserve_topology=False)
    shapes = shapely.transform(shapes, lambda places: (places - (left, top)) / unit)
    return rows, shapes
