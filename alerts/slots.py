"""The (rule, sensor) pairs of one quantity as arrays, and their state: what the kernel works on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from alerts.compiled import ABSENCE, LEVELS, NEVER, UNSET, Levels, Terms
from alerts.kernel import ripen_slots, step_slots
from alerts.pool import Pool
from alerts.ports import ReadingBatch
from alerts.rules import SERIES_KINDS, Rule
from alerts.sensors import Sensors
from alerts.slot_terms import terms_of

__all__ = [
    "NEVER",
    "Moves",
    "SlotState",
    "SlotTable",
    "build_slots",
    "changed",
    "in_observed_order",
    "passed",
    "stepped",
]


@dataclass(frozen=True, slots=True)
class SlotTable:
    """The pairs: `rule_of`, `sensor_of` (slots,); a sensor's slots are `first[no]` … `first[no + 1]`."""

    rules: tuple[Rule, ...]
    rule_of: npt.NDArray[np.int32]
    sensor_of: npt.NDArray[np.int32]
    first: npt.NDArray[np.int32]
    stale_ms: npt.NDArray[np.int64]
    terms: Terms
    absences: npt.NDArray[np.intp]  # slots that only wait for silence

    def key(self, slot: int) -> tuple[str, int]:
        """(rule id, sensor number) of a slot."""
        return self.rules[self.rule_of[slot]].id, int(self.sensor_of[slot])


@dataclass(slots=True)
class SlotState:
    """What the kernel remembers of each slot. `last_value` is the value as judged, `partial` marks a window that is not
    covered, `stale` a slot whose silence has been told, `ripe_ms` when time alone moved it last."""

    level: npt.NDArray[np.int8]
    since_ms: npt.NDArray[np.int64]
    below_ms: npt.NDArray[np.int64]
    last_ms: npt.NDArray[np.int64]
    last_value: npt.NDArray[np.float64]
    partial: npt.NDArray[np.bool_]
    stale: npt.NDArray[np.bool_]
    told_ms: npt.NDArray[np.int64]
    ripe_ms: npt.NDArray[np.int64]
    blocks: npt.NDArray[np.int32]  # −1: none yet
    counts: npt.NDArray[np.int32]
    pool: Pool

    @classmethod
    def fresh(cls, slots: int) -> "SlotState":
        return cls(
            np.zeros(slots, np.int8),
            np.full((slots, LEVELS), UNSET, np.int64),
            np.full((slots, LEVELS), UNSET, np.int64),
            np.full(slots, NEVER, np.int64),
            np.full(slots, np.nan),
            np.zeros(slots, np.bool_),
            np.zeros(slots, np.bool_),
            np.full(slots, NEVER, np.int64),
            np.full(slots, NEVER, np.int64),
            np.full(slots, -1, np.int32),
            np.zeros(slots, np.int32),
            Pool(),
        )

    def copy(self) -> "SlotState":
        """A state to change; the readings stay where they are, and both see their own."""
        arrays: dict[str, Any] = {name: getattr(self, name).copy() for name in self.__slots__ if name != "pool"}
        return replace(self, **arrays)

    def to_step(self, terms: Terms) -> "SlotState":
        """A copy for one step over readings. What such a step cannot change is shared: `ripe_ms` belongs to time, and
        the rest to rules that look back, keep blocks or fall slowly."""
        looks_back, keeps = bool((terms.reach_ms > 0).any()), bool(terms.keeps.any())
        return replace(
            self,
            level=self.level.copy(),
            since_ms=self.since_ms.copy(),
            below_ms=self.below_ms.copy() if (terms.fall_ms > 0).any() else self.below_ms,
            last_ms=self.last_ms.copy(),
            last_value=self.last_value.copy(),
            partial=self.partial.copy() if looks_back else self.partial,
            stale=self.stale.copy(),
            told_ms=self.told_ms.copy(),
            blocks=self.blocks.copy() if keeps else self.blocks,
            counts=self.counts.copy() if keeps else self.counts,
        )

    @property
    def head(self) -> Levels:
        return Levels(self.level, self.since_ms, self.below_ms, self.last_ms, self.last_value, self.partial)

    def make_room(self, readings: int, blocks: int) -> None:
        self.pool, self.blocks = self.pool.with_only(self.blocks, self.counts, readings, blocks)

    def plain(self, slot: int) -> dict[str, Any]:
        """JSON values that `restore` takes back; the readings of windows are restored from their history."""
        value, below = float(self.last_value[slot]), self.below_ms[slot, 1:]
        return {
            "level": int(self.level[slot]),
            "since_ms": self.since_ms[slot, 1:].tolist(),
            "last_ms": int(self.last_ms[slot]),
            "last_value": None if np.isnan(value) else value,
            **({"below_ms": below.tolist()} if (below != UNSET).any() else {}),
        }

    def restore(self, slot: int, plain: Mapping[str, Any]) -> None:
        self.level[slot] = plain["level"]
        self.since_ms[slot, 1:] = plain["since_ms"]
        self.below_ms[slot, 1:] = plain.get("below_ms", UNSET)
        self.last_ms[slot] = plain["last_ms"]
        self.last_value[slot] = np.nan if plain["last_value"] is None else plain["last_value"]


@dataclass(frozen=True, slots=True)
class Moves:
    """Level moves of a step, (m, 5): slot, old level, new level, observed ms, row of the batch; and the values judged.

    `late` counts readings older than one already judged, `evaluated` the (rule, reading) pairs judged."""

    table: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    late: int
    evaluated: int


def build_slots(rules: Sequence[Rule], quantity: str, sensors: Sensors) -> SlotTable:
    """All pairs of the active rules on `quantity` with the sensors they take."""
    chosen = tuple(rule for rule in rules if rule.quantity == quantity and rule.enabled and rule.kind in SERIES_KINDS)
    pairs = [
        (no, index)
        for no, sensor in sorted(sensors.items())
        for index, rule in enumerate(chosen)
        if rule.sensors.takes(sensor, quantity)
    ]
    rule_of = np.array([index for _, index in pairs], np.int32)
    sensor_of = np.array([no for no, _ in pairs], np.int32)
    width = (max(sensors) if sensors else 0) + 1
    first = np.zeros(width + 1, np.int32)
    np.cumsum(np.bincount(sensor_of, minlength=width), out=first[1:])
    stale_ms = np.array([round(rule.stale_after_s * 1000) for rule in chosen], np.int64)
    terms = terms_of(chosen, quantity)
    return SlotTable(chosen, rule_of, sensor_of, first, stale_ms, terms, np.flatnonzero(terms.kind[rule_of] == ABSENCE))


def in_observed_order(batch: ReadingBatch) -> ReadingBatch:
    """The batch with its readings oldest first."""
    if (batch.observed_ms[1:] >= batch.observed_ms[:-1]).all():
        return batch
    order = np.argsort(batch.observed_ms, kind="stable")
    return ReadingBatch(
        batch.quantity,
        batch.sensor_no[order],
        batch.value[order],
        batch.observed_ms[order],
        batch.received_ms,
        batch.exercise,
    )


def stepped(table: SlotTable, state: SlotState, batch: ReadingBatch) -> tuple[SlotState, Moves]:
    """The state after `batch` (oldest first) and what moved; `state` itself is left as it was."""
    after = state.to_step(table.terms)
    inside = batch.sensor_no[(batch.sensor_no >= 0) & (batch.sensor_no < len(table.first) - 1)]
    capacity = int((table.first[inside + 1] - table.first[inside]).sum())
    moves, values, done = np.empty((capacity, 5), np.int64), np.empty(capacity), np.zeros(4, np.int64)
    while not step_slots(
        table.terms, table.first, table.rule_of, batch.sensor_no, batch.value, batch.observed_ms, after.head,
        after.ripe_ms, after.blocks, after.counts, after.pool.samples, after.pool.base, moves, values, done,
    ):  # fmt: skip
        few = min(capacity, len(table.rule_of)) + 8
        after.make_room(24 * few + 8 * int(after.counts.max()), few)
    return after, Moves(moves[: done[1]], values[: done[1]], int(done[2]), int(done[3]))


def changed(before: SlotState, after: SlotState) -> npt.NDArray[np.intp]:
    """Slots whose level or waiting is another: what must be stored."""
    moved = (before.since_ms != after.since_ms) | (before.below_ms != after.below_ms)
    return np.flatnonzero(moved.any(axis=1) | (before.level != after.level))


def passed(
    table: SlotTable, state: SlotState, now_ms: int, heard_ms: int, is_real: bool = True
) -> list[tuple[int, int, float, int]]:
    """What time alone brings, written into `state`: (slot, level, value, since ms) of every move.

    Holds and fall holds pass. Silence grows from the last reading, or from `heard_ms` if that is later; of a drill
    (not `is_real`) it is not told.
    """
    found = np.empty(len(table.rule_of), np.int64)
    count = ripen_slots(table.terms, table.rule_of, state.head, state.ripe_ms, now_ms, found)
    moved = [_told(state, slot, now_ms) for slot in found[:count].tolist()]
    if not is_real or not len(table.absences):
        return moved
    silent_ms = now_ms - np.maximum(state.last_ms[table.absences], heard_ms)
    limit_ms = table.terms.at[table.rule_of[table.absences]] * 1000
    reached = ((silent_ms[:, None] >= limit_ms) * np.arange(LEVELS, dtype=np.int8)).max(axis=1)
    rises = np.flatnonzero(reached > state.level[table.absences])
    slots = table.absences[rises]
    state.level[slots], state.last_value[slots] = reached[rises], silent_ms[rises] // 1000
    state.since_ms[slots, reached[rises]] = now_ms - silent_ms[rises] + limit_ms[rises, reached[rises]].astype(np.int64)
    return moved + [_told(state, slot, now_ms) for slot in slots.tolist()]


def _told(state: SlotState, slot: int, now_ms: int) -> tuple[int, int, float, int]:
    level: int = int(state.level[slot])
    since_ms = int(state.since_ms[slot, level]) if level else now_ms
    return slot, level, float(state.last_value[slot]), since_ms
