"""What a rate or a window makes of the readings of a block: compiled, and a pure function of those readings.

Sums are made in whole numbers (`Terms.scale`), so that they do not depend on the order in which readings came or on
where a block begins.
"""

import numpy as np

from alerts.compiled import INCREASE, INTEGRAL, MAX, MEAN, RATE, SUM, Samples, Terms, compiled


@compiled
def _whole(value: float, scale: float) -> np.int64:
    return np.int64(np.rint(value * scale))


@compiled
def add_up(terms: Terms, rule: int, pool: Samples, start: int, i: int) -> None:
    """The running figures of reading `i` of the block at `start`, from those of the one before."""
    k, kind = start + i, terms.kind[rule]
    own = _whole(pool.value[k], terms.scale[rule])
    if i == 0:
        pool.total[k], pool.known[k] = own if kind in (SUM, MEAN) else 0, 0
        return
    gap = pool.ms[k] - pool.ms[k - 1]
    whole_gap = gap <= terms.gap_ms[rule]
    more = own
    if kind == INCREASE:
        before = _whole(pool.value[k - 1], terms.scale[rule])
        more = own - before if own >= before else own  # a counter that fell began again at 0
    elif kind == INTEGRAL:
        more = own * gap if whole_gap else 0
    pool.total[k] = pool.total[k - 1] + more
    pool.known[k] = pool.known[k - 1] + (gap if whole_gap else 0)


@compiled
def first_after(pool: Samples, start: int, end: int, ms: int) -> np.int64:
    """The first reading of [0, end) later than `ms`."""
    return np.int64(np.searchsorted(pool.ms[start : start + end], ms, side="right"))


@compiled
def _windowed(terms: Terms, rule: int, pool: Samples, start: int, i: int, window_ms: int) -> tuple[float, bool]:
    """(measure of the window that ends with reading `i`, whether enough of it is known)."""
    kind, k, since = terms.kind[rule], start + i, pool.ms[start + i] - window_ms
    j = first_after(pool, start, i + 1, since)
    first = start + j
    total, known = pool.total[k] - pool.total[first], pool.known[k] - pool.known[first]
    own = _whole(pool.value[first], terms.scale[rule])
    if kind in (SUM, MEAN):
        total += own
    if j > 0:  # the stretch between two readings in which the window begins
        whole_gap = pool.ms[first] - pool.ms[first - 1] <= terms.gap_ms[rule]
        if whole_gap:
            known += pool.ms[first] - since
            if kind == INTEGRAL:
                total += own * (pool.ms[first] - since)
        if kind == INCREASE and (whole_gap or pool.ms[first - 1] == since):
            total += pool.total[first] - pool.total[first - 1]
    covered = known >= terms.coverage[rule] * window_ms
    if kind == MAX:
        return pool.value[first : k + 1].max(), covered
    if kind == MEAN:
        return total / (terms.unit[rule] * (k - first + 1)), covered
    return total / terms.unit[rule], covered


@compiled
def _slope(terms: Terms, rule: int, pool: Samples, start: int, i: int, window_ms: int) -> tuple[float, bool]:
    """(least-squares slope in the rule's unit, whether the readings suffice for one)."""
    k = start + i
    first = start + first_after(pool, start, i + 1, pool.ms[k] - window_ms - 1)
    n = k + 1 - first
    if n < max(terms.points[rule], 2) or pool.ms[k] - pool.ms[first] < max(terms.span_ms[rule], 1):
        return np.nan, False
    x_sum, y_sum, xx, xy = 0.0, 0.0, 0.0, 0.0
    for at in range(first, k + 1):
        if at > first and pool.ms[at] - pool.ms[at - 1] > terms.gap_ms[rule]:
            return np.nan, False
        x, y = (pool.ms[at] - pool.ms[k]) / 1000.0, pool.value[at] - pool.value[k]
        x_sum, y_sum, xx, xy = x_sum + x, y_sum + y, xx + x * x, xy + x * y
    slope = (n * xy - x_sum * y_sum) / (n * xx - x_sum * x_sum)
    return np.rint(slope * terms.unit[rule] * 1e9) / 1e9, True


@compiled
def measured(terms: Terms, rule: int, pool: Samples, start: int, i: int, window_ms: int) -> tuple[float, bool]:
    """(what the rule judges at reading `i` over `window_ms`, whether it is known)."""
    if terms.kind[rule] == RATE:
        return _slope(terms, rule, pool, start, i, window_ms)
    return _windowed(terms, rule, pool, start, i, window_ms)
