"""Vector tile geometry of lines and polygons: rounded, closed, wound as MVT 2.1 wants, written by one kernel."""

import numpy as np
import numpy.typing as npt
import shapely
from numba import njit

from geodata.mvt import put_varint, text_value, zigzag

LINE, POLYGON = 2, 3
Parts = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.int64]]


def flatten(shapes: npt.NDArray[np.object_], polygons: bool) -> Parts:
    """Lines or rings of `shapes` in tile units: coordinates (n, 2), part starts, part is a hole, part's shape.

    What clipping left over of another kind (a point where a line grazes the edge) is dropped.
    """
    parts, owners = shapely.get_parts(shapes, return_index=True)
    wanted = shapely.get_type_id(parts) == (3 if polygons else 1)
    nested = shapely.get_type_id(parts) > 3
    if nested.any():
        inner, inner_owners = shapely.get_parts(parts[nested], return_index=True)
        keep = shapely.get_type_id(inner) == (3 if polygons else 1)
        parts = np.concatenate([parts[wanted], inner[keep]])
        owners = np.concatenate([owners[wanted], owners[nested][inner_owners[keep]]])
        by_owner = np.argsort(owners, kind="stable")
        parts, owners = parts[by_owner], owners[by_owner]
    else:
        parts, owners = parts[wanted], owners[wanted]
    holes = np.zeros(parts.size, np.bool_)
    if polygons:
        parts, ring_of = shapely.get_rings(parts, return_index=True)
        holes = np.concatenate([[False], ring_of[1:] == ring_of[:-1]]) if ring_of.size else holes[:0]
        owners = owners[ring_of]
    places, part_of = shapely.get_coordinates(parts, return_index=True)
    starts = np.searchsorted(part_of, np.arange(parts.size + 1))
    return np.floor(places).astype(np.int64), starts.astype(np.int64), holes, owners.astype(np.int64)


@njit(cache=True, nogil=True)
def _tidy(places, begin, end, ring, xs, ys):  # type: ignore[no-untyped-def]
    """Copy a part without repeated points (and without a ring's closing one); returns how many are left."""
    count = 0
    for at in range(begin, end):
        px, py = places[at, 0], places[at, 1]
        if count and xs[count - 1] == px and ys[count - 1] == py:
            continue
        xs[count], ys[count] = px, py
        count += 1
    while ring and count > 1 and xs[0] == xs[count - 1] and ys[0] == ys[count - 1]:
        count -= 1
    return count


@njit(cache=True, nogil=True)
def _doubled_area(xs, ys, count):  # type: ignore[no-untyped-def]
    """Surveyor's formula as MVT 2.1 § 4.3.3.3 uses it: positive is an exterior ring (y points down)."""
    total = np.int64(0)
    for at in range(count):
        after = at + 1 if at + 1 < count else 0
        total += xs[at] * ys[after] - xs[after] * ys[at]
    return total


@njit(cache=True, nogil=True)
def write_geometry(places, starts, holes, owners, shape_count, polygons):  # type: ignore[no-untyped-def]
    """Geometry bytes of all shapes end to end, and each shape's start in them, int64 (shape_count + 1,).

    A part that rounding collapsed is left out, and the holes of a lost exterior with it; such a shape has no bytes.
    """
    out = np.empty(places.shape[0] * 10 + owners.size * 24 + 16, np.uint8)
    bounds = np.zeros(shape_count + 1, np.int64)
    longest = 0
    for part in range(owners.size):
        longest = max(longest, starts[part + 1] - starts[part])
    xs, ys = np.empty(longest + 1, np.int64), np.empty(longest + 1, np.int64)
    at, shape, pen_x, pen_y, outer_kept = 0, 0, np.int64(0), np.int64(0), False
    for part in range(owners.size):
        while shape < owners[part]:
            shape += 1
            bounds[shape] = at
            pen_x, pen_y, outer_kept = np.int64(0), np.int64(0), False
        count = _tidy(places, starts[part], starts[part + 1], polygons, xs, ys)
        reverse = False
        if polygons:
            area = _doubled_area(xs, ys, count) if count >= 3 else 0
            if not holes[part]:
                outer_kept = area != 0
            if area == 0 or not outer_kept:
                continue
            reverse = (area < 0) != holes[part]
        elif count < 2:
            continue
        for step in range(count):
            pick = count - 1 - step if reverse else step
            if step == 0:
                at = put_varint(out, at, 9)
            elif step == 1:
                at = put_varint(out, at, ((count - 1) << 3) | 2)
            at = put_varint(out, at, zigzag(xs[pick] - pen_x))
            at = put_varint(out, at, zigzag(ys[pick] - pen_y))
            pen_x, pen_y = xs[pick], ys[pick]
        if polygons:
            at = put_varint(out, at, 15)
    while shape < shape_count:
        shape += 1
        bounds[shape] = at
    return out[:at], bounds


@njit(cache=True, nogil=True)
def frame_features(geometry, bounds, tags, kind):  # type: ignore[no-untyped-def]
    """Features from geometry bytes and `tags`, int64 (shapes, keys): the value index of each key, -1 for none."""
    shapes, keys = tags.shape
    out = np.empty(geometry.size + shapes * (keys * 11 + 32) + 16, np.uint8)
    pairs = np.empty(keys * 11 + 1, np.uint8)
    at = 0
    for shape in range(shapes):
        size = bounds[shape + 1] - bounds[shape]
        if size == 0:
            continue
        filled = 0
        for key in range(keys):
            if tags[shape, key] >= 0:
                pairs[filled] = key
                filled = put_varint(pairs, filled + 1, tags[shape, key])
        inner = 3 + size + (filled + 2 if filled else 0)  # tag bytes, type (2), geometry tag (1)
        rest = size
        while rest > 127:
            inner += 1
            rest >>= 7
        inner += 1
        out[at] = 0x12
        at = put_varint(out, at + 1, inner)
        if filled:
            out[at], out[at + 1] = 0x12, filled
            out[at + 2 : at + 2 + filled] = pairs[:filled]
            at += filled + 2
        out[at], out[at + 1], out[at + 2] = 0x18, kind, 0x22
        at = put_varint(out, at + 3, size)
        out[at : at + size] = geometry[bounds[shape] : bounds[shape + 1]]
        at += size
    return out[:at]


def value_table(columns: list[list[str]]) -> tuple[bytes, npt.NDArray[np.int64]]:
    """Shared string values of text columns, one list a key → (`values` bytes, tags (shapes, keys), -1 where empty)."""
    places: dict[str, int] = {}
    tags = np.full((len(columns[0]) if columns else 0, len(columns)), -1, np.int64)
    for key, column in enumerate(columns):
        for row, text in enumerate(column):
            if text:
                tags[row, key] = places.setdefault(text, len(places))
    return b"".join(map(text_value, places)), tags
