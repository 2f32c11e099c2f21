"""The upper classes of the sample roads: trunk, primary and secondary routes over the plan, motorways beside it."""

from dataclasses import replace

import numpy as np
import shapely
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from geodata.sample.facts import COUNTIES, Scale
from geodata.sample.land import river_lines, smooth
from geodata.sample.plane import Floats, to_plane, warp
from geodata.sample.streets import (
    CLASSES,
    MOTORWAY,
    PRIMARY,
    SECONDARY,
    TRUNK,
    Ints,
    Plan,
    gabriel,
    joined,
    largest_component,
    scattered,
    urban_plan,
    without_fords,
)

SPEED_KMH = dict(zip(CLASSES, (110.0, 80.0, 70.0, 60.0, 45.0, 30.0), strict=True))  # schematic design speeds
# Schematic motorways: two north–south, two west–east, each a chain of points it runs near.
MOTORWAYS: tuple[tuple[tuple[float, float], ...], ...] = (
    ((118.45, 36.02), (118.40, 35.75), (118.33, 35.50), (118.28, 35.28), (118.16, 35.08),
     (118.17, 34.85), (118.22, 34.60)),
    ((118.74, 35.98), (118.62, 35.62), (118.58, 35.35), (118.51, 35.10), (118.49, 34.90), (118.42, 34.62)),
    ((117.55, 35.44), (117.80, 35.36), (118.00, 35.23), (118.28, 35.25), (118.60, 35.24),
     (118.80, 35.22), (119.05, 35.24)),
    ((117.90, 34.80), (118.10, 34.80), (118.35, 34.87), (118.62, 34.86), (118.78, 34.88)),
)  # fmt: skip
INTERCHANGE_EVERY = 8  # motorway nodes, about 1 km apart


def route_edges(plan: Plan, places: Ints, road_class: int) -> Plan:
    """Raise the class along the shortest ways between neighbouring `places` (node numbers)."""
    count, length = len(plan.xy), np.hypot(*(plan.xy[plan.edges[:, 0]] - plan.xy[plan.edges[:, 1]]).T)
    cost = length * (1 + 0.12 * plan.road_class)
    both = np.vstack((plan.edges, plan.edges[:, ::-1]))
    number = csr_matrix((np.tile(np.arange(1, len(length) + 1), 2), (both[:, 0], both[:, 1])), (count, count))
    weights = csr_matrix((np.tile(cost, 2), (both[:, 0], both[:, 1])), (count, count))
    rank = plan.road_class.copy()
    pairs = gabriel(plan.xy[places])
    for start in np.unique(pairs[:, 0]):
        ends = places[pairs[pairs[:, 0] == start, 1]]
        reach = 3.0 * float(np.hypot(*(plan.xy[ends] - plan.xy[places[start]]).T).max())
        before = dijkstra(weights, indices=int(places[start]), limit=reach, return_predecessors=True)[1]
        for end in ends:
            node = int(end)
            while before[node] >= 0:
                edge = number[before[node], node] - 1
                rank[edge] = min(rank[edge], road_class)
                node = int(before[node])
    return replace(plan, road_class=rank)


def with_motorways(plan: Plan) -> Plan:
    """Add the motorways as chains of nodes about 1 km apart, tied to the nearest road every eighth node."""
    xy, edges, rank, street = [plan.xy], [plan.edges], [plan.road_class], [plan.street]
    tree, base = cKDTree(plan.xy), len(plan.xy)
    for index, controls in enumerate(MOTORWAYS):
        chain = along(controls, 1000.0)
        numbers = base + np.arange(len(chain))
        ramps = np.unique(np.append(np.arange(0, len(chain), INTERCHANGE_EVERY), len(chain) - 1))
        exits = np.column_stack((numbers[ramps], tree.query(chain[ramps])[1]))
        carriageway = np.column_stack((numbers[:-1], numbers[1:]))
        xy.append(chain)
        edges += [carriageway, exits]
        rank += [np.full(len(carriageway), MOTORWAY), np.full(len(exits), PRIMARY)]
        street += [np.full(len(carriageway), -10 - index), np.full(len(exits), -1)]
        base += len(chain)
    urban = np.concatenate((plan.urban, np.zeros(base - len(plan.xy), dtype=bool)))
    return Plan(np.vstack(xy), np.vstack(edges), np.concatenate(rank), np.concatenate(street), urban)


def along(controls: tuple[tuple[float, float], ...], step_m: float) -> Floats:
    """Points every `step_m` or a little less along the smoothed chain of lon/lat `controls`."""
    line = shapely.LineString(warp(smooth(to_plane(controls))))
    spots = np.linspace(0.0, line.length, int(line.length / step_m) + 2)
    return np.asarray(shapely.get_coordinates(shapely.line_interpolate_point(line, spots)))


def road_plan(scale: Scale, shapes: list[shapely.Polygon]) -> Plan:
    """The whole network of `scale`: one connected component, classes from motorway to residential."""
    villages = scattered(scale.village_m, "villages", shapes)
    plan = largest_component(without_fords(joined(urban_plan(scale), villages), river_lines()))
    tree = cKDTree(plan.xy)
    seats = tree.query(to_plane([(lon, lat) for _, _, lon, lat, _ in COUNTIES]))[1].astype(np.int64)
    towns = tree.query(scattered(scale.town_m, "towns", shapes))[1].astype(np.int64)
    plan = route_edges(plan, np.unique(np.concatenate((seats, towns))), SECONDARY)
    plan = route_edges(plan, np.unique(np.concatenate((seats, towns[::4]))), PRIMARY)
    return largest_component(with_motorways(route_edges(plan, seats, TRUNK)))
