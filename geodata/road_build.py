"""From a frame of road segments to the arrays of a graph: nodes, incoming edges by node, lengths, times, shapes."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from geodata.errors import BadInput, NotFound
from geodata.zorder import morton_keys

EARTH_RADIUS_M = 6_371_008.8  # mean radius, IUGG
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RoadArrays:
    """n nodes, m directed edges sorted by the node they lead to; r roads with c coordinates in all.

    `road`: (m,) row of the road an edge lies on; `forward`: (m,) whether it runs in the drawn direction.
    `seconds` are those of the design speed, inf on roads marked closed.
    """

    node_xy: Floats  # (n, 2) metres on the local plane
    main_nodes: npt.NDArray[np.int64]  # nodes of the largest connected part
    offsets: npt.NDArray[np.int64]  # (n + 1,)
    tails: npt.NDArray[np.int32]  # (m,)
    heads: npt.NDArray[np.int32]  # (m,)
    seconds: npt.NDArray[np.float32]  # (m,)
    metres: npt.NDArray[np.float32]  # (m,)
    road: npt.NDArray[np.int32]  # (m,)
    forward: npt.NDArray[np.bool_]  # (m,)
    road_ids: npt.NDArray[np.object_]  # (r,)
    coords: Floats  # (c, 2) degrees
    starts: npt.NDArray[np.int64]  # (r + 1,)
    cos_lat: float

    @cached_property
    def id_index(self) -> pd.Index:
        """Road id → its rows (several when a road came as many lines)."""
        return pd.Index(self.road_ids, dtype=object)

    @cached_property
    def edges_by_row(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(edges sorted by road row, (r + 1,) where each row's edges start)."""
        order = np.argsort(self.road, kind="stable")
        return order, np.searchsorted(self.road[order], np.arange(len(self.road_ids) + 1))

    def edges_of(self, road_ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """The directed edges of these roads; an unknown id raises `NotFound`."""
        wanted = pd.Index(list(road_ids), dtype=object)
        if len(wanted) == 0:
            return np.empty(0, dtype=np.int64)
        rows = self.id_index.get_indexer_for(wanted)
        if (rows < 0).any():
            unknown = wanted[~wanted.isin(self.id_index)][0]
            raise NotFound(f"路网里没有道路 {unknown!r};请用 roads 图层里的编号")
        order, first = self.edges_by_row
        return np.concatenate([order[first[row] : first[row + 1]] for row in rows])

    def edge_coords(self, edge: int) -> list[tuple[float, float]]:
        """The shape of a directed edge, from tail to head, degrees."""
        row = self.road[edge]
        points = self.coords[self.starts[row] : self.starts[row + 1]]
        ordered = points if self.forward[edge] else points[::-1]
        return [(float(lon), float(lat)) for lon, lat in ordered]

    def node_lonlat(self, node: int) -> tuple[float, float]:
        """Where a node lies, degrees."""
        x, y = self.node_xy[node]
        return float(np.degrees(x / (EARTH_RADIUS_M * self.cos_lat))), float(np.degrees(y / EARTH_RADIUS_M))


def to_metres(lonlat: Floats, cos_lat: float) -> Floats:
    """(…, 2) degrees → metres on a sphere's equirectangular plane true at the latitude of `cos_lat`."""
    return np.asarray(np.radians(lonlat) * (EARTH_RADIUS_M * cos_lat, EARTH_RADIUS_M))


def line_metres(coords: Floats, starts: npt.NDArray[np.int64]) -> Floats:
    """(r,) lengths of the lines: each piece by its own middle latitude, within 0.3 % of the ellipsoid here."""
    step = np.radians(np.diff(coords, axis=0))
    middle = np.radians((coords[1:, 1] + coords[:-1, 1]) / 2)
    piece = EARTH_RADIUS_M * np.hypot(step[:, 0] * np.cos(middle), step[:, 1])
    piece[starts[1:-1] - 1] = 0.0  # the jump from one line to the next
    total = np.concatenate(([0.0], np.cumsum(piece)))
    return np.asarray(total[starts[1:] - 1] - total[starts[:-1]])


def shared_nodes(ends: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """(k, 2) end points in degrees → (distinct points, (k,) number of each), equal to 1e-7°.

    Numbered along the Z-order curve, so that a search works in few cache lines at a time.
    """
    fixed = np.round(ends * 1e7).astype(np.int64)
    _, first, number = np.unique(fixed[:, 0] * (1 << 32) + fixed[:, 1], return_index=True, return_inverse=True)
    points = ends[first]
    span = np.maximum(np.ptp(points, axis=0), 1e-9)
    cell = ((points - points.min(axis=0)) / span * 65_535).astype(np.uint32)
    order = np.argsort(morton_keys(cell[:, 0].copy(), cell[:, 1].copy()), kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return points[order], place[number.reshape(-1)]


def checked(roads: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One line a row, with a usable speed; otherwise `BadInput` naming the first bad road."""
    lines = roads.explode(index_parts=False) if (roads.geom_type == "MultiLineString").any() else roads
    if len(lines) == 0:
        raise BadInput("道路图层是空的;先运行 python app.py sample 或导入道路")
    wrong = (lines.geom_type != "LineString") | lines.geometry.is_empty
    if wrong.any():
        raise BadInput(f"道路 {lines.loc[wrong, 'id'].iloc[0]} 不是线;请只导入线状道路")
    speed = lines["speed_kmh"].to_numpy(dtype=np.float64, na_value=np.nan)
    slow = ~(np.isfinite(speed) & (speed > 0))
    if slow.any():
        raise BadInput(f"道路 {lines['id'].to_numpy()[slow][0]} 的设计速度不是正数;请补上 speed_kmh(公里/时)")
    return lines


def flags(roads: gpd.GeoDataFrame, name: str) -> npt.NDArray[np.bool_]:
    """A yes/no column; empty means no."""
    return np.asarray(roads[name].fillna(False).astype(bool).to_numpy(), dtype=bool)


def road_arrays(roads: gpd.GeoDataFrame) -> RoadArrays:
    """Build the graph's arrays; both directions of a road unless `oneway`, infinite time when `closed`."""
    lines = checked(roads)
    coords, row_of = shapely.get_coordinates(lines.geometry.to_numpy(), return_index=True)
    starts = np.searchsorted(row_of, np.arange(len(lines) + 1))
    count = len(lines)
    points, number = shared_nodes(np.vstack((coords[starts[:-1]], coords[starts[1:] - 1])))
    first, last = number[:count], number[count:]
    length = line_metres(coords, starts)
    time_s = length / (lines["speed_kmh"].to_numpy(dtype=np.float64) / 3.6)
    time_s[flags(lines, "closed")] = np.inf
    back = np.flatnonzero(~flags(lines, "oneway"))
    tails, heads = np.concatenate((first, last[back])), np.concatenate((last, first[back]))
    road, forward = np.concatenate((np.arange(count), back)), np.arange(count + len(back)) < count
    order = np.argsort(heads, kind="stable")
    cos_lat = float(np.cos(np.radians((points[:, 1].min() + points[:, 1].max()) / 2)))
    return RoadArrays(
        node_xy=to_metres(points, cos_lat),
        main_nodes=main_part(first, last, len(points)),
        offsets=np.searchsorted(heads[order], np.arange(len(points) + 1)),
        tails=tails[order].astype(np.int32),
        heads=heads[order].astype(np.int32),
        seconds=time_s[road[order]].astype(np.float32),
        metres=length[road[order]].astype(np.float32),
        road=road[order].astype(np.int32),
        forward=forward[order],
        road_ids=lines["id"].to_numpy(dtype=object),
        coords=coords,
        starts=starts,
        cos_lat=cos_lat,
    )


def main_part(first: npt.NDArray[np.int64], last: npt.NDArray[np.int64], nodes: int) -> npt.NDArray[np.int64]:
    """The nodes of the largest part of the network, so that no point snaps to an islet of a few metres of road."""
    matrix = coo_matrix((np.ones(len(first), dtype=np.int8), (first, last)), (nodes, nodes))
    label = connected_components(matrix, directed=False)[1]
    return np.flatnonzero(label == np.bincount(label).argmax())
