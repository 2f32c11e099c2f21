"""The whole city in memory: every stored dataset as an index, reloaded when its file changes."""

import ctypes
import gc
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import pyarrow as pa

from geodata.catalog import Catalog
from geodata.datasets import DATASETS, dataset
from geodata.errors import NotFound
from geodata.points import PointIndex, read_points
from geodata.shapes import ShapeIndex, read_shapes

FRAME_ROWS_KEPT = 60_000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was loaded at one moment; replaced whole, so that a reader never sees half of a reload."""

    points: Mapping[str, PointIndex] = field(default_factory=dict)
    shapes: Mapping[str, ShapeIndex] = field(default_factory=dict)


class City:
    """Point and shape indexes by dataset id; a dataset that was never imported is absent. Safe to share by threads."""

    def __init__(self, catalog: Catalog, layers: Sequence[str] | None = None) -> None:
        self.catalog = catalog
        wanted = [spec.id for spec in DATASETS] if layers is None else layers
        self.layers = tuple(dataset(name).id for name in wanted)
        self._snapshot = Snapshot()
        self._frames: dict[str, tuple[str, gpd.GeoDataFrame]] = {}
        self._reloading = threading.Lock()

    @classmethod
    def load(cls, catalog: Catalog, layers: Sequence[str] | None = None) -> "City":
        """Load `layers` (default: all) from the catalog."""
        city = cls(catalog, layers)
        city.refresh()
        return city

    @property
    def points(self) -> dict[str, PointIndex]:
        return dict(self._snapshot.points)

    @property
    def shapes(self) -> dict[str, ShapeIndex]:
        return dict(self._snapshot.shapes)

    @property
    def versions(self) -> dict[str, str]:
        """Data version of every loaded dataset."""
        snapshot = self._snapshot
        points = {name: index.version for name, index in snapshot.points.items()}
        return points | {name: index.version for name, index in snapshot.shapes.items()}

    def refresh(self) -> list[str]:
        """Reload what changed on disk and return its ids; costs one `stat` a dataset when nothing did."""
        with self._reloading:
            versions = self.versions
            changed = [name for name in self.layers if self.catalog.version(name) != versions.get(name, "")]
            if not changed:
                return []
            points, shapes = dict(self._snapshot.points), dict(self._snapshot.shapes)
            for name in changed:
                spec, version = dataset(name), self.catalog.version(name)
                points.pop(name, None)
                shapes.pop(name, None)
                if not version:
                    continue
                if spec.geometry == "point":
                    points[name] = read_points(self.catalog.path(name), spec, version)
                else:
                    shapes[name] = read_shapes(self.catalog.path(name), spec, version)
            self._snapshot = Snapshot(MappingProxyType(points), MappingProxyType(shapes))
            return_memory()
            return changed

    def index(self, dataset_id: str) -> PointIndex | ShapeIndex:
        """The loaded index of a dataset; `NotFound` when there is none."""
        snapshot = self._snapshot
        found: PointIndex | ShapeIndex | None = snapshot.points.get(dataset_id)
        if found is None:  # not `or`: a layer without rows is there all the same
            found = snapshot.shapes.get(dataset_id)
        if found is None:
            known = dataset(dataset_id).id
            raise NotFound(f"图层 {known} 还没有数据;先运行 python app.py sample 或导入该图层", layer=known)
        return found

    def row(self, dataset_id: str, feature_id: str) -> dict[str, Any] | None:
        """All fields of one feature with `id`, `lon`, `lat`; None when it is not there."""
        try:
            index = self.index(dataset_id)
        except NotFound:
            return None
        place = index.find(feature_id)
        return index.fields(place) if place >= 0 else None

    def frame(self, dataset_id: str) -> gpd.GeoDataFrame:
        """The stored dataset as a GeoDataFrame (WGS-84), kept while it is small. Treat it as read-only."""
        version = self.catalog.version(dataset_id)
        kept = self._frames.get(dataset_id)
        if kept is not None and kept[0] == version:
            return kept[1]
        frame = self.catalog.read(dataset_id)
        if len(frame) <= FRAME_ROWS_KEPT:
            self._frames[dataset_id] = (version, frame)
        return frame


def return_memory() -> None:
    """Give what loading used for a moment back to the system (glibc keeps it otherwise; elsewhere nothing happens)."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
