"""Travel times on the full sample network: our early-stopping search beside scipy's Dijkstra, same graph, same run.

    python -m bench.roads [--queries 200]

Each query asks for the nearest 10 of 300 teams by travel time to a random place on the network. Single-thread rates
are per second of CPU, so that other work on the machine does not colour them; two threads are by the wall clock.
"""

import argparse
import json
import platform
import threading
import time

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from geodata.roads import ACCESS_SPEED_KMH, RoadGraph
from geodata.sample import land
from geodata.sample.along_streets import Streets
from geodata.sample.facts import SCALES
from geodata.sample.help import teams
from geodata.sample.highways import road_plan
from geodata.sample.roads import roads

Point = tuple[float, float]


def full_network() -> tuple[RoadGraph, list[Point], float]:
    """The full sample network, its 300 teams, and the seconds it took to build the graph from the frame."""
    scale, shapes = SCALES["full"], land.county_shapes()
    plan = road_plan(scale, shapes)
    frame, helpers = roads(plan), teams(scale, Streets(plan, shapes))
    start = time.perf_counter()
    graph = RoadGraph.from_frame(frame)
    took = time.perf_counter() - start
    return graph, [(point.x, point.y) for point in helpers.geometry], took


def peer(graph: RoadGraph, targets: list[Point], points: list[Point], count: int) -> tuple[float, list[list[float]]]:
    """(queries/CPU-second, seconds of the nearest `count` per query) by scipy: one-to-all over reversed edges."""
    arrays = graph.arrays
    shape = (graph.node_count, graph.node_count)
    matrix = csr_matrix((graph.seconds.astype(np.float64), arrays.tails, arrays.offsets), shape=shape)
    places = [graph.nearest_node(*point) for point in points]
    node = np.array([place[0] for place in places])
    walk = np.array([place[1] for place in places]) / (ACCESS_SPEED_KMH / 3.6)
    found, start = [], time.thread_time()
    for target in targets:
        end, metres = graph.nearest_node(*target)
        total = dijkstra(matrix, indices=end)[node] + walk + metres / (ACCESS_SPEED_KMH / 3.6)
        found.append(np.sort(total)[:count].tolist())
    return len(targets) / (time.thread_time() - start), found


def ours(graph: RoadGraph, targets: list[Point], points: list[Point], count: int) -> tuple[float, list[list[float]]]:
    """The same by `nearest_to`."""
    start = time.thread_time()
    found = [
        [travel.seconds or 0.0 for _, travel in graph.nearest_to(*target, points, count, max_s=1e9)]
        for target in targets
    ]
    return len(targets) / (time.thread_time() - start), found


def in_threads(graph: RoadGraph, targets: list[Point], points: list[Point], count: int, threads: int) -> float:
    """Queries per wall second with `threads` threads sharing one graph."""
    parts = [threading.Thread(target=ours, args=(graph, targets, points, count)) for _ in range(threads)]
    start = time.perf_counter()
    for part in parts:
        part.start()
    for part in parts:
        part.join()
    return threads * len(targets) / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=200)
    queries = parser.parse_args().queries
    graph, points, build_s = full_network()
    rng = np.random.default_rng(1)
    targets = [graph.arrays.node_lonlat(int(node)) for node in rng.integers(0, graph.node_count, queries)]
    ours(graph, targets[:1], points, 10)  # compile
    ten, found = ours(graph, targets, points, 10)
    scipy_rate, expected = peer(graph, targets[: max(10, queries // 5)], points, 10)
    worst = max(
        abs(a - b) for mine, theirs in zip(found, expected, strict=False) for a, b in zip(mine, theirs, strict=True)
    )
    graph.set_speed_factor(["sample-road-000001"], 0.5)  # builds the index of ids
    start = time.perf_counter()
    graph.set_speed_factor(["sample-road-000002"], 0.5)
    reweigh_ms = (time.perf_counter() - start) * 1000
    result = {
        "machine": platform.processor() or platform.machine(),
        "nodes": graph.node_count,
        "directed_edges": graph.edge_count,
        "graph_build_s": round(build_s, 2),
        "nearest_10_of_300_per_cpu_s": round(ten, 1),
        "scipy_per_cpu_s": round(scipy_rate, 1),
        "times_faster": round(ten / scipy_rate, 1),
        "two_threads_per_wall_s": round(in_threads(graph, targets, points, 10, 2), 1),
        "all_300_per_cpu_s": round(ours(graph, targets[: max(10, queries // 5)], points, 300)[0], 1),
        "worst_difference_s": round(worst, 6),
        "reweigh_ms": round(reweigh_ms, 2),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
