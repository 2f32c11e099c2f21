"""Travel times are exact: against scipy's Dijkstra on random networks, and by hand on small ones."""

from concurrent.futures import ThreadPoolExecutor

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from geodata.errors import BadInput, NotFound
from geodata.roads import ACCESS_SPEED_KMH, RoadGraph

NODES = 24


def frame(rows: list[tuple[tuple[float, float], tuple[float, float], float, bool, bool]]) -> gpd.GeoDataFrame:
    """Roads r0, r1 … from (start, end, km/h, oneway, closed)."""
    columns = {
        "id": [f"r{number}" for number in range(len(rows))],
        "speed_kmh": [row[2] for row in rows],
        "oneway": [row[3] for row in rows],
        "closed": [row[4] for row in rows],
    }
    return gpd.GeoDataFrame(columns, geometry=[shapely.LineString(row[:2]) for row in rows], crs="EPSG:4326")


def place(number: int) -> tuple[float, float]:
    """Node `number` on a small lattice, some of its steps longer than others."""
    return 118.0 + 0.011 * (number % 5) + 0.001 * number, 35.0 + 0.013 * (number // 5)


edge = st.tuples(
    st.integers(0, NODES - 1),
    st.integers(0, NODES - 1),
    st.sampled_from([15.0, 30.0, 60.0, 110.0]),
    st.booleans(),
    st.sampled_from([False, False, False, True]),
).filter(lambda row: row[0] != row[1])


@settings(max_examples=150, deadline=None)
@given(
    edges=st.lists(edge, min_size=1, max_size=60),
    origins=st.lists(st.integers(0, NODES - 1), min_size=1, max_size=8),
    target=st.integers(0, NODES - 1),
    max_s=st.sampled_from([60.0, 600.0, 1e9]),
    wanted=st.integers(1, 8),
)
def test_travel_times_equal_scipys(edges, origins, target, max_s, wanted) -> None:
    graph = RoadGraph.from_frame(frame([(place(a), place(b), *rest) for a, b, *rest in edges]))
    arrays, count = graph.arrays, graph.node_count
    best = np.full((count, count), np.inf)
    np.minimum.at(best, (arrays.tails, arrays.heads), graph.seconds.astype(np.float64))
    distance = dijkstra(csr_matrix(np.where(np.isfinite(best), best, 0.0)))
    end, walk_end = graph.nearest_node(*place(target))
    expected = []
    for origin in origins:
        node, walk = graph.nearest_node(*place(origin))
        total = distance[node, end] + (walk + walk_end) / (ACCESS_SPEED_KMH / 3.6)
        expected.append(total if total <= max_s else np.inf)
    points = [place(origin) for origin in origins]
    travels = graph.travel_to(*place(target), points, max_s=max_s)
    found = [np.inf if travel.seconds is None else travel.seconds for travel in travels]
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)
    nearest = graph.nearest_to(*place(target), points, wanted, max_s=max_s)
    reachable = sorted(seconds for seconds in expected if np.isfinite(seconds))[:wanted]
    assert [travel.seconds for _, travel in nearest] == pytest.approx(reachable, rel=1e-6, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(edges=st.lists(edge, min_size=3, max_size=60), origin=st.integers(0, 23), target=st.integers(0, 23))
def test_the_path_is_as_long_as_the_travel_says(edges, origin, target) -> None:
    graph = RoadGraph.from_frame(frame([(place(a), place(b), *rest) for a, b, *rest in edges]))
    travel = graph.travel_to(*place(target), [place(origin)], max_s=1e9)[0]
    path = graph.path_to(*place(target), place(origin), max_s=1e9)
    if travel.metres is None:
        assert path == []
        return
    assert path[0] == place(origin)
    assert path[-1] == place(target)
    line = np.radians(path)
    middle = np.cos((line[1:, 1] + line[:-1, 1]) / 2)
    length = 6_371_008.8 * np.hypot(np.diff(line[:, 0]) * middle, np.diff(line[:, 1])).sum()
    assert length == pytest.approx(travel.metres, rel=2e-3, abs=1.0)


A, B, C = (118.0, 35.0), (118.01, 35.0), (118.02, 35.0)


@pytest.mark.parametrize(
    ("rows", "to_c", "to_a"),
    [
        ([(A, B, 36.0, False, False), (B, C, 36.0, False, False)], True, True),
        ([(A, B, 36.0, True, False), (B, C, 36.0, False, False)], True, False),
        ([(A, B, 36.0, False, False), (B, C, 36.0, False, True)], False, False),
    ],
    ids=["both ways", "one way", "closed"],
)
def test_one_way_and_closed_roads(rows, to_c: bool, to_a: bool) -> None:
    graph = RoadGraph.from_frame(frame(rows))
    assert (graph.travel_to(*C, [A])[0].seconds is not None) == to_c
    assert (graph.travel_to(*A, [C])[0].seconds is not None) == to_a


def test_seconds_are_metres_over_speed_and_walks_are_slow() -> None:
    graph = RoadGraph.from_frame(frame([(A, B, 36.0, False, False)]))
    travel = graph.travel_to(*B, [A])[0]
    assert travel.metres == pytest.approx(911, rel=0.005)  # 0.01° at 35° N on the ellipsoid: 912.9 m
    assert travel.seconds == pytest.approx(travel.metres / 10.0, rel=1e-4)
    off_road = (118.0, 35.001)
    _, metres = graph.nearest_node(*off_road)
    assert metres == pytest.approx(111.2, rel=0.01)
    late = graph.travel_to(*B, [off_road])[0]
    assert late.seconds == pytest.approx(travel.seconds + metres / (ACCESS_SPEED_KMH / 3.6), rel=1e-4)


def test_weights_change_live_and_back() -> None:
    graph = RoadGraph.from_frame(frame([(A, B, 36.0, False, False), (B, C, 36.0, False, False)]), version="v1")
    free = graph.travel_to(*C, [A])[0].seconds
    graph.set_speed_factor(["r0"], 0.5)
    assert graph.travel_to(*C, [A])[0].seconds == pytest.approx(1.5 * free, rel=1e-3)
    graph.set_speed_factor(["r0"], 0.0)
    assert graph.travel_to(*C, [A])[0].seconds is None
    graph.set_speed_factor(["r0"], 1.0)
    assert graph.travel_to(*C, [A])[0].seconds == pytest.approx(free)
    closed = graph.with_closed(["r1"])
    assert closed.version == "v1"
    assert closed.travel_to(*C, [A])[0].seconds is None
    assert closed.path_to(*C, A) == []
    assert graph.travel_to(*C, [A])[0].seconds == pytest.approx(free)


def test_points_snap_to_the_main_network_not_to_an_islet() -> None:
    islet = ((118.5, 35.5), (118.5001, 35.5))
    graph = RoadGraph.from_frame(
        frame([(A, B, 36.0, False, False), (B, C, 36.0, False, False), (*islet, 36.0, False, False)])
    )
    assert graph.nearest_node(118.5, 35.5)[1] > 10_000


def test_threads_share_a_graph_without_mixing_answers() -> None:
    graph = RoadGraph.from_frame(frame([(place(n), place(n + 1), 30.0, False, False) for n in range(NODES - 1)]))
    points = [place(n) for n in range(NODES)]

    def ask(number: int) -> list[float | None]:
        return [travel.seconds for travel in graph.travel_to(*place(number % NODES), points[: 1 + number % NODES])]

    alone = [ask(number) for number in range(200)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(200))) == alone


def test_no_points_no_travels() -> None:
    graph = RoadGraph.from_frame(frame([(A, B, 36.0, False, False)]))
    assert graph.travel_to(*A, []) == []
    assert graph.nearest_to(*A, [B], 0) == []


@pytest.mark.parametrize("speed", [0.0, -5.0, float("nan"), float("inf")])
def test_bad_speeds_name_the_road(speed: float) -> None:
    with pytest.raises(BadInput, match="r1"):
        RoadGraph.from_frame(frame([(A, B, 36.0, False, False), (B, C, speed, False, False)]))


def test_other_bad_input_is_refused() -> None:
    roads = frame([(A, B, 36.0, False, False)])
    with pytest.raises(BadInput, match="空"):
        RoadGraph.from_frame(roads.iloc[:0])
    graph = RoadGraph.from_frame(roads)
    with pytest.raises(NotFound, match="r9"):
        graph.with_closed(["r9"])
    with pytest.raises(BadInput):
        graph.set_speed_factor(["r0"], float("nan"))
    with pytest.raises(BadInput):
        graph.travel_to(float("nan"), 35.0, [A])
    with pytest.raises(BadInput):
        graph.travel_to(118.0, 35.0, [(float("inf"), 35.0)])
