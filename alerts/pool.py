"""The pool of blocks: readings since a base state, of every slot that may have to look back. Grown by copying."""

import numpy as np

from alerts.compiled import LEVELS, NEVER, UNSET, Array, Levels, Samples

_FEW = 64


def fresh_levels(rows: int) -> Levels:
    """Nothing reached, nothing heard."""
    return Levels(
        np.zeros(rows, np.int8),
        np.full((rows, LEVELS), UNSET, np.int64),
        np.full((rows, LEVELS), UNSET, np.int64),
        np.full(rows, NEVER, np.int64),
        np.full(rows, np.nan),
        np.zeros(rows, np.bool_),
    )


class Pool:
    """Shared by a state and those made from it. A block's readings beyond a state's own count belong to a later state;
    who finds such readings where it would write copies the block first."""

    def __init__(self, readings: int = _FEW, blocks: int = _FEW) -> None:
        self.samples = Samples(
            np.empty(readings, np.int64),
            np.empty(readings, np.float64),
            np.empty(readings, np.int64),
            np.empty(readings, np.int64),
            np.zeros(blocks, np.int64),
            np.zeros(blocks, np.int64),
            np.zeros(blocks, np.int64),
            np.zeros(blocks, np.int64),
            np.zeros(2, np.int64),
        )
        self.base = fresh_levels(blocks)

    def with_only(self, blocks: Array, counts: Array, more_readings: int, more_blocks: int) -> "tuple[Pool, Array]":
        """(A pool with the given slots' readings and as much room again, each slot's block in it); −1: no block."""
        own = np.flatnonzero(blocks >= 0)
        old, n = blocks[own], counts[own]
        room = n + n // 4 + 4
        start = np.cumsum(room) - room
        made = Pool(2 * int(room.sum()) + more_readings + _FEW, 2 * len(own) + more_blocks + _FEW)
        within = np.arange(int(n.sum())) - np.repeat(np.cumsum(n) - n, n)
        source, target = np.repeat(self.samples.start[old], n) + within, np.repeat(start, n) + within
        for name in ("ms", "value", "total", "known"):
            getattr(made.samples, name)[target] = getattr(self.samples, name)[source]
        places = slice(0, len(own))
        made.samples.start[places], made.samples.room[places], made.samples.written[places] = start, room, n
        made.samples.judged[places] = self.samples.judged[old]
        for mine, its in zip(made.base, self.base, strict=True):
            mine[places] = its[old]
        made.samples.used[:] = int(room.sum()), len(own)
        moved = np.full(len(blocks), -1, blocks.dtype)
        moved[own] = np.arange(len(own))
        return made, moved
