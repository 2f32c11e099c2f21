"""A point layer in memory: columns in Z-order, about 50 bytes a point, so a million stay under 60 MB."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from geodata.columns import Text, fixed_ids, text_column, wkb_points
from geodata.datasets import DatasetSpec
from geodata.mercator import WORLD, to_degrees, world_units
from geodata.mvt import layer_tail
from geodata.mvt_cells import CELL_BITS
from geodata.zorder import fullest_tile, morton_keys, rows_in_box

RAW_TILE_LIMIT = 20_000
RAW_ZOOM_MAX = 16
GOOD_STATES, BAD_STATES = ("normal", "online", "ready"), ("damaged", "offline")
# How bad a state is, for the worst of a cell (a cluster shows the worst inside, not only a count); others count as 1.
MIDDLE_STATES = {"repairing": 1, "unknown": 2}
STATE_RANK = dict.fromkeys(GOOD_STATES, 0) | MIDDLE_STATES | dict.fromkeys(BAD_STATES, 3) | {"missing": 4}


@dataclass(frozen=True)
class PointIndex:
    """Rows sorted by Morton key. `x`, `y`: uint32 world units; `ids`: S<n>; `by_id`: rows in the order of their ids."""

    spec: DatasetSpec
    version: str
    x: npt.NDArray[np.uint32]
    y: npt.NDArray[np.uint32]
    ids: npt.NDArray[np.bytes_]
    by_id: npt.NDArray[np.int32]
    texts: dict[str, Text]
    others: dict[str, Any]  # numbers and flags, as Arrow arrays
    raw_from_zoom: int

    def __len__(self) -> int:
        return int(self.x.size)

    @cached_property
    def classes(self) -> Text:
        return self.texts.get(self.spec.class_field) or self._nothing

    @cached_property
    def states(self) -> Text:
        return self.texts.get(self.spec.state_field) or self._nothing

    @cached_property
    def names(self) -> Text:
        return self.texts.get("name") or self._nothing.widened()

    @cached_property
    def _nothing(self) -> Text:
        return Text(np.full(len(self), -1, np.int16), np.zeros(1, np.int64), np.zeros(0, np.uint8))

    @cached_property
    def state_ranks(self) -> npt.NDArray[np.int64]:
        """How bad each state code is; the last entry stands for rows without a state."""
        return np.array([*(STATE_RANK.get(state, 1) for state in self.states.values()), -1], np.int64)

    @cached_property
    def cell_references(self) -> list[int]:
        """For each zoom that shows cells: the count that fills a cell's disc (98th percentile of its cells)."""
        found = []
        for zoom in range(self.raw_from_zoom):
            shift = np.uint32(32 - zoom - CELL_BITS)
            x, y = self.x >> shift, self.y >> shift
            ends = np.flatnonzero((x[1:] != x[:-1]) | (y[1:] != y[:-1])) + 1
            counts = np.diff(np.concatenate([[0], ends, [len(self)]]))
            found.append(max(1, int(np.percentile(counts, 98))))
        return found

    @cached_property
    def cell_tail(self) -> bytes:
        """Keys and shared values of cell tiles: `n`, `worst`, then `class|state` for every pair."""
        classes, states = [*self.classes.values(), ""], [*self.states.values(), ""]
        pairs = [f"{klass}|{state}" for klass in classes for state in states]
        return layer_tail(["n", "worst", *pairs], states)

    def point_tail(self, keys: tuple[str, ...]) -> bytes:
        """Keys and shared values (classes, then states) of single-point tiles."""
        return layer_tail(keys, [*self.classes.values(), *self.states.values()])

    def id_at(self, row: int) -> str:
        return bytes(self.ids[row]).decode()

    def lonlat(self, rows: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Degrees of rows, good to a centimetre."""
        chosen = np.asarray(rows)
        lon, lat = to_degrees(self.x[chosen] + 0.5, self.y[chosen] + 0.5)
        return np.round(lon, 7), np.round(lat, 7)

    def fields(self, row: int) -> dict[str, Any]:
        """Every column of one row, with `id`, `lon` and `lat` (degrees)."""
        lon, lat = self.lonlat([row])
        values: dict[str, Any] = {"id": self.id_at(row)}
        for name in (*(field.name for field in self.spec.fields), "sample"):
            if name in self.texts:
                values[name] = self.texts[name][row]
            elif name in self.others:
                values[name] = self.others[name][row].as_py()
        return {**values, "lon": float(lon[0]), "lat": float(lat[0])}

    def find(self, feature_id: str) -> int:
        """The row of an id, or -1."""
        wanted = feature_id.encode()
        place = self._first_at_least(wanted)
        if place < len(self) and bytes(self.ids[self.by_id[place]]) == wanted:
            return int(self.by_id[place])
        return -1

    def with_prefix(self, prefix: str) -> Iterator[int]:
        """Rows whose id begins with `prefix`, in the order of their ids."""
        wanted = prefix.encode()
        for place in range(self._first_at_least(wanted), len(self)):
            row = int(self.by_id[place])
            if not bytes(self.ids[row]).startswith(wanted):
                return
            yield row

    def _first_at_least(self, wanted: bytes) -> int:
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if bytes(self.ids[self.by_id[middle]]) < wanted:
                low = middle + 1
            else:
                high = middle
        return low

    def in_box(self, x0: float, y0: float, x1: float, y1: float) -> npt.NDArray[np.int32]:
        """Rows inside a box of world units, the upper edges excluded."""
        corners = [int(min(max(edge, 0), WORLD)) for edge in (x0, y0, x1, y1)]
        return rows_in_box(self.x, self.y, *corners)

    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees; the whole world when empty."""
        if not len(self):
            return (-180.0, -85.0511, 180.0, 85.0511)
        lon, lat = to_degrees([self.x.min(), self.x.max()], [self.y.max(), self.y.min()])
        return (float(lon[0]), float(lat[0]), float(lon[1]), float(lat[1]))


def read_points(path: Path, spec: DatasetSpec, version: str) -> PointIndex:
    """Load a GeoParquet file of the catalog; rows without a usable point are left out."""
    return index_points(StoredColumns(path), spec, version)


class StoredColumns:
    """A Parquet file read one column at a time, so that its text and WKB never stand together in memory."""

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path)
        self.column_names: list[str] = self._file.schema_arrow.names

    def column(self, name: str) -> pa.ChunkedArray:
        return self._file.read(columns=[name]).column(0)


def index_points(table: pa.Table | StoredColumns, spec: DatasetSpec, version: str) -> PointIndex:
    """Index a table with `id`, the dataset's fields, `sample` and `geometry` (WKB, WGS-84 degrees)."""
    lon, lat = wkb_points(table.column("geometry"))
    usable = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
    x, y = world_units(lon[usable], lat[usable])
    keys = morton_keys(x, y)
    by_key = np.argsort(keys, kind="stable")
    order = usable[by_key]
    x, y = np.ascontiguousarray(x[by_key]), np.ascontiguousarray(y[by_key])
    ids = fixed_ids(table.column("id"))[order]
    kinds = {field.name: field.kind for field in spec.fields} | {"sample": "bool"}
    present = [name for name in table.column_names if name in kinds]
    coded = {spec.class_field, spec.state_field}
    texty = [name for name in present if kinds[name] == "text" or name in coded]
    texts = {name: text_column(table.column(name), name == "name").take(order) for name in texty}
    others = {n: table.column(n).combine_chunks().take(pa.array(order)) for n in present if n not in texts}
    by_id = np.argsort(ids, kind="stable").astype(np.int32)
    return PointIndex(spec, version, x, y, ids, by_id, texts, others, raw_zoom(x, y))


def raw_zoom(x: npt.NDArray[np.uint32], y: npt.NDArray[np.uint32]) -> int:
    """The lowest zoom at which no tile holds more than `RAW_TILE_LIMIT` points; below it tiles carry cells."""
    for zoom in range(RAW_ZOOM_MAX):
        if fullest_tile(x, y, zoom) <= RAW_TILE_LIMIT:
            return zoom
    return RAW_ZOOM_MAX
