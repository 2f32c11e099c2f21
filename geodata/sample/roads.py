"""The sample roads as rows: node-to-node segments that share exact end points, with class, speed and direction."""

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from geodata.sample.frames import frame_of, pick
from geodata.sample.highways import SPEED_KMH
from geodata.sample.plane import generator, to_lonlat
from geodata.sample.streets import CLASSES, MOTORWAY, RESIDENTIAL, Plan

ONEWAY_SHARE = 0.05
WORDS = ("示例高速", "示例国道", "示例省道", "示例县道", "示例乡道", "示例支路")


def oneway_flags(plan: Plan) -> npt.NDArray[np.bool_]:
    """Some small urban streets run one way, but never so that a node cannot be reached or left."""
    small = (plan.road_class == RESIDENTIAL) & plan.urban[plan.edges].all(axis=1)
    oneway = small & (generator("oneway").random(len(plan.edges)) < ONEWAY_SHARE)
    ends = np.vstack((plan.edges, plan.edges[~oneway][:, ::-1]))
    matrix = coo_matrix((np.ones(len(ends), dtype=np.int8), (ends[:, 0], ends[:, 1])), (len(plan.xy), len(plan.xy)))
    label = connected_components(matrix, directed=True, connection="strong")[1]
    main = label == np.bincount(label).argmax()
    return np.asarray(oneway & main[plan.edges].all(axis=1))


def road_names(plan: Plan) -> npt.NDArray[np.object_]:
    """Grid streets and motorways carry a number of their own; the rest only their class."""
    words = pick(WORDS, plan.road_class)
    own = np.flatnonzero(plan.street >= 0)
    words[own] = [f"示例街 {number:06d}" for number in plan.street[own]]
    chain = np.flatnonzero(plan.road_class == MOTORWAY)
    words[chain] = [f"{WORDS[0]} {-number - 9}" for number in plan.street[chain]]
    return words


def bent_lines(plan: Plan) -> npt.NDArray[np.object_]:
    """One line a segment; country roads get a middle vertex off the straight line."""
    first, second = plan.xy[plan.edges[:, 0]], plan.xy[plan.edges[:, 1]]
    across = (second - first) @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    bend = generator("bends").uniform(-0.09, 0.09, (len(first), 1))
    straight = plan.urban[plan.edges].all(axis=1) | (plan.road_class == MOTORWAY)
    ends, middle = to_lonlat(plan.xy), to_lonlat((first + second) / 2 + across * bend)
    lines = np.empty(len(first), dtype=object)
    lines[straight] = shapely.linestrings(ends[plan.edges[straight]])
    curved = ~straight
    triple = np.stack((ends[plan.edges[curved, 0]], middle[curved], ends[plan.edges[curved, 1]]), axis=1)
    lines[curved] = shapely.linestrings(triple)
    return lines


def roads(plan: Plan) -> gpd.GeoDataFrame:
    """One row a segment; both directions unless `oneway`."""
    columns = {
        "id": [f"sample-road-{number:06d}" for number in range(1, len(plan.edges) + 1)],
        "name": road_names(plan),
        "road_class": pick(CLASSES, plan.road_class),
        "speed_kmh": np.array(list(SPEED_KMH.values()))[plan.road_class],
        "oneway": oneway_flags(plan),
        "closed": np.zeros(len(plan.edges), dtype=bool),
    }
    return frame_of("roads", columns, bent_lines(plan))
