"""Counties, rivers, hills and the forest grid of the sample city."""

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from shapely.ops import substring

from geodata.sample.facts import CODES, COUNTIES, EXTRA_SITES, MENGSHAN_HEIGHT_M, NAMES, OUTLINE, RIVERS
from geodata.sample.frames import frame_of, pick
from geodata.sample.plane import Floats, generator, height_m, noise, slope_deg, to_lonlat, to_plane, warp

COVERS = ("农田林网", "草地", "灌木", "阔叶林", "针叶林")


def county_shapes() -> list[shapely.Polygon]:
    """The counties in metres, in the order of `COUNTIES`: a partition around the seats with irregular edges."""
    sites = [(code, lon, lat) for code, _, lon, lat, _ in COUNTIES] + list(EXTRA_SITES)
    points = to_plane([(lon, lat) for _, lon, lat in sites])
    outline = shapely.Polygon(to_plane(OUTLINE))
    cells = list(shapely.voronoi_polygons(shapely.MultiPoint(points), extend_to=outline).geoms)
    parts: dict[str, list[Any]] = {code: [] for code in CODES}
    for (code, _, _), point in zip(sites, shapely.points(points), strict=True):
        parts[code].append(next(cell for cell in cells if cell.contains(point)))
    shapes = [shapely.union_all(parts[code]).intersection(outline) for code in CODES]
    lined = shapely.segmentize(shapely.set_precision(np.array(shapes), 1.0), 900.0)
    return list(shapely.transform(lined, warp))


def counties(shapes: list[shapely.Polygon]) -> gpd.GeoDataFrame:
    """One row a county, its code as id."""
    return frame_of("counties", {"id": list(CODES), "name": list(NAMES.values())}, shapely.transform(shapes, to_lonlat))


def county_of(xy: Floats, shapes: list[shapely.Polygon]) -> npt.NDArray[np.int16]:
    """Index into `CODES` of the county each point lies in, −1 outside the city."""
    for shape in shapes:
        shapely.prepare(shape)
    found = np.full(len(xy), -1, dtype=np.int16)
    for index, shape in enumerate(shapes):
        found[shapely.contains_xy(shape, xy[:, 0], xy[:, 1])] = index
    return found


def smooth(points: Floats, rounds: int = 4) -> Floats:
    """Chaikin's corner cutting; the two ends stay."""
    for _ in range(rounds):
        first, second = points[:-1], points[1:]
        cut = np.stack((0.75 * first + 0.25 * second, 0.25 * first + 0.75 * second), axis=1).reshape(-1, 2)
        points = np.vstack((points[:1], cut, points[-1:]))
    return points


def meander(course: Floats) -> Floats:
    """Bends of a river: smooth, some hundreds of metres wide."""
    east = 420 * noise(course, "bend-east", 12_000) + 150 * noise(course, "bend-east-fine", 4_500)
    north = 420 * noise(course, "bend-north", 12_000) + 150 * noise(course, "bend-north-fine", 4_500)
    return course + np.column_stack((east, north))


def river_lines() -> list[shapely.LineString]:
    """The rivers in metres, in the order of `RIVERS`; a tributary ends on the river it joins."""
    lines = []
    for _, _, _, controls in RIVERS:
        course = shapely.segmentize(shapely.LineString(smooth(to_plane(controls))), 400.0)
        lines.append(shapely.transform(course, meander))
    main, tributary = lines[0], lines[2]
    mouth = shapely.shortest_line(tributary, main)  # from the tributary to the main river; one point where they cross
    upstream = substring(tributary, 0.0, tributary.project(shapely.Point(mouth.coords[0])))
    lines[2] = shapely.LineString([*list(upstream.coords)[:-1], mouth.coords[-1]])
    return lines


def rivers(lines: list[shapely.LineString]) -> gpd.GeoDataFrame:
    """沂河, 沭河 and 祊河 as schematic courses."""
    columns = {
        "id": [f"sample-river-{key}" for key, _, _, _ in RIVERS],
        "name": [name for _, name, _, _ in RIVERS],
        "rank": np.array([rank for _, _, rank, _ in RIVERS], dtype=np.int64),
    }
    return frame_of("rivers", columns, shapely.transform(lines, to_lonlat))


def hills() -> gpd.GeoDataFrame:
    """蒙山 as a foot and a crest, both schematic, between 平邑, 费县 and 蒙阴."""
    ridge = shapely.LineString(smooth(to_plane([(117.72, 35.61), (117.84, 35.54), (117.93, 35.50), (118.02, 35.44)])))
    foot = shapely.transform(shapely.segmentize(ridge.buffer(8_500), 800.0), warp)
    crest = shapely.transform(shapely.segmentize(ridge.buffer(3_200), 800.0), warp)
    columns = {
        "id": ["sample-hill-mengshan", "sample-hill-mengshan-crest"],
        "name": ["蒙山", "蒙山主脊"],
        "height_m": [400.0, MENGSHAN_HEIGHT_M],
    }
    return frame_of("hills", columns, shapely.transform([foot, crest], to_lonlat))


def forest_grid(count: int, shapes: list[shapely.Polygon]) -> gpd.GeoDataFrame:
    """The `count` highest 1-km cells of the city. 17,000 of them are nearly all of it: the plain is level 1."""
    city = shapely.union_all(np.array(shapes))
    west, south, east, north = (int(np.floor(edge / 1000)) for edge in city.bounds)
    ix, iy = (axis.ravel() for axis in np.meshgrid(np.arange(west, east + 1), np.arange(south, north + 1)))
    centre: Floats = np.asarray(np.column_stack((ix, iy)) * 1000.0 + 500.0, dtype=np.float64)
    rank = height_m(centre) + np.where(county_of(centre, shapes) >= 0, 0.0, -1e6) + 5 * noise(centre, "edge", 8_000)
    chosen = np.sort(np.argsort(-rank, kind="stable")[:count])
    ix, iy, centre = ix[chosen], iy[chosen], centre[chosen]
    lower, upper = to_lonlat(np.column_stack((ix, iy)) * 1000.0), to_lonlat(np.column_stack((ix + 1, iy + 1)) * 1000.0)
    county = np.maximum(county_of(centre, shapes), 0)
    columns = {
        "id": [f"sample-forest-{x - west:03d}-{y - south:03d}" for x, y in zip(ix, iy, strict=True)],
        "name": [f"示例林区网格 {x - west:03d}-{y - south:03d}" for x, y in zip(ix, iy, strict=True)],
        "county_code": pick(CODES, county),
        "danger_level": danger_levels(centre),
        "slope_deg": np.round(slope_deg(centre), 1),
        "cover": pick(COVERS, cover_index(centre)),
    }
    return frame_of("forest_grid", columns, shapely.box(lower[:, 0], lower[:, 1], upper[:, 0], upper[:, 1]))


def danger_levels(centre: Floats) -> npt.NDArray[np.int64]:
    """Schematic fire danger 1–5, smooth in space, higher on high ground; 5 is rare."""
    score = np.log(height_m(centre) / 60.0) + 0.45 * noise(centre, "danger", 30_000)
    return 1 + np.digitize(score, [0.75, 1.5, 2.1, 2.6]).astype(np.int64)


def cover_index(centre: Floats) -> npt.NDArray[np.int64]:
    """Index into `COVERS`: farmland on the plain, conifers on the heights, patches in between."""
    rough = generator("cover").normal(0, 0.15, len(centre))
    score = np.log(height_m(centre) / 60.0) + 0.4 * noise(centre, "cover", 12_000) + rough
    return np.digitize(score, [0.35, 0.8, 1.2, 1.8]).astype(np.int64)


def scattered_in(shapes: list[shapely.Polygon], count: int, rng: np.random.Generator) -> Floats:
    """`count` points in the city, in metres, evenly at random."""
    west, south, east, north = shapely.union_all(np.array(shapes)).bounds
    found = np.empty((0, 2))
    while len(found) < count:
        tries = rng.uniform((west, south), (east, north), (4 * count, 2))
        found = np.vstack((found, tries[county_of(tries, shapes) >= 0]))
    return found[:count]
