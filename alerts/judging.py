"""One reading against one rule: which levels are in force after it. Compiled."""

import numpy as np

from alerts.compiled import LEVELS, NEVER, NO, THRESHOLD, UNKNOWN, UNSET, YES, Array, Levels, Samples, Terms, compiled
from alerts.windows import measured


@compiled
def is_calm(level: Array, since_ms: Array, row: int, signed: float, nearest: float) -> bool:
    """Whether a plain value reaches nothing where nothing is reached or waits: most readings, most of the time."""
    if level[row] != 0 or not signed < nearest:
        return False
    return since_ms[row, 1] + since_ms[row, 2] + since_ms[row, 3] + since_ms[row, 4] == 4 * UNSET


@compiled
def verdict(terms: Terms, rule: int, value: float, known: bool, step: int, is_held: bool) -> int:
    """Whether `value` is at or beyond the threshold of `step`; of a level that is held, less the deadband."""
    signed, limit = value * terms.sign[rule], terms.at[rule, step]
    beyond = signed >= limit
    if is_held and terms.deadband[rule] > 0:
        beyond = signed > limit - terms.deadband[rule]
    if known or (terms.grows[rule] and beyond == (terms.sign[rule] > 0)):
        return YES if beyond else NO  # known, or what is missing could not change it
    return UNKNOWN


@compiled
def ripen(terms: Terms, rule: int, st: Levels, row: int, until_ms: int) -> bool:
    """Let pass what time alone brings up to `until_ms`: holds and fall holds. Whether the level moved.

    The last value stands until the next reading, but not longer than the rule's patience.
    """
    old, new, known_ms = st.level[row], 0, min(until_ms, st.last_ms[row] + terms.patience_ms[rule])
    for step in range(1, LEVELS):
        if st.since_ms[row, step] == UNSET:
            continue
        if step > old:
            new = step if st.since_ms[row, step] <= known_ms - terms.hold_ms[rule, step] else new
        elif st.below_ms[row, step] == UNSET or st.below_ms[row, step] > known_ms - terms.fall_ms[rule]:
            new = step
        else:
            st.since_ms[row, step], st.below_ms[row, step] = UNSET, UNSET
    st.level[row] = new
    return new != old


@compiled
def settled(terms: Terms, rule: int, st: Levels, row: int, step: int, found: int, ms: int) -> bool:
    """Write down what `found` means for `step`; whether the step is in force after it."""
    held = step <= st.level[row] and st.since_ms[row, step] != UNSET
    if found == YES:
        st.below_ms[row, step] = UNSET
        if st.since_ms[row, step] == UNSET:
            st.since_ms[row, step] = ms
        return held or ms - st.since_ms[row, step] >= terms.hold_ms[rule, step]
    if held and found == UNKNOWN:
        st.below_ms[row, step] = UNSET
        return True
    if held and terms.fall_ms[rule] > 0:
        if st.below_ms[row, step] == UNSET:
            st.below_ms[row, step] = ms
        if ms - st.below_ms[row, step] < terms.fall_ms[rule]:
            return True
    st.since_ms[row, step], st.below_ms[row, step] = UNSET, UNSET
    return False


@compiled
def judge(
    terms: Terms, rule: int, st: Levels, row: int, pool: Samples, start: int, i: int, value: float, ms: int
) -> None:
    """Bring `row` from before reading `i` (`value` at `ms`) of the block at `start` to after it."""
    if st.last_ms[row] > NEVER:
        ripen(terms, rule, st, row, ms)
    new, shown, shown_known, over_ms, known = 0, np.nan, True, np.int64(UNSET), True
    for step in range(1, LEVELS):
        if terms.at[rule, step] == np.inf:
            continue
        if terms.kind[rule] != THRESHOLD and terms.window_ms[rule, step] != over_ms:
            over_ms = terms.window_ms[rule, step]
            value, known = measured(terms, rule, pool, start, i, over_ms)
        held = step <= st.level[row] and st.since_ms[row, step] != UNSET
        if settled(terms, rule, st, row, step, verdict(terms, rule, value, known, step, held), ms):
            new = step
        if new == step or np.isnan(shown):
            shown, shown_known = value, known
    st.level[row], st.last_ms[row], st.partial[row] = new, ms, not shown_known
    if not np.isnan(shown):
        st.last_value[row] = shown


@compiled
def refresh(terms: Terms, rule: int, st: Levels, row: int, pool: Samples, start: int, i: int) -> None:
    """The value that the level in force, or the mildest one, judges at reading `i` of the block at `start`."""
    step = st.level[row]
    for one in range(LEVELS - 1, 0, -1):
        if st.level[row] == 0 and terms.at[rule, one] != np.inf:
            step = one
    value, known = measured(terms, rule, pool, start, i, terms.window_ms[rule, step])
    st.partial[row] = not known
    if not np.isnan(value):
        st.last_value[row] = value
