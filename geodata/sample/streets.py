"""The sample city's street plan: urban grids, villages and towns, one connected graph of nodes and edges."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, cKDTree

from geodata.sample.facts import COUNTIES, Scale
from geodata.sample.land import county_of
from geodata.sample.plane import Floats, generator, height_m, noise, to_plane

Ints = npt.NDArray[np.int64]
MOTORWAY, TRUNK, PRIMARY, SECONDARY, TERTIARY, RESIDENTIAL = range(6)
CLASSES = ("motorway", "trunk", "primary", "secondary", "tertiary", "residential")
# Schematic built-up areas, lon, lat, half-axes km: the three districts share one, every other seat has its own.
CORE = (118.335, 35.048, 10.2, 12.2)
SEAT_RADIUS_KM = 3.8


@dataclass(frozen=True, slots=True)
class Plan:
    """`xy`: (n, 2) metres; `edges`: (m, 2) node numbers; `road_class`: (m,) index into `CLASSES`;
    `street`: (m,) number of the street an edge belongs to; `urban`: (n,) node lies in a built-up grid."""

    xy: Floats
    edges: Ints
    road_class: Ints
    street: Ints
    urban: npt.NDArray[np.bool_]


def built_up() -> list[tuple[float, float, float, float]]:
    """(lon, lat, east half-axis km, north half-axis km) of every urban grid."""
    others = [(lon, lat, SEAT_RADIUS_KM, SEAT_RADIUS_KM) for _, _, lon, lat, _ in COUNTIES[3:]]
    return [CORE, *others]


def grid(area: tuple[float, float, float, float], spacing_m: float, turn: float) -> Plan:
    """A street grid inside an ellipse, turned by `turn` radians and slightly bent; every fourth line is wider."""
    lon, lat, east_km, north_km = area
    reach_x, reach_y = int(east_km * 1000 / spacing_m), int(north_km * 1000 / spacing_m)
    column, row = np.meshgrid(np.arange(-reach_x, reach_x + 1), np.arange(-reach_y, reach_y + 1))
    inside = (column / (reach_x + 0.5)) ** 2 + (row / (reach_y + 0.5)) ** 2 <= 1.0
    number = np.where(inside, np.cumsum(inside).reshape(inside.shape) - 1, -1)
    pairs, lines = [], []
    for first, second, line in (
        (number[:, :-1], number[:, 1:], row[:, :-1]),
        (number[:-1, :], number[1:, :], column[:-1, :] + 5_000),
    ):
        both = (first >= 0) & (second >= 0)
        pairs.append(np.column_stack((first[both], second[both])))
        lines.append(line[both])
    flat = np.column_stack((column[inside], row[inside])) * spacing_m
    turned = flat @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    xy = turned + to_plane((lon, lat))
    xy += 0.9 * spacing_m * np.column_stack((noise(xy, "street-east", 2_500), noise(xy, "street-north", 2_500)))
    line_of = np.concatenate(lines)
    rank = np.full(len(line_of), RESIDENTIAL)
    for every, offset, road_class in ((4, 0, TERTIARY), (8, 4, SECONDARY), (16, 8, PRIMARY)):
        rank[line_of % every == offset] = road_class
    return Plan(xy, np.vstack(pairs), rank, line_of + 2_000, np.ones(len(xy), dtype=bool))


def scattered(spacing_m: float, purpose: str, shapes: list[shapely.Polygon]) -> Floats:
    """Points about `spacing_m` apart inside the city, outside the built-up grids: a jittered lattice."""
    west, south, east, north = shapely.union_all(np.array(shapes)).bounds
    rng = generator(purpose)
    x, y = np.meshgrid(np.arange(west, east, spacing_m), np.arange(south, north, spacing_m))
    xy = np.column_stack((x.ravel(), y.ravel())) + rng.uniform(-0.42, 0.42, (x.size, 2)) * spacing_m
    keep = county_of(xy, shapes) >= 0
    for lon, lat, east_km, north_km in built_up():
        offset = (xy - to_plane((lon, lat))) / (east_km * 1000 + 0.6 * spacing_m, north_km * 1000 + 0.6 * spacing_m)
        keep &= (offset**2).sum(axis=1) > 1.0
    thinned = (height_m(xy) > 380) & (rng.random(len(xy)) < 0.45)
    return np.asarray(xy[keep & ~thinned])


def gabriel(xy: Floats) -> Ints:
    """Edges of the Gabriel graph of `xy`: no third point in the circle over an edge. It is always connected."""
    triangles = Delaunay(xy).simplices
    pairs = np.sort(np.vstack((triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]])), axis=1)
    keys = np.unique(pairs[:, 0].astype(np.int64) * len(xy) + pairs[:, 1])
    first, second = np.divmod(keys, len(xy))
    middle, half = (xy[first] + xy[second]) / 2, np.hypot(*(xy[first] - xy[second]).T) / 2
    nearest, _ = cKDTree(xy).query(middle)
    clear = nearest >= half * (1 - 1e-9)
    return np.column_stack((first[clear], second[clear]))


def urban_plan(scale: Scale) -> Plan:
    """All urban grids side by side, with the 6 % of small streets missing that make blocks uneven."""
    rng, plans, base, streets = generator("grids"), [], 0, 0
    for area in built_up():
        part = grid(area, scale.street_m, float(rng.uniform(-0.2, 0.2)))
        keep = (part.road_class != RESIDENTIAL) | (rng.random(len(part.edges)) > 0.06)
        plans.append((part.xy, part.edges[keep] + base, part.road_class[keep], part.street[keep] + streets))
        base, streets = base + len(part.xy), streets + 10_000
    xy, edges, rank, street = (np.concatenate(column) for column in zip(*plans, strict=True))
    return Plan(xy, edges, rank, street, np.ones(len(xy), dtype=bool))


def joined(urban: Plan, villages: Floats) -> Plan:
    """The urban grids and the villages between them, linked by a Gabriel graph over villages and grid edges."""
    degree = np.bincount(urban.edges.ravel(), minlength=len(urban.xy))
    rim = np.flatnonzero(degree < 4)
    which = np.concatenate((rim, np.arange(len(villages)) + len(urban.xy)))
    xy = np.vstack((urban.xy, villages))
    links = which[gabriel(xy[which])]
    rural = links[~((links < len(urban.xy)).all(axis=1))]
    length = np.hypot(*(xy[rural[:, 0]] - xy[rural[:, 1]]).T)
    rural = rural[length < 6 * np.median(length)]
    return Plan(
        xy,
        np.vstack((urban.edges, rural)),
        np.concatenate((urban.road_class, np.full(len(rural), TERTIARY))),
        np.concatenate((urban.street, np.full(len(rural), -1))),
        np.arange(len(xy)) < len(urban.xy),
    )


def without_fords(plan: Plan, rivers: list[shapely.LineString]) -> Plan:
    """Small roads end at the river; one in eight has a bridge, larger ones always do."""
    water = shapely.union_all(np.array(rivers))
    shapely.prepare(water)
    crossing = shapely.intersects(water, shapely.linestrings(plan.xy[plan.edges]))
    bridge = (plan.road_class <= SECONDARY) | (generator("bridges").random(len(plan.edges)) < 0.125)
    return only(plan, ~crossing | bridge)


def only(plan: Plan, keep: npt.NDArray[np.bool_]) -> Plan:
    """The plan with the kept edges."""
    return Plan(plan.xy, plan.edges[keep], plan.road_class[keep], plan.street[keep], plan.urban)


def largest_component(plan: Plan) -> Plan:
    """The plan cut to its largest connected part, nodes renumbered in their old order."""
    count = len(plan.xy)
    matrix = coo_matrix((np.ones(len(plan.edges), dtype=np.int8), (plan.edges[:, 0], plan.edges[:, 1])), (count, count))
    label = connected_components(matrix, directed=False)[1]
    kept = label == np.bincount(label).argmax()
    number = np.cumsum(kept) - 1
    inside = kept[plan.edges[:, 0]]
    return Plan(
        plan.xy[kept],
        number[plan.edges[inside]],
        plan.road_class[inside],
        plan.street[inside],
        plan.urban[kept],
    )
