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
Floats = npt.NDArray[np.float64]


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
        self._last: tuple[tuple[Point, ...], npt.NDArray[np.int64], Floats] | None = None

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
        seconds, metres = self._search(lon, lat, points, len(points), max_s)
        return [
            Travel(s, m) if s < np.inf else Travel(None, None)
            for s, m in zip(seconds.tolist(), metres.tolist(), strict=True)
        ]

    def nearest_to(
        self, lon: float, lat: float, points: Sequence[Point], count: int, max_s: float = 7200
    ) -> list[tuple[int, Travel]]:
        """The `count` points with the shortest time to (lon, lat): (index into `points`, travel), nearest first."""
        seconds, metres = self._search(lon, lat, points, count, max_s)
        order = np.argsort(seconds, kind="stable")[: max(count, 0)]
        return [(int(i), Travel(float(seconds[i]), float(metres[i]))) for i in order if seconds[i] < np.inf]

    def path_to(self, lon: float, lat: float, point: Point, max_s: float = 7200) -> list[Point]:
        """The way from `point` to (lon, lat) as LineString coordinates, longitude first; [] when there is none."""
        if self.travel_to(lon, lat, [point], max_s)[0].seconds is None:
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

    def _search(
        self, lon: float, lat: float, points: Sequence[Point], wanted: int, max_s: float
    ) -> tuple[Floats, Floats]:
        """(seconds, metres) from each point, inf where not reached; only the nearest `wanted` need be."""
        out_s, out_m = np.full(len(points), np.inf), np.full(len(points), np.inf)
        if not points or wanted < 1:
            return out_s, out_m
        end, away = self.nearest_node(lon, lat)
        node, walks = self._snapped(points)
        space, arrays, pace = self._space(), self.arrays, ACCESS_SPEED_KMH / 3.6
        space.make_room(len(points))
        travel_kernel(
            arrays.offsets, arrays.tails, arrays.heads, self._seconds, arrays.metres, end, away / pace,
            node, walks / pace, wanted, float(max_s),
            space.best, space.via, space.touched, space.chain, space.keys, space.items, out_s, out_m,
        )  # fmt: skip
        return out_s, out_m + walks + away

    def _snapped(self, points: Sequence[Point]) -> tuple[npt.NDArray[np.int64], Floats]:
        """The nearest node of each point and the metres to it; kept for the last points asked, usually the teams."""
        key, last = tuple(points), self._last
        if last is not None and last[0] == key:
            return last[1], last[2]
        places = np.array(key, dtype=np.float64).reshape(-1, 2)
        if not np.isfinite(places).all():
            raise BadInput("出发点的坐标不是有限数;请给出 WGS-84 经度、纬度")
        walks, index = self._tree.query(to_metres(places, self.arrays.cos_lat))
        self._last = (key, self.arrays.main_nodes[index], walks)
        return self._last[1], self._last[2]

    def _space(self) -> Workspace:
        """This thread's scratch arrays."""
        space = getattr(self._local, "space", None)
        if space is None:
            space = self._local.space = Workspace(self.node_count, self.edge_count)
        return space
