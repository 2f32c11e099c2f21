"""Low zooms: one point a grid cell, with how many it stands for, of which class and state, and the worst state."""

import numpy as np
from numba import njit

from geodata.mvt import EXTENT, put_varint, zigzag

CELL_BITS = 4  # 16 × 16 cells a tile: 16 screen pixels each
CELLS = 1 << CELL_BITS
N_KEY, WORST_KEY, FIRST_PAIR_KEY = 0, 1, 2


@njit(cache=True, nogil=True)
def count_cells(x, y, low, high, classes, states, class_count, state_count, zoom):  # type: ignore[no-untyped-def]
    """int32 counts, shape (256, (class_count + 1) × (state_count + 1)); the last class and state stand for none."""
    wide = state_count + 1
    counts = np.zeros((CELLS * CELLS, (class_count + 1) * wide), np.int32)
    shift = np.uint32(32 - zoom - CELL_BITS)
    mask = np.uint32(CELLS - 1)
    for row in range(low, high):
        cell = np.int64((y[row] >> shift) & mask) * CELLS + np.int64((x[row] >> shift) & mask)
        klass = np.int64(classes[row]) if classes[row] >= 0 else class_count
        state = np.int64(states[row]) if states[row] >= 0 else state_count
        counts[cell, klass * wide + state] += 1
    return counts


@njit(cache=True, nogil=True)
def encode_cells(counts, state_count, ranks):  # type: ignore[no-untyped-def]
    """Features and their number values → two uint8 arrays. `ranks`: int64 badness of each state (last: none).

    Tags: n, worst (a shared value: the state's position), then a key for each class and state that occurs.
    """
    cells, pairs = counts.shape
    out, at = np.empty(4096, np.uint8), 0
    values, fill, next_value = np.empty(4096, np.uint8), 0, state_count + 1
    seen = np.full(4096, -1, np.int32)
    tags = np.empty((pairs + 2) * 12, np.uint8)
    for cell in range(cells):
        total, worst = 0, -1
        for pair in range(pairs):
            if counts[cell, pair]:
                total += counts[cell, pair]
                state = pair % (state_count + 1)
                if worst < 0 or ranks[state] > ranks[worst]:
                    worst = state
        if total == 0:
            continue
        if fill + (pairs + 1) * 10 > values.size:
            values = np.concatenate((values, np.empty(values.size + pairs * 10 + 10, np.uint8)))
        end, next_value, fill = put_count(tags, 0, N_KEY, total, values, fill, seen, next_value)
        tags[end] = WORST_KEY
        end = put_varint(tags, end + 1, worst)
        for pair in range(pairs):
            if counts[cell, pair]:
                key, many = FIRST_PAIR_KEY + pair, np.int64(counts[cell, pair])
                end, next_value, fill = put_count(tags, end, key, many, values, fill, seen, next_value)
        if at + end + 32 > out.size:
            out = np.concatenate((out, np.empty(out.size + end + 32, np.uint8)))
        at = put_cell(out, at, tags, end, cell)
    return out[:at], values[:fill]


@njit(cache=True, nogil=True)
def put_count(tags, end, key, many, values, fill, seen, next_value):  # type: ignore[no-untyped-def]
    """Tag `key` with the number `many` (value field 5, uint), writing the value unless a small one is there already."""
    index = next_value
    if many < seen.size and seen[many] >= 0:
        index = np.int64(seen[many])
    else:
        begin = fill
        fill = put_varint(values, fill + 3, many)
        values[begin], values[begin + 1], values[begin + 2] = 0x22, fill - begin - 2, 0x28
        if many < seen.size:
            seen[many] = next_value
        next_value += 1
    end = put_varint(tags, end, key)
    return put_varint(tags, end, index), next_value, fill


@njit(cache=True, nogil=True)
def put_cell(out, at, tags, tag_size, cell):  # type: ignore[no-untyped-def]
    """Write one feature at the middle of its cell."""
    size = EXTENT >> CELL_BITS
    px = zigzag((cell % CELLS) * size + size // 2)
    py = zigzag((cell // CELLS) * size + size // 2)
    wide = (1 if px < 128 else 2) + (1 if py < 128 else 2)
    inner = 1 + (1 if tag_size < 128 else 2) + tag_size + 2 + 2 + 1 + wide
    out[at] = 0x12
    at = put_varint(out, at + 1, inner)
    out[at] = 0x12
    at = put_varint(out, at + 1, tag_size)
    out[at : at + tag_size] = tags[:tag_size]
    at += tag_size
    out[at], out[at + 1], out[at + 2], out[at + 3], out[at + 4] = 0x18, 1, 0x22, wide + 1, 9
    at = put_varint(out, at + 5, px)
    return put_varint(out, at, py)
