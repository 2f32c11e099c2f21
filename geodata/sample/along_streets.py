"""Drawing places along the sample streets: many in built-up areas, few in the country."""

import numpy as np
import numpy.typing as npt
import shapely

from geodata.sample.facts import CODES, COUNTIES
from geodata.sample.land import county_of
from geodata.sample.plane import Floats
from geodata.sample.streets import MOTORWAY, RESIDENTIAL, SECONDARY, Ints, Plan

RURAL_WEIGHT = 0.03  # schematic: of two equal lengths of road, how much a country road bears of a street's furniture


class Streets:
    """The plan with each edge's county and weight; draws are determined by the generator handed in."""

    def __init__(self, plan: Plan, shapes: list[shapely.Polygon]) -> None:
        self.first, self.second = plan.xy[plan.edges[:, 0]], plan.xy[plan.edges[:, 1]]
        self.county = county_of((self.first + self.second) / 2, shapes)
        self.length = np.hypot(*(self.second - self.first).T)
        urban = plan.urban[plan.edges].all(axis=1)
        by_class = np.array([0.0, 0.8, 1.2, 1.2, 1.0, 1.0])[plan.road_class]
        self.weight = self.length * by_class * np.where(urban, 1.0, RURAL_WEIGHT) * (self.county >= 0)
        share = np.array([row[4] for row in COUNTIES])
        held = np.bincount(self.county[self.county >= 0], self.weight[self.county >= 0], len(CODES))
        self.weight *= (share / held)[self.county]
        self.main = urban & (plan.road_class > MOTORWAY) & (plan.road_class <= SECONDARY)
        self.street = urban & (plan.road_class <= RESIDENTIAL) & (plan.road_class > MOTORWAY)

    def draw(self, count: int, rng: np.random.Generator, side_m: tuple[float, float]) -> tuple[Floats, Ints]:
        """`count` places beside the streets: (count, 2) metres and the county index of each, sorted by edge."""
        total = np.cumsum(self.weight)
        edge = np.searchsorted(total, np.sort(rng.random(count)) * total[-1], side="right")
        return self._beside(np.minimum(edge, len(total) - 1), rng, side_m), self.county[edge].astype(np.int64)

    def draw_in(self, codes: list[str], rng: np.random.Generator, main: bool) -> Floats:
        """One place on an urban street of each of `codes` in turn, on a main one if `main`: (n, 2) metres."""
        usable, wanted = self.main if main else self.street, np.array([CODES.index(code) for code in codes])
        edge = np.empty(len(codes), dtype=np.int64)
        for county in np.unique(wanted):
            pool = np.flatnonzero(usable & (self.county == county))
            mine = wanted == county
            edge[mine] = rng.choice(pool, int(mine.sum()), replace=int(mine.sum()) > len(pool))
        return self._beside(edge, rng, (0.0, 0.0))

    def _beside(self, edge: Ints, rng: np.random.Generator, side_m: tuple[float, float]) -> Floats:
        along, side = rng.random(len(edge)), rng.uniform(*side_m, len(edge)) * rng.choice((-1.0, 1.0), len(edge))
        step = self.second[edge] - self.first[edge]
        across = np.column_stack((-step[:, 1], step[:, 0])) / np.maximum(self.length[edge], 1e-9)[:, None]
        return np.asarray(self.first[edge] + step * along[:, None] + across * side[:, None])


def serials(group: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """1, 2, 3 … within each value of `group`, in the order of the rows."""
    order = np.argsort(group, kind="stable")
    ranked = group[order]
    start = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    counts = np.diff(np.append(start, len(ranked)))
    number = np.empty(len(group), dtype=np.int64)
    number[order] = np.arange(len(group)) - np.repeat(start, counts) + 1
    return number
