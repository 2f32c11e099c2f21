"""One step over every (rule, sensor) pair that a batch touches: levels, holds, hysteresis, windows, late readings.

A pair is a *slot*. A level is reached once the judged value has stood at or beyond its threshold for the hold time
without a break, and left once it has stood beyond threshold and deadband for the rule's fall hold. What a slot needs to
judge again when a late reading comes, or to look back over a window, lies in a *block* of the pool: a base state, never
changed, and the readings since then, only ever appended. So a copy of the state is small, and the state before a step
stays whole.
"""

import numpy as np

from alerts.compiled import ABSENCE, LATE_MS, LEVELS, MOST_SAMPLES, THRESHOLD, Array, Levels, Samples, Terms, compiled
from alerts.judging import is_calm, judge, refresh, ripen
from alerts.windows import add_up, first_after


@compiled
def _take_over(source: Levels, row: int, target: Levels, to: int) -> None:
    target.level[to], target.last_ms[to] = source.level[row], source.last_ms[row]
    target.last_value[to], target.partial[to] = source.last_value[row], source.partial[row]
    for step in range(1, LEVELS):
        target.since_ms[to, step], target.below_ms[to, step] = source.since_ms[row, step], source.below_ms[row, step]


@compiled
def new_block(pool: Samples, base: Levels, state: Levels, row: int, room: int) -> int:
    """A block with `state` as its base and no readings yet; the caller has seen to it that there is room."""
    block = pool.used[1]
    pool.start[block], pool.room[block], pool.written[block], pool.judged[block] = pool.used[0], room, 0, 0
    pool.used[0] += room
    pool.used[1] += 1
    _take_over(state, row, base, block)
    return block


@compiled
def _renewed(terms: Terms, rule: int, pool: Samples, base: Levels, old: int, n: int) -> tuple[int, int]:
    """(A copy of block `old`, how many readings it kept): its base has judged all that no late reading can change."""
    start = pool.start[old]
    ms = pool.ms[start : start + n]
    block = new_block(pool, base, base, old, 0)
    spare = n - MOST_SAMPLES * 3 // 4
    cut = max(pool.judged[old], np.searchsorted(ms, ms[n - 1] - LATE_MS, side="right"), spare)
    for i in range(pool.judged[old], cut):
        signed, read = pool.value[start + i] * terms.sign[rule], pool.value[start + i]
        if terms.kind[rule] == THRESHOLD and is_calm(base.level, base.since_ms, block, signed, terms.nearest[rule]):
            base.last_ms[block], base.last_value[block] = ms[i], read
            continue
        judge(terms, rule, base, block, pool, start, i, pool.value[start + i], ms[i])
    drop = cut
    if terms.reach_ms[rule] > 0:
        edge = ms[min(cut, n - 1)] - terms.reach_ms[rule] - 1
        drop = max(min(cut, np.searchsorted(ms, edge, side="right") - 1), spare, 0)
    kept = n - drop
    room = 2 * kept + 8
    pool.room[block], pool.judged[block], pool.written[block] = room, cut - drop, kept
    to, source = pool.start[block], start + drop
    pool.used[0] += room
    for k in range(kept):
        pool.ms[to + k], pool.value[to + k] = pool.ms[source + k], pool.value[source + k]
        pool.total[to + k], pool.known[to + k] = pool.total[source + k], pool.known[source + k]
    return block, kept


@compiled
def _insert(terms: Terms, rule: int, pool: Samples, block: int, n: int, at: int, value: float, ms: int) -> None:
    """Put a reading at place `at` of a block that nobody else sees beyond it."""
    start = pool.start[block]
    for k in range(start + n, start + at, -1):
        pool.ms[k], pool.value[k] = pool.ms[k - 1], pool.value[k - 1]
    pool.ms[start + at], pool.value[start + at] = ms, value
    for i in range(at, n + 1):
        add_up(terms, rule, pool, start, i)
    pool.written[block] = n + 1


@compiled
def _written(pool: Samples, block: int, n: int, value: float, ms: int) -> bool:
    """Whether a plain reading found room at the end of its block; it is there now."""
    if block < 0 or n == pool.room[block] or pool.written[block] != n:
        return False
    pool.ms[pool.start[block] + n], pool.value[pool.start[block] + n] = ms, value
    pool.written[block] = n + 1
    return True


@compiled
def _append(
    terms: Terms, rule: int, head: Levels, slot: int, pool: Samples, base: Levels, blocks: Array, counts: Array,
    value: float, ms: int,
) -> int:  # fmt: skip
    """The place of a new reading at the end of the slot's block."""
    block, n = blocks[slot], counts[slot]
    if block < 0:
        block, n = new_block(pool, base, head, slot, 8), 0
    elif n == pool.room[block] or pool.written[block] != n:
        block, n = _renewed(terms, rule, pool, base, block, n)
    _insert(terms, rule, pool, block, n, n, value, ms)
    blocks[slot], counts[slot] = block, n + 1
    return n


@compiled
def _place_late(
    terms: Terms, rule: int, head: Levels, slot: int, pool: Samples, base: Levels, blocks: Array, counts: Array,
    ripe_ms: Array, value: float, ms: int,
) -> bool:  # fmt: skip
    """Judge again from the base on as if the reading had come in time. Whether it was taken."""
    block, n = blocks[slot], counts[slot]
    newest = pool.ms[pool.start[block] + n - 1] if block >= 0 else head.last_ms[slot]
    if ms <= newest - terms.reach_ms[rule] and (block < 0 or ms <= base.last_ms[block]):
        return False
    if block < 0:
        block = blocks[slot] = new_block(pool, base, head, slot, 8)
    else:
        at = first_after(pool, pool.start[block], n, ms)
        if at > 0 and pool.ms[pool.start[block] + at - 1] == ms:
            return False
        block, n = _renewed(terms, rule, pool, base, block, n)
    _insert(terms, rule, pool, block, n, first_after(pool, pool.start[block], n, ms), value, ms)
    pool.judged[block] += ms <= base.last_ms[block]
    blocks[slot], counts[slot] = block, n + 1
    if pool.judged[block] <= n:
        _take_over(base, block, head, slot)
        start = pool.start[block]
        for i in range(pool.judged[block], n + 1):
            judge(terms, rule, head, slot, pool, start, i, pool.value[start + i], pool.ms[start + i])
        ripen(terms, rule, head, slot, ripe_ms[slot])
    return True


@compiled
def fill_block(
    terms: Terms, rule: int, head: Levels, slot: int, pool: Samples, base: Levels, blocks: Array, counts: Array,
    value: Array, ms: Array,
) -> None:  # fmt: skip
    """Give a restored slot the readings (n ≥ 1, oldest first) that it had seen. They changed nothing since the state
    was stored, so that state is the base wherever in between it is put."""
    n, stored_ms = ms.shape[0], head.last_ms[slot]
    block = new_block(pool, base, head, slot, n + n // 4 + 8)
    for i in range(n):
        _insert(terms, rule, pool, block, i, i, value[i], ms[i])
    judged = np.searchsorted(ms, max(stored_ms, ms[n - 1] - LATE_MS), side="right")
    pool.judged[block] = judged
    if judged > 0:
        base.last_ms[block] = max(stored_ms, ms[judged - 1])
    blocks[slot], counts[slot] = block, n
    head.last_ms[slot] = max(stored_ms, ms[n - 1])
    refresh(terms, rule, head, slot, pool, pool.start[block], n - 1)


@compiled
def step_slots(
    terms: Terms,
    first: Array,  # (sensors + 1,) slots of sensor s are first[s] … first[s + 1]
    rule_of: Array,  # (slots,)
    sensor_no: Array,  # (n,) the batch, in observed order for each sensor
    value: Array,
    observed_ms: Array,
    head: Levels,  # state by slot, changed in place from here on
    ripe_ms: Array,
    blocks: Array,
    counts: Array,
    pool: Samples,
    base: Levels,
    moves: Array,  # (capacity, 5) out: slot, old level, new level, observed ms, row
    values: Array,  # (capacity,) out: the judged value
    done: Array,  # (4,) in and out: next row, moves, late readings, comparisons
) -> bool:
    """Judge the rows from `done[0]` on; False when the pool must grow first. `moves` needs as many rows as the batch
    touches slots."""
    for row in range(done[0], sensor_no.shape[0]):
        done[0] = row
        sensor, ms = sensor_no[row], observed_ms[row]
        if sensor < 0 or sensor >= first.shape[0] - 1:
            continue
        was_late = False
        for slot in range(first[sensor], first[sensor + 1]):
            rule, old = rule_of[slot], head.level[slot]
            if (
                terms.kind[rule] == THRESHOLD
                and ms > head.last_ms[slot]
                and is_calm(head.level, head.since_ms, slot, value[row] * terms.sign[rule], terms.nearest[rule])
                and (terms.forgets[rule] or _written(pool, blocks[slot], counts[slot], value[row], ms))
            ):
                if terms.forgets[rule]:
                    if blocks[slot] >= 0:
                        blocks[slot], counts[slot] = -1, 0
                else:
                    counts[slot] += 1
                head.last_ms[slot], head.last_value[slot] = ms, value[row]
                done[3] += 1
                continue
            need = 2 * counts[slot] + 16
            if pool.used[0] + need > pool.ms.shape[0] or pool.used[1] + 1 > pool.start.shape[0]:
                return False
            if ms <= head.last_ms[slot]:
                was_late = was_late or ms < head.last_ms[slot]
                if not terms.keeps[rule] or not _place_late(
                    terms, rule, head, slot, pool, base, blocks, counts, ripe_ms, value[row], ms
                ):
                    continue
            elif terms.kind[rule] == ABSENCE:
                head.level[slot], head.last_ms[slot] = 0, ms
            else:
                start, i = 0, 0
                if terms.keeps[rule]:
                    i = _append(terms, rule, head, slot, pool, base, blocks, counts, value[row], ms)
                    start = pool.start[blocks[slot]]
                judge(terms, rule, head, slot, pool, start, i, value[row], ms)
            done[3] += 1
            if head.level[slot] != old:
                moves[done[1], 0], moves[done[1], 1], moves[done[1], 2] = slot, old, head.level[slot]
                moves[done[1], 3], moves[done[1], 4] = head.last_ms[slot], row
                values[done[1]] = head.last_value[slot]
                done[1] += 1
        done[2] += was_late
    done[0] = sensor_no.shape[0]
    return True


@compiled
def ripen_slots(terms: Terms, rule_of: Array, head: Levels, ripe_ms: Array, now_ms: int, moved: Array) -> int:
    """Let time pass for every slot whose last reading still says something; the slots that moved, and how many."""
    count = 0
    for slot in range(rule_of.shape[0]):
        rule = rule_of[slot]
        if terms.kind[rule] == ABSENCE or now_ms - head.last_ms[slot] > terms.patience_ms[rule]:
            continue
        if ripen(terms, rule, head, slot, now_ms):
            ripe_ms[slot] = now_ms
            moved[count] = slot
            count += 1
    return count
