"""The hot kernel of travel times: Dijkstra from one target over reversed edges, stopping as soon as it may."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def _push(keys: Any, items: Any, size: int, key: float, item: int) -> int:
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if keys[parent] <= key:
            break
        keys[at], items[at] = keys[parent], items[parent]
        at = parent
    keys[at], items[at] = key, item
    return size + 1


@numba.njit(nogil=True, cache=True)
def _pop(keys: Any, items: Any, size: int) -> int:
    """Drop the smallest entry (the caller has read it at 0); returns the new size."""
    size -= 1
    key, item = keys[size], items[size]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[at], items[at] = keys[child], items[child]
        at = child
    keys[at], items[at] = key, item
    return size


@numba.njit(nogil=True, cache=True)
def travel_kernel(
    offsets: Any,  # int64 (n + 1,): incoming edges of node x are offsets[x] … offsets[x + 1]
    tails: Any,  # int32 (m,): where each incoming edge comes from
    heads: Any,  # int32 (m,): the x it leads to
    seconds: Any,  # float32 (m,): inf when closed
    lengths: Any,  # float32 (m,): metres
    target: int,
    target_s: float,
    origin_node: Any,  # int64 (k,)
    origin_s: Any,  # float64 (k,): time from the point to its node
    wanted: int,  # stop when so many origins are reached
    max_s: float,
    best: Any,  # float64 (n,), inf everywhere before and after
    via: Any,  # int32 (n,): incoming edge taken from the node towards the target, −1 at the target; stays
    touched: Any,  # int32 (n,): scratch, which nodes to put back to inf
    chain: Any,  # int32 (n,): first origin that starts at the node; −1 everywhere before and after
    keys: Any,  # float64 (m + k + 1,): scratch, the heap
    items: Any,  # int32 (m + k + 1,)
    out_s: Any,  # float64 (k,), filled with inf before
    out_m: Any,  # float64 (k,)
) -> int:
    """Exact times from every origin to `target`; returns how many were reached.

    Origins are virtual nodes n + i behind their nodes, so that access time takes part in the order and
    stopping after `wanted` of them gives exactly the nearest ones. A lazy heap; stale entries are skipped.
    """
    n, following = len(best), np.full(len(origin_node), -1, np.int32)
    for i in range(len(origin_node)):
        following[i] = chain[origin_node[i]]
        chain[origin_node[i]] = i
    best[target], via[target], touched[0] = target_s, -1, target
    size, marks, reached = _push(keys, items, 0, target_s, target), 1, 0
    while size > 0:
        now, item = keys[0], items[0]
        size = _pop(keys, items, size)
        if now > max_s:
            break
        if item >= n:
            out_s[item - n] = now
            out_m[item - n] = _walk(heads, lengths, via, origin_node[item - n])
            reached += 1
            if reached >= wanted:
                break
            continue
        if now > best[item]:
            continue
        origin = chain[item]
        while origin >= 0:
            size = _push(keys, items, size, now + origin_s[origin], n + origin)
            origin = following[origin]
        for edge in range(offsets[item], offsets[item + 1]):
            reach, tail = now + seconds[edge], tails[edge]
            if reach <= max_s and reach < best[tail]:
                if best[tail] == np.inf:
                    touched[marks] = tail
                    marks += 1
                best[tail], via[tail] = reach, edge
                size = _push(keys, items, size, reach, tail)
    for i in range(marks):
        best[touched[i]] = np.inf
    for i in range(len(origin_node)):
        chain[origin_node[i]] = -1
    return reached


@numba.njit(nogil=True, cache=True)
def _walk(heads: Any, lengths: Any, via: Any, node: int) -> float:
    """Metres from `node` to the target along the edges taken."""
    total = 0.0
    while via[node] >= 0:
        total += lengths[via[node]]
        node = heads[via[node]]
    return total


class Workspace:
    """Scratch arrays of one thread for a graph of n nodes and m directed edges; grown for k origins."""

    def __init__(self, nodes: int, edges: int) -> None:
        self.edges = edges
        self.best = np.full(nodes, np.inf)
        self.via = np.full(nodes, -1, np.int32)
        self.touched = np.zeros(nodes, np.int32)
        self.chain = np.full(nodes, -1, np.int32)
        self.keys: npt.NDArray[np.float64] = np.zeros(0, np.float64)
        self.items: npt.NDArray[np.int32] = np.zeros(0, np.int32)

    def make_room(self, origins: int) -> None:
        """Let the heap hold every edge and `origins` more entries."""
        if len(self.keys) < self.edges + origins + 1:
            self.keys = np.zeros(self.edges + origins + 1, np.float64)
            self.items = np.zeros(self.edges + origins + 1, np.int32)
