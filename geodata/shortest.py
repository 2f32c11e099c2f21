"""The hot kernel of travel times: Dijkstra from one target over reversed edges, stopping as soon as it may."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def _push(keys: Any, items: Any, size: int, key: float, item: int) -> int:  # pragma: no cover - compiled
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
def _pop(keys: Any, items: Any, size: int) -> int:  # pragma: no cover - compiled
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
    seconds: Any,  # float32 (m,): inf when closed
    lengths: Any,  # float32 (m,): metres
    target: int,
    target_s: float,
    origin_node: Any,  # int64 (k,)
    origin_s: Any,  # float64 (k,): time from the point to its node
    wanted: int,  # stop when so many origins are reached
    max_s: float,
    stamp: int,
    seen: Any,  # int32 (n,): `stamp` where `best` holds
    best: Any,  # float64 (n,)
    metres: Any,  # float64 (n,)
    via: Any,  # int64 (n,): incoming edge taken from the node towards the target, −1 at the target
    chain_seen: Any,  # int32 (n,): `stamp` where `chain` holds
    chain: Any,  # int64 (n,): first origin that starts at the node
    keys: Any,  # float64 (m + k + 1,)
    items: Any,  # int64 (m + k + 1,)
    out_s: Any,  # float64 (k,), filled with inf before
    out_m: Any,  # float64 (k,)
) -> int:  # pragma: no cover - compiled
    """Exact times from every origin to `target`; returns how many were reached.

    Origins are virtual nodes n + i behind their nodes, so that access time takes part in the order and
    stopping after `wanted` of them gives exactly the nearest ones. A lazy binary heap; stale entries are skipped.
    """
    n = len(seen)
    following = np.full(len(origin_node), -1, np.int64)
    for i in range(len(origin_node)):
        node = origin_node[i]
        if chain_seen[node] == stamp:
            following[i] = chain[node]
        chain_seen[node] = stamp
        chain[node] = i
    seen[target], best[target], metres[target], via[target] = stamp, target_s, 0.0, -1
    size, reached = _push(keys, items, 0, target_s, target), 0
    while size > 0:
        now, item = keys[0], items[0]
        size = _pop(keys, items, size)
        if now > max_s:
            break
        if item >= n:
            out_s[item - n] = now
            out_m[item - n] = metres[origin_node[item - n]]
            reached += 1
            if reached >= wanted:
                break
            continue
        if now > best[item]:
            continue
        if chain_seen[item] == stamp:
            origin = chain[item]
            while origin >= 0:
                size = _push(keys, items, size, now + origin_s[origin], n + origin)
                origin = following[origin]
        for edge in range(offsets[item], offsets[item + 1]):
            reach = now + seconds[edge]
            tail = tails[edge]
            if reach <= max_s and (seen[tail] != stamp or reach < best[tail]):
                seen[tail], best[tail], via[tail] = stamp, reach, edge
                metres[tail] = metres[item] + lengths[edge]
                size = _push(keys, items, size, reach, tail)
    return reached


class Workspace:
    """Scratch arrays of one thread for a graph of n nodes and m directed edges; grown for k origins."""

    def __init__(self, nodes: int, edges: int) -> None:
        self.nodes, self.edges, self.stamp = nodes, edges, 0
        self.seen = np.zeros(nodes, np.int32)
        self.best = np.zeros(nodes, np.float64)
        self.metres = np.zeros(nodes, np.float64)
        self.via = np.zeros(nodes, np.int64)
        self.chain_seen = np.zeros(nodes, np.int32)
        self.chain = np.zeros(nodes, np.int64)
        self.keys: npt.NDArray[np.float64] = np.zeros(0, np.float64)
        self.items: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def next_stamp(self, origins: int) -> int:
        """A number no array holds yet; heap room for `origins` more entries."""
        need = self.edges + origins + 1
        if len(self.keys) < need:
            self.keys, self.items = np.zeros(need, np.float64), np.zeros(need, np.int64)
        if self.stamp >= np.iinfo(np.int32).max - 1:
            self.seen[:] = 0
            self.chain_seen[:] = 0
            self.stamp = 0
        self.stamp += 1
        return self.stamp
