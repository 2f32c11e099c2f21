"""Z-order (Morton) kernels: points sorted so that every map tile is one slice and every box a few.

Rows are sorted by the key that interleaves the bits of x (even) and y (odd); Morton, "A computer oriented geodetic
data base", IBM 1966. Keys are recomputed from x and y while searching, so none is stored.
"""

import numpy as np
from numba import njit

U0, U1, U2 = np.uint64(0), np.uint64(1), np.uint64(2)
_M1, _M2, _M4 = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)
_M8, _M16 = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF)
_S2, _S4, _S8, _S16 = np.uint64(2), np.uint64(4), np.uint64(8), np.uint64(16)
SCAN_ROWS = 32  # a quadrant with fewer rows is scanned, not split


@njit(cache=True, nogil=True, inline="always")
def _spread(value):  # type: ignore[no-untyped-def]
    bits = np.uint64(value)
    bits = (bits | (bits << _S16)) & _M16
    bits = (bits | (bits << _S8)) & _M8
    bits = (bits | (bits << _S4)) & _M4
    bits = (bits | (bits << _S2)) & _M2
    return (bits | (bits << U1)) & _M1


@njit(cache=True, nogil=True)
def morton_keys(x, y):  # type: ignore[no-untyped-def]
    """uint64 keys of uint32 columns x and y, shape (n,)."""
    keys = np.empty(x.size, np.uint64)
    for row in range(x.size):
        keys[row] = _spread(x[row]) | (_spread(y[row]) << U1)
    return keys


@njit(cache=True, nogil=True)
def lower_bound(x, y, low, high, key):  # type: ignore[no-untyped-def]
    """First row in [low, high) whose key is not below `key`."""
    while low < high:
        middle = (low + high) >> 1
        if (_spread(x[middle]) | (_spread(y[middle]) << U1)) < key:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def tile_rows(x, y, zoom, column, line):  # type: ignore[no-untyped-def]
    """The rows [low, high) that lie in a tile; zoom 0–20."""
    if zoom == 0:
        return 0, x.size
    shift = np.uint64(2 * (32 - zoom))
    key = _spread(column) | (_spread(line) << U1)
    low = lower_bound(x, y, 0, x.size, key << shift)
    if key + U1 == U1 << np.uint64(2 * zoom):
        return low, x.size
    return low, lower_bound(x, y, low, x.size, (key + U1) << shift)


@njit(cache=True, nogil=True)
def rows_in_box(x, y, x0, y0, x1, y1):  # type: ignore[no-untyped-def]
    """int32 rows with x0 ≤ x < x1 and y0 ≤ y < y1 (int64 world units), in key order within quadrants.

    Walks down the implied quadtree: a quadrant outside is dropped, one inside is taken whole, a small one is scanned.
    """
    found, count = np.empty(64, np.int32), 0
    stack = np.empty((140, 5), np.int64)  # quadrant x, y, bits left, first row, end row
    stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3], stack[0, 4] = 0, 0, 32, 0, x.size
    depth = 1
    while depth:
        depth -= 1
        left, top, bits, low, high = stack[depth]
        size = 1 << bits
        if low >= high or left >= x1 or top >= y1 or left + size <= x0 or top + size <= y0:
            continue
        inside = left >= x0 and top >= y0 and left + size <= x1 and top + size <= y1
        if inside or high - low <= SCAN_ROWS or bits == 0:
            while count + (high - low) > found.size:
                found = np.concatenate((found, np.empty(max(found.size, high - low), np.int32)))
            for row in range(low, high):
                if inside or (x0 <= x[row] and x[row] < x1 and y0 <= y[row] and y[row] < y1):
                    found[count] = row
                    count += 1
            continue
        half = size >> 1
        begin = low
        for part in range(4):
            quadrant_x, quadrant_y = left + (part & 1) * half, top + (part >> 1) * half
            end = high
            if part < 3:
                next_x, next_y = left + ((part + 1) & 1) * half, top + ((part + 1) >> 1) * half
                end = lower_bound(x, y, begin, high, _spread(next_x) | (_spread(next_y) << U1))
            stack[depth, 0], stack[depth, 1], stack[depth, 2] = quadrant_x, quadrant_y, bits - 1
            stack[depth, 3], stack[depth, 4] = begin, end
            depth += 1
            begin = end
    return found[:count]


@njit(cache=True, nogil=True)
def fullest_tile(x, y, zoom):  # type: ignore[no-untyped-def]
    """Rows in the fullest tile of a zoom (rows are in key order, so a tile is one run)."""
    shift, best, run = np.uint64(32 - zoom), 0, 0
    for row in range(x.size):
        here = np.uint64(x[row]) >> shift, np.uint64(y[row]) >> shift
        same = row > 0 and here == (np.uint64(x[row - 1]) >> shift, np.uint64(y[row - 1]) >> shift)
        run = run + 1 if same else 1
        best = max(best, run)
    return best
