"""What the compiled functions of this room share: their arrays, their constants, and how they are kept on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

LEVELS = 5  # 0 none, 1 blue … 4 red; column 0 of the arrays by level is unused
UNSET = -1
NEVER = np.iinfo(np.int64).min // 4
LATE_MS = 900_000  # a reading as late as this is judged as if it had come in time
MOST_SAMPLES = 65_536  # of one block
THRESHOLD, ABSENCE, RATE, SUM, INCREASE, INTEGRAL, MAX, MEAN = range(8)
NO, YES, UNKNOWN = 0, 1, 2
Array = npt.NDArray[Any]
_FILES = ("compiled.py", "judging.py", "kernel.py", "windows.py")


def compiled(function: Callable[..., Any]) -> Any:
    """`function` compiled, and kept on disk until any of the files that call each other changes.

    numba itself looks only at the file of the function: a change in what it calls would go unseen.
    """
    made: Any = numba.njit(cache=True, nogil=True)(function)
    stats = [path.stat() for path in (Path(__file__).with_name(name) for name in _FILES)]
    kept = made._cache._cache_file
    kept._source_stamp = (kept._source_stamp, *((stat.st_mtime, stat.st_size) for stat in stats))
    return made


class Terms(NamedTuple):
    """What the rules say, one row a rule."""

    kind: Array  # int8
    keeps: Array  # bool: its slots have blocks
    forgets: Array  # bool: what came before a calm reading can never matter again
    sign: Array  # float64, −1 where a rule fires below
    nearest: Array  # float64: a plain value below it, times sign, reaches and keeps nothing
    at: Array  # float64 (rules, LEVELS) thresholds times sign, inf where the rule has no such level
    deadband: Array  # float64
    hold_ms: Array  # int64 (rules, LEVELS)
    fall_ms: Array  # int64
    patience_ms: Array  # int64: an older reading says nothing about now
    window_ms: Array  # int64 (rules, LEVELS)
    reach_ms: Array  # int64: the longest window, 0 without one
    gap_ms: Array  # int64
    coverage: Array  # float64, share of a window that must be known
    grows: Array  # bool: what is missing could only add to the value
    scale: Array  # float64: whole numbers in one unit of the reading
    unit: Array  # float64: whole numbers in one unit of the judged value; of a rate ±the seconds in its unit
    points: Array  # int64
    span_ms: Array  # int64


class Levels(NamedTuple):
    """The state of slots, or the base of blocks, one row each."""

    level: Array  # int8
    since_ms: Array  # int64 (rows, LEVELS) when each threshold was reached, UNSET when it is not
    below_ms: Array  # int64 (rows, LEVELS) since when a level held is no longer reached
    last_ms: Array  # int64
    last_value: Array  # float64, as judged
    partial: Array  # bool: the judged window is not covered


class Samples(NamedTuple):
    """The pool: readings of all blocks, and each block's place in it."""

    ms: Array
    value: Array
    total: Array  # int64, running sum up to this reading
    known: Array  # int64, running ms without a gap
    start: Array  # int64 by block
    room: Array
    written: Array
    judged: Array  # how many of its first readings the base has seen
    used: Array  # int64 (2,): readings, blocks
