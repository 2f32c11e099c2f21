"""Travel times on the road network: from many points to one place, on the roads as they are at this moment."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from geodata.errors import BadInput
from geodata.road_build import RoadArrays, road_arrays, to_metres
from geodata.shortest import Workspace, travel_kernel

ACCESS_SPEED_KMH = 5.0  # between a point and its nearest road node: a walk, since nothing is known of the ground there
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Travel:
    """Time and way from a point to the target, both access walks included; None when it cannot be reached in time."""

    seconds: float | None
    metres: float | None


class RoadGraph:
    """The roads as a graph. The structure never changes; the weights are replaced whole, so readers need no lock."""

    def __init__(
        self, arrays: RoadArrays, seconds: npt.NDArray[np.float32], version: str = "", tree: cKDTree | None = None
    ) -> None:
        self.arrays, self.version = arrays, version
        self._seconds = seconds  # float32 (directed edges,): inf when closed
        self._tree = tree if tree is not None else cKDTree(arrays.node_xy[arrays.main_nodes])
        self._local = threading.local()
        self._lock = threading.Lock()

    @classmethod
    def from_frame(cls, roads: gpd.GeoDataFrame, version: str = "") -> "RoadGraph":
        """Nodes are shared end points (to 1e-7°, about 1 cm). Raises `BadInput` for no rows or a speed not above 0."""
        arrays = road_arrays(roads)
        return cls(arrays, arrays.seconds, version)

    @property
    def node_count(self) -> int:
        return len(self.arrays.node_xy)

    @property
    def edge_count(self) -> int:
        """Directed edges."""
        return len(self.arrays.tails)

    @property
    def seconds(self) -> npt.NDArray[np.float32]:
        """float32 (directed edges,), the weights now; do not write to it."""
        return self._seconds

    def nearest_node(self, lon: float, lat: float) -> tuple[int, float]:
        """The nearest node of the network's largest part, and the metres to it."""
        if not (np.isfinite(lon) and np.isfinite(lat)):
            raise BadInput(f"坐标 ({lon}, {lat}) 不是有限数;请给出 WGS-84 经度、纬度")
        metres, index = self._tree.query(to_metres(np.array([[lon, lat]]), self.arrays.cos_lat))
        return int(self.arrays.main_nodes[index[0]]), float(metres[0])

    def travel_to(self, lon: float, lat: float, points: Sequence[Point], max_s: float = 7200) -> list[Travel]:
        """From each of `points` to (lon, lat), in their order; None where it takes more than `max_s`."""
        return self._travels(lon, lat, points, len(points), max_s)

    def nearest_to(
        self, lon: float, lat: float, points: Sequence[Point], count: int, max_s: float = 7200
    ) -> list[tuple[int, Travel]]:
        """The `count` points with the shortest time to (lon, lat): (index into `points`, travel), nearest first."""
        travels = self._travels(lon, lat, points, count, max_s)
        found = [(travel.seconds, index) for index, travel in enumerate(travels) if travel.seconds is not None]
        return [(index, travels[index]) for _, index in sorted(found)]

    def path_to(self, lon: float, lat: float, point: Point, max_s: float = 7200) -> list[Point]:
        """The way from `point` to (lon, lat) as LineString coordinates, longitude first; [] when there is none."""
        if self._travels(lon, lat, [point], 1, max_s)[0].seconds is None:
            return []
        space, arrays = self._space(), self.arrays
        node, coords = self.nearest_node(*point)[0], [point]
        if space.via[node] < 0:
            coords.append(arrays.node_lonlat(node))
        while space.via[node] >= 0:
            edge = int(space.via[node])
            coords += arrays.edge_coords(edge)
            node = int(arrays.heads[edge])
        coords.append((lon, lat))
        return [here for here, before in zip(coords, [None, *coords[:-1]], strict=True) if here != before]

    def with_closed(self, edge_ids: Iterable[str]) -> "RoadGraph":
        """A graph of the same structure in which these roads (ids of the roads frame) cannot be used."""
        seconds = self._seconds.copy()
        seconds[self.arrays.edges_of(edge_ids)] = np.inf
        return RoadGraph(self.arrays, seconds, self.version, self._tree)

    def set_speed_factor(self, road_ids: Iterable[str], factor: float) -> None:
        """Drive these roads at `factor` times their design speed from now on: 1 restores it, 0 closes them.

        The factor replaces an earlier one. Unknown ids raise `NotFound`; a negative or NaN factor `BadInput`.
        """
        if not 0.0 <= factor < np.inf:
            raise BadInput(f"速度系数 {factor} 应为不小于 0 的有限数;1 为设计速度,0 为封闭")
        edges = self.arrays.edges_of(road_ids)
        with self._lock:
            seconds = self._seconds.copy()
            seconds[edges] = self.arrays.seconds[edges] / np.float32(factor) if factor > 0 else np.inf
            self._seconds = seconds

    def _travels(self, lon: float, lat: float, points: Sequence[Point], wanted: int, max_s: float) -> list[Travel]:
        if not points or wanted < 1:
            return [Travel(None, None) for _ in points]
        places = np.array([*points, (lon, lat)], dtype=np.float64).reshape(-1, 2)
        if not np.isfinite(places).all():
            raise BadInput("出发点或目的地的坐标不是有限数;请给出 WGS-84 经度、纬度")
        away, index = self._tree.query(to_metres(places, self.arrays.cos_lat))
        node, walk_s = self.arrays.main_nodes[index], away / (ACCESS_SPEED_KMH / 3.6)
        out_s, out_m = np.full(len(points), np.inf), np.full(len(points), np.inf)
        space, arrays = self._space(), self.arrays
        travel_kernel(
            arrays.offsets, arrays.tails, self._seconds, arrays.metres, int(node[-1]), float(walk_s[-1]),
            node[:-1], walk_s[:-1], wanted, float(max_s), space.next_stamp(len(points)),
            space.seen, space.best, space.metres, space.via, space.chain_seen, space.chain,
            space.keys, space.items, out_s, out_m,
        )  # fmt: skip
        out_m += away[:-1] + away[-1]
        return [
            Travel(float(s), float(m)) if np.isfinite(s) else Travel(None, None)
            for s, m in zip(out_s, out_m, strict=True)
        ]

    def _space(self) -> Workspace:
        """This thread's scratch arrays."""
        space = getattr(self._local, "space", None)
        if space is None:
            space = self._local.space = Workspace(self.node_count, self.edge_count)
        return space
