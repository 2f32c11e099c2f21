"""What was found wrong with the rows of one import: many reasons a row, one reject or flag for it."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata.import_report import MAX_ORIGINAL_CHARS, ImportReject
from geodata.raw_table import RawTable

Mask = NDArray[np.bool_]
_MAX_WKT_CHARS = 600


class Verdict:
    """Reasons by row index. `ok` is (n,) bool: False from the first reason to reject on."""

    def __init__(self, rows: int) -> None:
        self.ok: Mask = np.ones(rows, dtype=bool)
        self._rejects: dict[int, list[str]] = {}
        self._flags: dict[int, list[str]] = {}

    def reject(self, rows: Mask, reason: str | Callable[[int], str]) -> None:
        """Refuse the rows of (n,) bool `rows`; a callable is asked for each row index."""
        self.ok[rows] = False
        _note(self._rejects, rows, reason)

    def flag(self, rows: Mask, reason: str | Callable[[int], str]) -> None:
        """Take the rows of (n,) bool `rows`, with a remark."""
        _note(self._flags, rows, reason)

    def rejects(self, table: RawTable) -> tuple[ImportReject, ...]:
        """The refused rows in the file's order, with those that could not be parted into columns."""
        torn = [
            ImportReject(number, "列数与表头不符", _clip(_json({"line": line}))) for number, line in table.unreadable
        ]
        return tuple(sorted([*_rows(self._rejects, table), *torn], key=lambda reject: reject.row))

    def flags(self, table: RawTable) -> tuple[ImportReject, ...]:
        """The accepted rows with remarks, in the file's order."""
        return tuple(_rows({row: why for row, why in self._flags.items() if self.ok[row]}, table))


def _note(into: dict[int, list[str]], rows: Mask, reason: str | Callable[[int], str]) -> None:
    for row in np.flatnonzero(rows).tolist():
        into.setdefault(row, []).append(reason if isinstance(reason, str) else reason(row))


def _rows(reasons: dict[int, list[str]], table: RawTable) -> list[ImportReject]:
    order = sorted(reasons)
    records = table.columns.iloc[order].to_dict("records")
    return [
        ImportReject(int(table.row_numbers[row]), ";".join(dict.fromkeys(reasons[row])), _original(record, table, row))
        for row, record in zip(order, records, strict=True)
    ]


def _original(record: dict[Any, Any], table: RawTable, row: int) -> str:
    shape = table.geometry[row]
    if shape is not None and not table.geometry_columns:
        record = {**record, "geometry": _wkt(shape)}
    return _clip(_json({str(key): value for key, value in record.items()}))


def _wkt(shape: Any) -> str:
    few = shapely.get_num_coordinates(shape) <= 1000
    text = shapely.to_wkt(shape, trim=True, rounding_precision=7) if few else f"{shape.geom_type}(顶点过多,略)"
    return text if len(text) <= _MAX_WKT_CHARS else f"{text[:_MAX_WKT_CHARS]}…"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return value.isoformat() if isinstance(value, date) else str(value)


def _clip(text: str) -> str:
    return text if len(text) <= MAX_ORIGINAL_CHARS else f"{text[: MAX_ORIGINAL_CHARS - 1]}…"
