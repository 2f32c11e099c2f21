"""The (rule, sensor) pairs of one quantity as arrays, and their state: what the kernel works on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alerts.kernel import LEVELS, UNSET, step_slots
from alerts.ports import ReadingBatch
from alerts.rules import SERIES_KINDS, Rule
from alerts.sensors import Sensors

NEVER = np.iinfo(np.int64).min // 4
_DEFAULT_PATIENCE_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class SlotTable:
    """The pairs: `rule_of`, `sensor_of` (slots,), and a sensor's slots as `slot_of[first[no]:first[no + 1]]`."""

    rules: tuple[Rule, ...]
    rule_of: npt.NDArray[np.int32]
    sensor_of: npt.NDArray[np.int32]
    first: npt.NDArray[np.int32]
    slot_of: npt.NDArray[np.int32]
    sign: npt.NDArray[np.float64]
    at: npt.NDArray[np.float64]
    deadband: npt.NDArray[np.float64]
    hold_ms: npt.NDArray[np.int64]
    stale_ms: npt.NDArray[np.int64]
    patience_ms: npt.NDArray[np.int64]

    def key(self, slot: int) -> tuple[str, int]:
        """(rule id, sensor number) of a slot."""
        return self.rules[self.rule_of[slot]].id, int(self.sensor_of[slot])


@dataclass(slots=True)
class SlotState:
    """What the kernel remembers of each slot. `stale` marks those whose silence has been told."""

    level: npt.NDArray[np.int8]
    since_ms: npt.NDArray[np.int64]
    last_ms: npt.NDArray[np.int64]
    last_value: npt.NDArray[np.float64]
    stale: npt.NDArray[np.bool_]
    told_ms: npt.NDArray[np.int64]

    @classmethod
    def fresh(cls, slots: int) -> "SlotState":
        return cls(
            np.zeros(slots, np.int8),
            np.full((slots, LEVELS), UNSET, np.int64),
            np.full(slots, NEVER, np.int64),
            np.full(slots, np.nan),
            np.zeros(slots, np.bool_),
            np.full(slots, NEVER, np.int64),
        )

    def copy(self) -> "SlotState":
        return SlotState(*(getattr(self, name).copy() for name in self.__slots__))

    def plain(self, slot: int) -> dict[str, Any]:
        """JSON values that `restore` takes back."""
        value = float(self.last_value[slot])
        return {
            "level": int(self.level[slot]),
            "since_ms": self.since_ms[slot, 1:].tolist(),
            "last_ms": int(self.last_ms[slot]),
            "last_value": None if np.isnan(value) else value,
        }

    def restore(self, slot: int, plain: Mapping[str, Any]) -> None:
        self.level[slot] = plain["level"]
        self.since_ms[slot, 1:] = plain["since_ms"]
        self.last_ms[slot] = plain["last_ms"]
        self.last_value[slot] = np.nan if plain["last_value"] is None else plain["last_value"]


@dataclass(frozen=True, slots=True)
class Moves:
    """Level moves of a step, (m, 5): slot, old level, new level, observed ms, row of the batch."""

    table: npt.NDArray[np.int64]
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
    sensor_of = np.array([no for no, _ in pairs], np.int32)
    width = (max(sensors) if sensors else 0) + 1
    first = np.zeros(width + 1, np.int32)
    np.cumsum(np.bincount(sensor_of, minlength=width), out=first[1:])
    at = np.full((len(chosen), LEVELS), np.inf)
    hold_ms = np.zeros((len(chosen), LEVELS), np.int64)
    sign = np.array([-1.0 if rule.direction == "below" else 1.0 for rule in chosen], np.float64)
    for index, rule in enumerate(chosen):
        for step in rule.levels:
            at[index, step.level] = step.at * sign[index]
            hold_ms[index, step.level] = round(step.hold_s * 1000)
    stale_ms = np.array([round(rule.stale_after_s * 1000) for rule in chosen], np.int64)
    patience_ms = np.maximum(np.where(stale_ms > 0, stale_ms, _DEFAULT_PATIENCE_MS), 2 * hold_ms.max(axis=1, initial=0))
    return SlotTable(
        chosen,
        np.array([index for _, index in pairs], np.int32),
        sensor_of,
        first,
        np.arange(len(pairs), dtype=np.int32),
        sign,
        at,
        np.array([rule.deadband for rule in chosen], np.float64),
        hold_ms,
        stale_ms,
        patience_ms,
    )


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
    after = state.copy()
    inside = batch.sensor_no[(batch.sensor_no >= 0) & (batch.sensor_no < len(table.first) - 1)]
    capacity = int((table.first[inside + 1] - table.first[inside]).sum())
    moves = np.empty((capacity, 5), np.int64)
    moved, late, evaluated = step_slots(
        table.first, table.slot_of, table.rule_of, table.sign, table.at, table.deadband, table.hold_ms,
        batch.sensor_no, batch.value, batch.observed_ms,
        after.level, after.since_ms, after.last_ms, after.last_value, moves,
    )  # fmt: skip
    return after, Moves(moves[:moved], late, evaluated)
