"""GeoJSON (RFC 7946) as rows: guarded before it is parsed, one bad feature never spoils the others."""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import shapely
import shapely.geometry

from geodata.errors import BadInput, TooLarge
from geodata.raw_table import (
    MAX_VERTICES,
    RawTable,
    Shapes,
    check_rows,
    check_size,
    check_vertices,
    frame_of,
    utf8_text,
)

FEATURE_ID: Final = "feature.id"  # the id member beside `properties`
_MAX_MIB: Final = 512
_MAX_COLUMNS: Final = 500
_SHAPES: Final = {
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection",
}  # fmt: skip
_SHAPE_ERRORS: Final = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, shapely.errors.ShapelyError,
)  # fmt: skip


def read_geojson(path: Path, encoding: str | None) -> RawTable:
    """Features of a FeatureCollection, a Feature or a bare geometry. Without a `crs` member it is WGS-84 (RFC 7946)."""
    check_size(path, _MAX_MIB)
    document = _parsed(path, encoding)
    features = _features(document, path.name)
    check_rows(path, len(features))
    geometry, problems = _geometries(features)
    check_vertices(path, geometry)
    return RawTable(
        columns=frame_of(_columns(features, path.name), len(features)),
        geometry=geometry,
        row_numbers=np.arange(1, len(features) + 1),
        crs=_crs_of(document),
        geometry_problems=problems,
    )


def _parsed(path: Path, encoding: str | None) -> Any:
    data = path.read_bytes()
    if data.count(b"[") > 2 * MAX_VERTICES:  # every position opens a bracket: a cheap bound before memory is spent
        raise TooLarge(f"{path.name} 的坐标超过 {MAX_VERTICES} 个;请拆分或先简化后导入")
    if not data.strip():
        raise BadInput(f"{path.name} 是空文件")
    text = utf8_text(data, encoding, path.name)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if not any(word in text for word in ("NaN", "Infinity")):
            raise BadInput(
                f"{path.name} 不是正确的 JSON(第 {error.lineno} 行第 {error.colno} 列):{error.msg}"
            ) from None
    try:
        return json.loads(text)  # some writers put NaN into JSON; only those rows are refused, not the file
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} 不是正确的 JSON 或嵌套过深:{str(error)[:120]}") from None


def _features(document: Any, name: str) -> list[Any]:
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "FeatureCollection" and isinstance(document.get("features"), list):
        return list(document["features"])
    if kind == "Feature":
        return [document]
    if isinstance(kind, str) and kind in _SHAPES:
        return [{"type": "Feature", "properties": {}, "geometry": document}]
    raise BadInput(f"{name} 不是 GeoJSON:最外层应是 FeatureCollection,且有 features 数组")


def _crs_of(document: Any) -> str:
    """The `crs` member of GeoJSON 2008, which many desktop programs still write; else RFC 7946's WGS-84."""
    member = document.get("crs")
    properties = member.get("properties") if isinstance(member, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    return name if isinstance(name, str) and name else "WGS-84"


def _columns(features: list[Any], name: str) -> dict[str, Any]:
    """Properties by column. Object columns, so that a long whole number beside a gap keeps all its digits."""
    rows = [_properties(feature) for feature in features]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    if len(keys) > _MAX_COLUMNS:
        raise TooLarge(f"{name} 有 {len(keys)} 个属性字段,最多 {_MAX_COLUMNS} 个")
    columns = {key: _object_array([row.get(key) for row in rows]) for key in keys}
    ids = [feature.get("id") if isinstance(feature, dict) else None for feature in features]
    if any(value is not None for value in ids):
        columns[FEATURE_ID] = _object_array(ids)
    return columns


def _object_array(values: list[Any]) -> Shapes:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _properties(feature: Any) -> dict[str, Any]:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    return properties if isinstance(properties, dict) else {}


def _geometries(features: list[Any]) -> tuple[Shapes, dict[int, str]]:
    members = [feature.get("geometry") if isinstance(feature, dict) else None for feature in features]
    shapes: Shapes = np.empty(len(members), dtype=object)
    problems: dict[int, str] = {}
    plain = [(row, _plain_point(member)) for row, member in enumerate(members)]
    points = [row for row, at in plain if at is not None]
    if points:
        shapes[points] = shapely.points(np.array([at for _, at in plain if at is not None], np.float64))
    for row in np.setdiff1d(np.arange(len(members)), np.array(points, np.int64)).tolist():
        shapes[row], problem = _shape_of(members[row])
        if problem:
            problems[row] = problem
    return shapes, problems


def _plain_point(member: Any) -> tuple[float, float] | None:
    """x, y of a well-formed point: the fast way for a million of them."""
    at = member.get("coordinates") if isinstance(member, dict) and member.get("type") == "Point" else None
    if isinstance(at, list) and len(at) == 2 and all(type(number) in (int, float) for number in at):
        return at[0], at[1]
    return None


def _shape_of(member: Any) -> tuple[Any, str]:
    """One GeoJSON geometry and "", or None and why it is none."""
    if member is None:
        return None, "没有几何"
    kind = member.get("type") if isinstance(member, dict) else None
    if not isinstance(kind, str) or kind not in _SHAPES:
        return None, f"几何类型 {str(kind)[:40]!r} 不是 GeoJSON 的类型"
    if kind == "GeometryCollection":
        return None, "几何集合(GeometryCollection)不能导入,请拆成单一类型"
    try:
        return shapely.geometry.shape(member), ""
    except _SHAPE_ERRORS as error:
        return None, f"几何坐标无法读取:{str(error)[:120]}"
