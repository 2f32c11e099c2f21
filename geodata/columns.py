"""Columns of a layer kept small: text as dictionary codes, ids as fixed-width bytes, points without objects."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Text:
    """A text column. Row i reads value `codes[i]` (-1: empty); value v is `data[starts[v]:starts[v + 1]]`, UTF-8."""

    codes: npt.NDArray[np.int32] | npt.NDArray[np.int16]
    starts: npt.NDArray[np.int64]
    data: Bytes

    def values(self) -> list[str]:
        """Every different value, by code."""
        return [self.value(code) for code in range(self.starts.size - 1)]

    def value(self, code: int) -> str:
        return "" if code < 0 else bytes(self.data[self.starts[code] : self.starts[code + 1]]).decode()

    def __getitem__(self, row: int) -> str:
        return self.value(int(self.codes[row]))

    def widened(self) -> "Text":
        return Text(self.codes.astype(np.int32), self.starts, self.data)

    def take(self, order: npt.NDArray[np.int64]) -> "Text":
        return Text(self.codes[order], self.starts, self.data)


def text_column(column: pa.ChunkedArray | pa.Array, wide: bool = False) -> Text:
    """A column of any kind as dictionary-coded text; null and "" become code -1. `wide` keeps codes 32-bit."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    column = column.cast(pa.large_string())
    column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.large_string()), column)
    joined = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    coded = joined.dictionary_encode()
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    starts, data = _string_buffers(coded.dictionary)
    small = starts.size - 1 < 32_000 and not wide
    return Text(codes.astype(np.int16 if small else np.int32), starts, data)


def fixed_ids(column: pa.ChunkedArray) -> npt.NDArray[np.bytes_]:
    """Ids as fixed-width UTF-8 bytes, dtype S<longest>."""
    joined = column.cast(pa.large_string()).combine_chunks()
    starts, data = _string_buffers(joined)
    widths = np.diff(starts)
    if widths.size and widths.min() == widths.max() > 0:
        return data.copy().view(f"S{int(widths[0])}")
    return np.array([value.encode() for value in joined.to_pylist()] or [b""], dtype=np.bytes_)[: widths.size]


def wkb_points(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Longitude and latitude of a WKB point column without making an object each; what is no point becomes NaN."""
    joined = column.cast(pa.large_binary()).combine_chunks()
    starts, data = _string_buffers(joined)
    if joined.null_count == 0 and starts.size > 1 and bool(np.all(np.diff(starts) == 21)):
        table = data.reshape(-1, 21)
        if bool(np.all(table[:, :5] == np.frombuffer(b"\x01\x01\x00\x00\x00", np.uint8))):
            both = np.ascontiguousarray(table[:, 5:]).view("<f8")
            return both[:, 0].astype(np.float64), both[:, 1].astype(np.float64)
    return _points_by_shapely(joined)


def _points_by_shapely(joined: Any) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    import shapely

    shapes = shapely.from_wkb(joined.to_numpy(zero_copy_only=False))
    return shapely.get_x(shapes), shapely.get_y(shapes)  # NaN where it is no point


def _string_buffers(array: Any) -> tuple[npt.NDArray[np.int64], Bytes]:
    """Offsets from 0 and the bytes of a large_string or large_binary array."""
    if len(array) == 0:
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    raw = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return starts - starts[0], raw[starts[0] : starts[-1]].copy()
