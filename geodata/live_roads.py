"""The road graph of the stored roads, built when first asked for and again when an import changes them."""

import threading
from collections.abc import Sequence

from geodata.catalog import Catalog
from geodata.city import return_memory
from geodata.errors import NotFound
from geodata.roads import Point, RoadGraph, Travel


class LiveRoads:
    """`travel_to` on the present roads. Without road data every travel is unknown: no seconds, no metres."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._graph: RoadGraph | None = None
        self._lock = threading.Lock()

    def graph(self) -> RoadGraph | None:
        """The graph of the roads as stored now; None when none were ever imported."""
        version = self.catalog.version("roads")
        with self._lock:
            if not version:
                self._graph = None
            elif self._graph is None or self._graph.version != version:
                self._graph = RoadGraph.from_frame(self.catalog.read("roads"), version)
                return_memory()
            return self._graph

    def travel_to(self, lon: float, lat: float, points: Sequence[Point], max_s: float = 7200) -> Sequence[Travel]:
        """Travel from each of `points` to the place, as `RoadGraph.travel_to`. Raises `NotFound` without roads."""
        graph = self.graph()
        if graph is None:
            raise NotFound("没有道路数据:不能计算路程;先导入 roads 图层")
        return graph.travel_to(lon, lat, points, max_s)
