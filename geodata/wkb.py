"""A look into well-known binary before it is parsed: GEOS follows nested collections until the stack ends."""

import struct
from typing import Any, Final

_POINT, _LINE, _POLYGON, _COLLECTION = 1, 2, 3, 7
_CHILD_OF: Final = {4: _POINT, 5: _LINE, 6: _POLYGON}
_BROKEN: Final = "几何的二进制内容损坏"


def wkb_problem(value: Any) -> str:
    """Why `value` must not be parsed, or "". Collections and multi-shapes inside multi-shapes are refused."""
    if not isinstance(value, bytes):
        return "没有几何"
    try:
        kind, count, _, at = _head(value, 0)
    except (struct.error, IndexError):
        return _BROKEN
    if kind == _COLLECTION:
        return "几何集合(GeometryCollection)不能导入,请拆成单一类型"
    if kind not in _CHILD_OF:
        return ""
    try:
        return _children_problem(value, at, count, _CHILD_OF[kind])
    except (struct.error, IndexError):
        return _BROKEN


def _children_problem(value: bytes, at: int, count: int, wanted: int) -> str:
    for _ in range(count):
        kind, parts, dims, after = _head(value, at)
        if kind != wanted:
            return _BROKEN
        at = _end(value, after, kind, parts, dims, "<" if value[at] else ">")
    return ""


def _head(value: bytes, at: int) -> tuple[int, int, int, int]:
    """(type 1–7, number of parts, dimensions, offset behind the head) of the geometry at `at`, ISO or extended WKB."""
    order = "<" if value[at] else ">"
    code = struct.unpack_from(f"{order}I", value, at + 1)[0]
    plain = code & 0x0FFFFFFF
    kind, flavour = plain % 1000, plain // 1000
    dims = 2 + (flavour in (1, 3)) + (flavour in (2, 3)) + bool(code & 0x80000000) + bool(code & 0x40000000)
    behind = at + 5 + 4 * bool(code & 0x20000000)
    if kind == _POINT:
        return kind, 1, dims, behind
    return kind, struct.unpack_from(f"{order}I", value, behind)[0], dims, behind + 4


def _end(value: bytes, at: int, kind: int, parts: int, dims: int, order: str) -> int:
    if kind != _POLYGON:
        return at + 8 * dims * parts
    for _ in range(parts):
        at += 4 + 8 * dims * struct.unpack_from(f"{order}I", value, at)[0]
    return at
