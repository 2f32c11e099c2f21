"""Writing the whole sample city into the catalogue, dataset by dataset."""

from collections.abc import Callable, Iterator

import geopandas as gpd

from geodata.catalog import Catalog
from geodata.errors import BadInput
from geodata.sample import furniture, land, watch
from geodata.sample import help as relief
from geodata.sample.along_streets import Streets
from geodata.sample.facts import SCALES, Scale
from geodata.sample.highways import road_plan
from geodata.sample.roads import roads

STEPS = 11


def build(catalog: Catalog, scale: str, progress: Callable[[str, float], None]) -> dict[str, int]:
    """Write every dataset at `scale` ("small" or "full"); returns rows by dataset id.

    `progress` is called with the dataset's id and the share done, 0…1. The same scale gives the same rows, always.
    """
    if scale not in SCALES:
        raise BadInput(f"没有规模 {scale!r};可用:{'、'.join(SCALES)}")
    counts: dict[str, int] = {}
    for dataset_id, frame in frames(SCALES[scale]):
        catalog.write(dataset_id, frame)
        counts[dataset_id] = len(frame)
        progress(dataset_id, len(counts) / STEPS)
    return counts


def frames(scale: Scale) -> Iterator[tuple[str, gpd.GeoDataFrame]]:
    """(dataset id, frame) in the order of making; each may be dropped before the next is made."""
    shapes = land.county_shapes()
    yield "counties", land.counties(shapes)
    yield "rivers", land.rivers(land.river_lines())
    yield "hills", land.hills()
    yield "forest_grid", land.forest_grid(scale.forest_cells, shapes)
    plan = road_plan(scale, shapes)
    yield "roads", roads(plan)
    streets = Streets(plan, shapes)
    yield "teams", relief.teams(scale, streets)
    yield "warehouses", relief.warehouses(scale, streets)
    cameras, camera_xy = furniture.cameras(scale.cameras, streets)
    yield "cameras", cameras
    points, points_xy = watch.waterlogging(streets, cameras["id"].to_numpy(), camera_xy)
    yield "waterlogging_points", points
    yield "sensors", watch.sensors(scale, points, points_xy, streets, shapes)
    yield "city_components", furniture.components(scale.components, streets)
