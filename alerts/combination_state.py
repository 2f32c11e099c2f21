"""The sensors of a combination as arrays, and what is remembered of each: a *slot* is one sensor of one condition."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from alerts.combination import CombinationSpec
from alerts.ports import ReadingBatch
from alerts.sensors import SensorInfo, Sensors
from alerts.truth import Flags

UNSET = -1
NEVER = np.iinfo(np.int64).min // 4
CITY = "all"
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Table:
    """`condition_of`, `number`, `scope_of` (slots,): which condition, sensor and scope a slot is of.

    `slots_of`: quantity → (first, slots), the slots of sensor s being `slots[first[s]:first[s + 1]]`. The figures of
    the conditions are (conditions,), thresholds with the sign that makes reaching a ≥; `heads` (conditions, scopes)
    counts sensors.
    """

    spec: CombinationSpec
    scopes: list[str]
    condition_of: Numbers
    number: Numbers
    scope_of: npt.NDArray[np.intp]
    slots_of: Mapping[str, tuple[Numbers, Numbers]]
    sign: Floats
    at: Floats
    deadband: Floats
    hold_ms: Ints
    max_age_ms: Ints
    heads: npt.NDArray[np.intp]
    slots_in: list[npt.NDArray[np.intp]]  # of each scope

    def count(self, slots: Flags) -> npt.NDArray[np.intp]:
        """How many of `slots` each condition has in each scope."""
        shape = self.heads.shape
        index = self.condition_of[slots] * shape[1] + self.scope_of[slots]
        return np.bincount(index, minlength=shape[0] * shape[1]).reshape(shape)

    @property
    def shape(self) -> str:
        """Changes with the thresholds: what was remembered of others must not be taken for these."""
        numbers = [(c.quantity, c.at, c.is_below, c.hold_s, c.deadband) for c in self.spec.conditions]
        return sha256(repr((self.spec.per, numbers)).encode()).hexdigest()[:12]


@dataclass(slots=True)
class Standing:
    """(slots,) each: since when the threshold is reached (`UNSET`: it is not), whether that has lasted for the hold
    time, and the newest reading."""

    since_ms: Ints
    held: Flags
    last_ms: Ints
    value: Floats

    @classmethod
    def fresh(cls, slots: int) -> "Standing":
        since, last = np.full(slots, UNSET, np.int64), np.full(slots, NEVER, np.int64)
        return cls(since, np.zeros(slots, bool), last, np.full(slots, np.nan))

    def copy(self) -> "Standing":
        return Standing(self.since_ms.copy(), self.held.copy(), self.last_ms.copy(), self.value.copy())

    def known(self, table: Table, now_ms: int) -> Flags:
        """Which slots have spoken lately enough to say anything about now."""
        known: Flags = now_ms - self.last_ms <= table.max_age_ms[table.condition_of]
        return known

    def mature(self, table: Table, now_ms: int) -> None:
        """The hold time may pass without a new reading, as long as the last one is not too old."""
        waiting = (self.since_ms != UNSET) & ~self.held & self.known(table, now_ms)
        self.held |= waiting & (now_ms - self.since_ms >= table.hold_ms[table.condition_of])

    def due_ms(self, table: Table, after_ms: int) -> int | None:
        """The first moment after `after_ms` at which a hold has lasted or a reading becomes too old."""
        waiting = (self.since_ms != UNSET) & ~self.held
        holds = self.since_ms[waiting] + table.hold_ms[table.condition_of[waiting]]
        dues = np.concatenate((holds, self.last_ms + table.max_age_ms[table.condition_of] + 1))
        dues = dues[dues > after_ms]
        return int(dues.min()) if len(dues) else None

    def take(self, table: Table, batch: ReadingBatch, start: int, now_ms: int) -> tuple[int, bool]:
        """Take the readings of `batch` (oldest first) from row `start` up to the end of the first moment that may have
        changed a truth; (the row after it, whether it may)."""
        first, slots = table.slots_of[batch.quantity]
        row, tells = take_until_told(
            start, first, slots, table.condition_of, table.sign, table.at, table.deadband, table.hold_ms,
            table.max_age_ms, batch.sensor_no, batch.value, batch.observed_ms, now_ms,
            self.since_ms, self.held, self.last_ms, self.value,
        )  # fmt: skip
        return int(row), bool(tells)

    def plain(self, slot: int) -> dict[str, Any]:
        """JSON values that `put_back` takes back."""
        value = float(self.value[slot])
        return {
            "since_ms": int(self.since_ms[slot]),
            "held": bool(self.held[slot]),
            "last_ms": int(self.last_ms[slot]),
            "value": None if np.isnan(value) else value,
        }

    def put_back(self, slot: int, plain: Mapping[str, Any]) -> None:
        self.since_ms[slot], self.held[slot] = plain["since_ms"], plain["held"]
        self.last_ms[slot] = plain["last_ms"]
        self.value[slot] = np.nan if plain["value"] is None else plain["value"]


@numba.njit(cache=True, nogil=True)
def take_until_told(
    start: int,
    first: Numbers,
    slots: Numbers,
    condition_of: Numbers,
    sign: Floats,
    at: Floats,
    deadband: Floats,
    hold_ms: Ints,
    max_age_ms: Ints,
    sensor_no: Numbers,
    value: Floats,
    observed_ms: Ints,
    now_ms: int,
    since_ms: Ints,  # state, changed in place from here on
    held: Flags,
    last_ms: Ints,
    last_value: Floats,
) -> tuple[int, bool]:
    """`Standing.take`. Readings of one moment are one picture; one that is not newer than the last known changes
    nothing, so that telling a batch again changes nothing."""
    row = start
    while row < sensor_no.shape[0]:
        moment, tells = observed_ms[row], False
        while row < sensor_no.shape[0] and observed_ms[row] == moment:
            sensor = sensor_no[row]
            if 0 <= sensor < first.shape[0] - 1:
                for place in range(first[sensor], first[sensor + 1]):
                    slot = slots[place]
                    if moment <= last_ms[slot]:
                        continue
                    which = condition_of[slot]
                    signed, was_held = value[row] * sign[which], held[slot]
                    if signed >= at[which] or (was_held and signed > at[which] - deadband[which]):
                        if since_ms[slot] == UNSET:
                            since_ms[slot] = moment
                        held[slot] = was_held or moment - since_ms[slot] >= hold_ms[which]
                    else:
                        since_ms[slot] = UNSET
                        held[slot] = False
                    tells = tells or held[slot] != was_held or now_ms - last_ms[slot] > max_age_ms[which]
                    last_ms[slot], last_value[slot] = moment, value[row]
            row += 1
        if tells:
            return row, True
    return row, False


def scope_key(spec: CombinationSpec, sensor: SensorInfo) -> str:
    """The scope a sensor counts for; "" when it belongs to none (a sensor without a county)."""
    if spec.per == CITY:
        return CITY
    return sensor.county if spec.per == "county" else sensor.asset_id


def build_table(spec: CombinationSpec, sensors: Sensors) -> Table:
    """Every (condition, sensor) pair; the scopes are those that have a sensor of any condition."""
    conditions = spec.conditions
    found = [
        (which, no, scope_key(spec, sensor))
        for which, condition in enumerate(conditions)
        for no, sensor in sorted(sensors.items())
        if condition.sensors.takes(sensor, condition.quantity) and scope_key(spec, sensor)
    ]
    scopes = [CITY] if spec.per == CITY else sorted({scope for _, _, scope in found})
    place = {scope: at for at, scope in enumerate(scopes)}
    condition_of = np.array([which for which, _, _ in found], np.int32)
    number = np.array([no for _, no, _ in found], np.int32)
    scope_of = np.array([place[scope] for _, _, scope in found], np.intp)
    sign = np.array([-1.0 if one.is_below else 1.0 for one in conditions])
    shape = (len(conditions), len(scopes))
    heads = np.bincount(condition_of * shape[1] + scope_of, minlength=shape[0] * shape[1]).reshape(shape)
    quantities = np.array([one.quantity for one in conditions])
    return Table(
        spec, scopes, condition_of, number, scope_of,
        {name: _by_sensor(number, np.flatnonzero(quantities[condition_of] == name)) for name in set(quantities)},
        sign,
        np.array([one.at for one in conditions]) * sign,
        np.array([one.deadband for one in conditions]),
        np.array([round(one.hold_s * 1000) for one in conditions], np.int64),
        np.array([round(one.max_age_s * 1000) for one in conditions], np.int64),
        heads,
        [np.flatnonzero(scope_of == at) for at in range(len(scopes))],
    )  # fmt: skip


def _by_sensor(number: Numbers, slots: npt.NDArray[np.intp]) -> tuple[Numbers, Numbers]:
    ordered = slots[np.argsort(number[slots], kind="stable")]
    width = int(number[slots].max()) + 1 if len(slots) else 0
    first = np.zeros(width + 1, np.int32)
    np.cumsum(np.bincount(number[slots], minlength=width), out=first[1:])
    return first, ordered.astype(np.int32)


def changed_rows(table: Table, before: Standing, after: Standing) -> dict[int, dict[str, Any]]:
    """Sensor number → state by condition, for every sensor whose waiting or holding changed in any condition."""
    moved = (before.since_ms != after.since_ms) | (before.held != after.held)
    rows: dict[int, dict[str, Any]] = {}
    if not moved.any():
        return rows
    for slot in np.flatnonzero(np.isin(table.number, table.number[moved])).tolist():
        of_sensor = rows.setdefault(int(table.number[slot]), {})
        of_sensor[str(int(table.condition_of[slot]))] = after.plain(slot)
    return rows


def move_forward(table: Table, standing: Standing, batch: ReadingBatch, stored: Iterable[int], now_ms: int) -> None:
    """Take the newest stored readings. They changed nothing where a state was stored; where none ever was (a new rule,
    a new sensor), they are the first that count. A drill's never count again: it may be over."""
    if batch.quantity not in table.slots_of:
        return
    fresh = standing.copy()
    row = 0
    while row < len(batch.sensor_no):
        row, _ = fresh.take(table, batch, row, now_ms)
    old = np.isin(table.number, np.array(list(stored), np.int32)) | bool(batch.exercise)
    fresh.since_ms[old], fresh.held[old] = standing.since_ms[old], standing.held[old]
    standing.since_ms, standing.held = fresh.since_ms, fresh.held
    standing.last_ms, standing.value = fresh.last_ms, fresh.value
