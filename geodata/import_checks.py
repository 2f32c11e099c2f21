"""Is each shape what the dataset wants, where the city is? Repairs are flagged, guesses are refused."""

from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.crs import CHINA, coordinates_to_wgs84, to_wgs84
from geodata.datasets import DatasetSpec
from geodata.errors import BadInput
from geodata.import_verdict import Mask, Verdict
from geodata.raw_table import RawTable, Shapes

CITY: Final = (117.41, 34.38, 119.20, 36.21)  # the extent of 临沂: west, south, east, north
_MARGIN_DEG: Final = 0.25
_SWAPPED: Final = "经纬度疑似颠倒"
_TYPES: Final = {"point": (0, 4), "line": (1, 5), "polygon": (3, 6)}  # GEOS type numbers: single, multi
_WORDS: Final = {"point": "点", "line": "线", "polygon": "面"}
_MAX_CHANGE: Final = 0.1  # of area: beyond it a repair is a guess


def checked_geometry(table: RawTable, spec: DatasetSpec, datum: str, verdict: Verdict) -> tuple[Shapes, list[str]]:
    """(n,) WGS-84 shapes of the dataset's type, None where refused, and notes on what was done to all of them."""
    shapes = table.geometry.copy()
    rows = np.zeros(len(shapes), dtype=bool)
    rows[list(table.geometry_problems)] = True
    verdict.reject(rows, lambda row: table.geometry_problems[row])
    shapes[rows] = None
    notes = [f"{high} 行带有高程,只保留平面坐标"] if (high := int(shapely.has_z(shapes).sum())) else []
    _refuse(shapes, shapely.is_empty(shapes), "几何是空的", verdict)
    _refuse(shapes, ~_finite(shapes), "坐标不是有限的数", verdict)
    shapes = _single(_of_type(shapely.force_2d(shapes), spec, verdict), spec)
    moved = _moved(shapes, datum)
    swapped = _swapped(shapes, moved, datum)
    _refuse(moved, swapped, _SWAPPED, verdict)
    _refuse(moved, ~_finite(moved) | _off_the_globe(moved), "坐标超出经纬度的范围,检查坐标系是否填对", verdict)
    moved = _repaired(moved, spec, verdict)
    verdict.flag(_present(moved) & ~_meets(shapely.bounds(moved), CITY, _MARGIN_DEG), "在临沂市范围之外")
    return moved, notes


def _present(shapes: Shapes) -> Mask:
    return ~shapely.is_missing(shapes)


def _refuse(shapes: Shapes, rows: Mask, reason: str, verdict: Verdict) -> None:
    """Reject those of `rows` that still have a shape, and take it away so that no later check stumbles over it."""
    rows = rows & _present(shapes)
    verdict.reject(rows, reason)
    shapes[rows] = None


def _finite(shapes: Shapes) -> Mask:
    coordinates, owners = shapely.get_coordinates(shapes, return_index=True)
    finite = np.ones(len(shapes), dtype=bool)
    finite[owners[~np.isfinite(coordinates).all(axis=1)]] = False
    return finite


def _of_type(shapes: Shapes, spec: DatasetSpec, verdict: Verdict) -> Shapes:
    kinds = shapely.get_type_id(shapes)
    wrong = _present(shapes) & ~np.isin(kinds, _TYPES[spec.geometry])
    if spec.geometry == "point":
        wrong |= (kinds == 4) & (shapely.get_num_geometries(shapes) != 1)
    names = np.array([shape.geom_type if bad else "" for shape, bad in zip(shapes, wrong, strict=True)], dtype=object)
    verdict.reject(wrong, lambda row: f"几何类型 {names[row]} 不对,{spec.title}要的是{_WORDS[spec.geometry]}")
    shapes[wrong] = None
    return shapes


def _single(shapes: Shapes, spec: DatasetSpec) -> Shapes:
    """Points and lines wrapped as a multi-shape of one part are taken out of it."""
    if spec.geometry != "polygon":
        rows = (shapely.get_type_id(shapes) == _TYPES[spec.geometry][1]) & (shapely.get_num_geometries(shapes) == 1)
        shapes[rows] = shapely.get_geometry(shapes[rows], 0)
    return shapes


def _moved(shapes: Shapes, datum: str) -> Shapes:
    try:
        return to_wgs84(shapes, datum)
    except (ValueError, shapely.errors.ShapelyError) as error:
        raise BadInput(f"坐标换算失败({datum}):{str(error)[:120]}") from None


def _meets(bounds: NDArray[np.float64], box: tuple[float, float, float, float], margin: float = 0.0) -> Mask:
    """(n,) whether (n, 4) bounds touch `box`; NaN bounds do not."""
    west, south, east, north = bounds.T
    inside = (east >= box[0] - margin) & (west <= box[2] + margin)
    return inside & (north >= box[1] - margin) & (south <= box[3] + margin)


def _swapped(shapes: Shapes, moved: Shapes, datum: str) -> Mask:
    """Shapes away from the city (or China) that would lie in it with x and y exchanged before the conversion."""
    away = _present(moved) & ~_meets(shapely.bounds(moved), CITY, _MARGIN_DEG)
    result = np.zeros(len(shapes), dtype=bool)
    if away.any():
        west, south, east, north = shapely.bounds(shapes[away]).T
        exchanged = coordinates_to_wgs84(np.column_stack((south + north, west + east)) / 2, datum)
        there = np.concatenate((exchanged, exchanged), axis=1)
        abroad = ~_meets(shapely.bounds(moved[away]), CHINA)
        result[away] = _meets(there, CITY, _MARGIN_DEG) | (abroad & _meets(there, CHINA))
    return result


def _off_the_globe(shapes: Shapes) -> Mask:
    west, south, east, north = shapely.bounds(shapes).T
    return (west < -180) | (east > 180) | (south < -90) | (north > 90)


def _repaired(shapes: Shapes, spec: DatasetSpec, verdict: Verdict) -> Shapes:
    broken = _present(shapes) & ~shapely.is_valid(shapes)
    if spec.geometry != "polygon":
        _refuse(shapes, broken, "几何无效(例如首尾同一点的线)", verdict)
        return shapes
    reasons = {row: str(shapely.is_valid_reason(shapes[row])).split("[")[0] for row in np.flatnonzero(broken).tolist()}
    hopeless = np.zeros(len(shapes), dtype=bool)
    for row in reasons:
        shape = _mended(shapes[row])
        hopeless[row] = shape is None
        shapes[row] = shape if shape is not None else shapes[row]
    _refuse(shapes, hopeless, "面自相交且无法可靠修复(形状有歧义),请在原软件中修正", verdict)
    verdict.flag(broken & ~hopeless, lambda row: f"面无效({reasons[row]}),已自动修复,请核对")
    return shapes


def _mended(shape: Any) -> Any:
    """The valid polygon that `shape` stands for, or None when that is ambiguous.

    Two readings are compared: even-odd (OGC linework) and filled rings (structure). When they differ by more than a
    tenth, or the outline loses more than that, nobody can say what was meant.
    """
    lined = _polygons(shapely.make_valid(shape, method="linework"))
    filled = _polygons(shapely.make_valid(shape, method="structure", keep_collapsed=False))
    areas = sorted((shapely.area(lined), shapely.area(filled)))
    hull, kept = shapely.area(shapely.convex_hull(shape)), shapely.area(shapely.convex_hull(lined))
    if areas[0] <= 0 or areas[0] < (1 - _MAX_CHANGE) * areas[1] or kept < (1 - _MAX_CHANGE) * hull:
        return None
    return lined


def _polygons(shape: Any) -> Any:
    """The polygons in `shape` as one polygon or multi-polygon; lines and points a repair leaves over are dropped."""
    parts = shapely.get_parts(shapely.get_parts(shape))
    return shapely.union_all(parts[shapely.get_type_id(parts) == 3])
