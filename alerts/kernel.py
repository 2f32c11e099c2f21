"""One step over every (rule, sensor) pair that a batch touches: levels, hold time, hysteresis, late readings.

A pair is a *slot*. Its level rises to L once the value has stood at or beyond threshold L for the hold time without a
break, and falls at once when it comes back beyond threshold and deadband. A reading that is not newer than the slot's
last one is not evaluated, so that telling a batch again changes nothing. `slots.py` says how the arrays are laid out.
"""

import numba
import numpy as np
import numpy.typing as npt

LEVELS = 5  # 0 none, 1 blue … 4 red; column 0 of the threshold arrays is unused
UNSET = -1


@numba.njit(cache=True, nogil=True)
def step_slots(
    first: npt.NDArray[np.int32],  # (sensors + 1,) slots of sensor s are slot_of[first[s]:first[s + 1]]
    slot_of: npt.NDArray[np.int32],
    rule_of: npt.NDArray[np.int32],  # (slots,)
    sign: npt.NDArray[np.float64],  # (rules,) −1 where a rule fires below
    at: npt.NDArray[np.float64],  # (rules, LEVELS) thresholds times sign, inf where the rule has no such level
    deadband: npt.NDArray[np.float64],  # (rules,)
    hold_ms: npt.NDArray[np.int64],  # (rules, LEVELS)
    sensor_no: npt.NDArray[np.int32],  # (n,) the batch, in observed order for each sensor
    value: npt.NDArray[np.float64],
    observed_ms: npt.NDArray[np.int64],
    level: npt.NDArray[np.int8],  # (slots,) state, changed in place from here on
    since_ms: npt.NDArray[np.int64],  # (slots, LEVELS) when each threshold was reached, UNSET when it is not
    last_ms: npt.NDArray[np.int64],
    last_value: npt.NDArray[np.float64],
    moves: npt.NDArray[np.int64],  # (capacity, 5) out: slot, old level, new level, observed ms, row
) -> tuple[int, int, int]:
    """(level moves, late readings, comparisons made). `moves` needs as many rows as the batch touches slots."""
    moved, late, evaluated = 0, 0, 0
    for row in range(sensor_no.shape[0]):
        sensor = sensor_no[row]
        if sensor < 0 or sensor >= first.shape[0] - 1:
            continue
        ms = observed_ms[row]
        was_late = False
        for place in range(first[sensor], first[sensor + 1]):
            slot = slot_of[place]
            if ms <= last_ms[slot]:
                was_late = was_late or ms < last_ms[slot]
                continue
            rule = rule_of[slot]
            signed = value[row] * sign[rule]
            old = level[slot]
            new = 0
            for step in range(1, LEVELS):
                limit = at[rule, step]
                if signed >= limit or (step <= old and signed > limit - deadband[rule]):
                    if since_ms[slot, step] == UNSET:
                        since_ms[slot, step] = ms
                    if step <= old or ms - since_ms[slot, step] >= hold_ms[rule, step]:
                        new = step
                else:
                    since_ms[slot, step] = UNSET
            last_ms[slot] = ms
            last_value[slot] = value[row]
            evaluated += 1
            if new != old:
                level[slot] = new
                moves[moved, 0], moves[moved, 1], moves[moved, 2] = slot, old, new
                moves[moved, 3], moves[moved, 4] = ms, row
                moved += 1
        late += was_late
    return moved, late, evaluated


def matured(
    now_ms: int,
    rule_of: npt.NDArray[np.int32],
    hold_ms: npt.NDArray[np.int64],
    patience_ms: npt.NDArray[np.int64],
    level: npt.NDArray[np.int8],
    since_ms: npt.NDArray[np.int64],
    last_ms: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int8]]:
    """Slots whose hold time has passed at `now_ms` without a new reading, and the levels they reach.

    A slot whose last reading is older than its rule's `patience_ms` says nothing about now, and does not mature.
    """
    waiting = np.flatnonzero((since_ms[:, 1:] != UNSET).any(axis=1))
    rules = rule_of[waiting]
    ripe = (since_ms[waiting] != UNSET) & (now_ms - since_ms[waiting] >= hold_ms[rules])
    ripe[:, 0] = False
    reached = (ripe * np.arange(LEVELS, dtype=np.int8)).max(axis=1, initial=0).astype(np.int8)
    rises = (reached > level[waiting]) & (now_ms - last_ms[waiting] <= patience_ms[rules])
    return waiting[rises], reached[rises]
