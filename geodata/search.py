"""Find by text over the city's layers: a whole id, the beginning of one, or a part of a name."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from geodata.city import City
from geodata.columns import Text
from geodata.points import PointIndex
from geodata.shapes import ShapeIndex

# Few and important first: a county or team must not drown in a million components.
LAYERS = (
    "counties",
    "teams",
    "warehouses",
    "waterlogging_points",
    "rivers",
    "hills",
    "sensors",
    "cameras",
    "city_components",
)
LONGEST_QUERY = 64
Index = PointIndex | ShapeIndex


def search(city: City, text: str, limit: int = 20) -> list[dict[str, Any]]:
    """Items (`layer, id, name, lon, lat, distance_m: None, fields`): exact ids, then id beginnings, then names.

    Upper and lower case are different; blanks around are ignored; an empty text finds nothing.
    """
    wanted = text.strip()[:LONGEST_QUERY]
    if not wanted or limit <= 0:
        return []
    snapshot: dict[str, Index] = {**city.points, **city.shapes}
    indexes = [snapshot[name] for name in LAYERS if name in snapshot]
    hits: dict[tuple[str, int], Index] = {}
    for index in indexes:
        row = index.find(wanted)
        if row >= 0:
            hits[index.spec.id, row] = index
    # a share for each layer, so that one with many hits leaves room for the others
    share = max(3, limit // 2)
    for rows_of in (_rows_by_id, _rows_by_name):
        for index in indexes:
            for row in islice(rows_of(index, wanted), share):
                if len(hits) < limit:
                    hits.setdefault((index.spec.id, row), index)
    return [_found(index, row) for (_, row), index in islice(hits.items(), limit)]


def _found(index: Index, row: int) -> dict[str, Any]:
    fields = index.fields(row)
    kept = {key: fields[key] for key in ("id", "lon", "lat")}
    return {"layer": index.spec.id, **kept, "name": fields.get("name") or "", "distance_m": None, "fields": fields}


def _rows_by_id(index: Index, prefix: str) -> Iterator[int]:
    if isinstance(index, PointIndex):
        yield from index.with_prefix(prefix)
    else:
        yield from (row for row, name in enumerate(index.ids) if name.startswith(prefix))


def _rows_by_name(index: Index, part: str) -> Iterator[int]:
    column = index.texts.get("name")
    if column is not None:
        for code in _codes_containing(column, part.encode()):
            yield from (int(row) for row in _rows_of_code(column, code))


def _codes_containing(column: Text, part: bytes) -> Iterator[int]:
    """Values that contain `part`: one pass over the joined bytes; a hit across two values is no hit."""
    data = column.data.data
    text, at = bytes(data), 0
    while (at := text.find(part, at)) >= 0:
        code = int(np.searchsorted(column.starts, at, side="right")) - 1
        end = int(column.starts[code + 1])
        if at + len(part) <= end:
            yield code
            at = end
        else:
            at += 1


def _rows_of_code(column: Text, code: int) -> np.ndarray[Any, Any]:
    return np.flatnonzero(column.codes == code)
