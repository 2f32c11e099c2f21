"""Mapbox Vector Tile 2.1 bytes of points and cells, written by compiled kernels.

Wire format: github.com/mapbox/vector-tile-spec 2.1; protobuf field numbers are named beside the bytes. A tile has one
layer; its constant part (keys, shared values, extent) is made once a dataset and appended to what the kernels write.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

EXTENT = 4096
EXTENT_BITS = 12
Bytes = npt.NDArray[np.uint8]

FEATURE_ROOM = 64  # no point feature is longer


def varint(value: int) -> bytes:
    """A protobuf varint."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def text_value(text: str) -> bytes:
    """A `values` entry (layer field 4) holding a string (value field 1)."""
    raw = text.encode()
    inner = b"\x0a" + varint(len(raw)) + raw
    return b"\x22" + varint(len(inner)) + inner


def key_entry(name: str) -> bytes:
    """A `keys` entry (layer field 3)."""
    raw = name.encode()
    return b"\x1a" + varint(len(raw)) + raw


def layer_tail(keys: Sequence[str], values: Sequence[str]) -> bytes:
    """Keys, shared string values, extent 4096 (field 5), version 2 (field 15)."""
    shared = b"".join(map(key_entry, keys)) + b"".join(map(text_value, values))
    return shared + b"\x28" + varint(EXTENT) + b"\x78\x02"


def tile_bytes(name: str, written: bytes, tail: bytes) -> bytes:
    """One whole tile (layer is tile field 3) of features already written; no features make an empty tile."""
    if not written:
        return b""
    raw = name.encode()
    head = b"\x0a" + varint(len(raw)) + raw
    return b"\x1a" + varint(len(head) + len(written) + len(tail)) + head + written + tail


@njit(cache=True, nogil=True, inline="always")
def put_varint(out, at, value):  # type: ignore[no-untyped-def]
    """Write a varint of a value ≥ 0; returns where the next byte goes."""
    while value > 127:
        out[at] = (value & 127) | 128
        at += 1
        value >>= 7
    out[at] = value
    return at + 1


@njit(cache=True, nogil=True, inline="always")
def zigzag(value):  # type: ignore[no-untyped-def]
    return (value << 1) ^ (value >> 63)


@njit(cache=True, nogil=True, inline="always")
def put_point(out, at, mark, px, py):  # type: ignore[no-untyped-def]
    """Close the feature begun at `mark` (its tags are written): type POINT (field 3), geometry (field 4), length."""
    out[at], out[at + 1], out[at + 2] = 0x18, 1, 0x22
    end = put_varint(out, at + 5, zigzag(px))
    end = put_varint(out, end, zigzag(py))
    out[at + 3], out[at + 4] = end - at - 4, 9  # MoveTo, once
    out[mark], out[mark + 1] = 0x12, end - mark - 2
    return end


@njit(cache=True, nogil=True)
def encode_points(x, y, rows, classes, states, class_count, tile_x, tile_y, zoom):  # type: ignore[no-untyped-def]
    """Features of `rows` with tags c (key 0) and s (key 1) → uint8 bytes. Shared values: classes, then states."""
    out = np.empty(rows.size * 20 + FEATURE_ROOM, np.uint8)
    left, top, shift, at = tile_x << EXTENT_BITS, tile_y << EXTENT_BITS, 20 - zoom, 0
    for row in rows:
        if at + FEATURE_ROOM > out.size:
            out = np.concatenate((out, np.empty(out.size, np.uint8)))
        mark, end = at, at + 4
        if classes[row] >= 0:
            out[end] = 0
            end = put_varint(out, end + 1, np.int64(classes[row]))
        if states[row] >= 0:
            out[end] = 1
            end = put_varint(out, end + 1, np.int64(states[row]) + class_count)
        if end == at + 4:
            end = at + 2
        else:
            out[at + 2], out[at + 3] = 0x12, end - at - 4
        at = put_point(out, end, mark, (np.int64(x[row]) >> shift) - left, (np.int64(y[row]) >> shift) - top)
    return out[:at]


@njit(cache=True, nogil=True)
def encode_named_points(  # type: ignore[no-untyped-def]
    x, y, rows, classes, states, class_count, tile_x, tile_y, zoom, ids, names, name_starts, name_data, shared
):
    """Like `encode_points`, with id (key 2) and name (key 3); their values follow `shared` ones, names once each."""
    width = ids.shape[1]
    longest = 0
    for row in rows:
        if names[row] >= 0:
            longest = max(longest, name_starts[names[row] + 1] - name_starts[names[row]])
    out = np.empty(rows.size * FEATURE_ROOM + FEATURE_ROOM, np.uint8)
    values = np.empty(rows.size * (width + longest + 24) + 1, np.uint8)
    seen = np.full(name_starts.size, -1, np.int32)
    left, top, shift, at, fill, count = tile_x << EXTENT_BITS, tile_y << EXTENT_BITS, 20 - zoom, 0, 0, shared
    for row in rows:
        mark, end = at, at + 4
        if classes[row] >= 0:
            out[end] = 0
            end = put_varint(out, end + 1, np.int64(classes[row]))
        if states[row] >= 0:
            out[end] = 1
            end = put_varint(out, end + 1, np.int64(states[row]) + class_count)
        length = width
        while length > 0 and ids[row, length - 1] == 0:
            length -= 1
        fill = put_text(values, fill, ids[row], 0, length)
        out[end] = 2
        end = put_varint(out, end + 1, count)
        count += 1
        code = names[row]
        if code >= 0:
            if seen[code] < 0:
                fill = put_text(values, fill, name_data, name_starts[code], name_starts[code + 1])
                seen[code] = count
                count += 1
            out[end] = 3
            end = put_varint(out, end + 1, np.int64(seen[code]))
        out[at + 2], out[at + 3] = 0x12, end - at - 4
        at = put_point(out, end, mark, (np.int64(x[row]) >> shift) - left, (np.int64(y[row]) >> shift) - top)
    return out[:at], values[:fill]


@njit(cache=True, nogil=True)
def put_text(values, fill, source, begin, end):  # type: ignore[no-untyped-def]
    """Append a `values` entry with a string; the twin of `text_value`."""
    length = end - begin
    extra = 2 if length < 128 else (3 if length < 16_384 else 4)
    values[fill] = 0x22
    at = put_varint(values, fill + 1, length + extra)
    values[at] = 0x0A
    at = put_varint(values, at + 1, length)
    values[at : at + length] = source[begin:end]
    return at + length
