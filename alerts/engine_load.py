"""The engine's state from the stores after a start: what was committed, and nothing else."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import numpy as np

from alerts.compiled import LATE_MS, LEVELS, THRESHOLD, UNSET
from alerts.kernel import fill_block
from alerts.lifecycle import STALE, dedup_key
from alerts.model import Alert
from alerts.ports import ReadingBatch
from alerts.sensors import Sensors
from alerts.slots import SlotState, SlotTable
from geodata.clock import epoch_ms

Group = tuple[str, str]
_AHEAD = timedelta(days=1)  # readings whose clock runs ahead were seen, too


class History(Protocol):
    """As `alerts.ports.ReadingStore.window`."""

    def __call__(
        self, quantity: str, since: datetime, until: datetime, sensor_nos: Sequence[int] | None, exercise: str
    ) -> ReadingBatch: ...


def restore_groups(
    tables: Mapping[str, SlotTable],
    sensors: Sensors,
    stored: Mapping[tuple[str, int], Mapping[str, Any]],
    latest: Mapping[str, ReadingBatch],
    open_alerts: Mapping[str, Alert],
    history: History | None = None,
    now: datetime | None = None,
) -> dict[Group, SlotState]:
    """The state of every (quantity, exercise) that has one; windows up to `now` are filled again from `history`.

    A stored state stands for its last change; the newest stored reading since then changed nothing, so it only moves
    `last_ms` and `last_value` forward.
    """
    groups: dict[Group, SlotState] = {}
    slots = {quantity: _slot_of(table) for quantity, table in tables.items()}
    for quantity, table in tables.items():
        groups[(quantity, "")] = SlotState.fresh(len(table.rule_of))
    for (name, sensor_no), plain in stored.items():
        rule_id, _, exercise = name.partition("@")
        for quantity, table in tables.items():
            slot = slots[quantity].get((rule_id, sensor_no))
            if slot is not None:
                _group(groups, table, quantity, exercise).restore(slot, plain)
    for batch in latest.values():
        table_of = tables.get(batch.quantity)
        if table_of is not None:
            _group(groups, table_of, batch.quantity, batch.exercise)
    if history is not None and now is not None:
        for (quantity, exercise), state in groups.items():
            fill_windows(tables[quantity], state, history, exercise, now)
    for batch in latest.values():
        table_of = tables.get(batch.quantity)
        if table_of is not None:
            _move_forward(table_of, _group(groups, table_of, batch.quantity, batch.exercise), batch)
    for (quantity, _), state in groups.items():
        _end_waits(tables[quantity], state)
    for quantity, table in tables.items():
        _mark_told(table, groups[(quantity, "")], sensors, open_alerts)
    return groups


def _group(groups: dict[Group, SlotState], table: SlotTable, quantity: str, exercise: str) -> SlotState:
    key = (quantity, exercise)
    if key not in groups:
        groups[key] = SlotState.fresh(len(table.rule_of))
    return groups[key]


def _slot_of(table: SlotTable) -> dict[tuple[str, int], int]:
    return {table.key(slot): slot for slot in range(len(table.rule_of))}


def _move_forward(table: SlotTable, state: SlotState, batch: ReadingBatch) -> None:
    width = len(table.first) - 1
    newest = np.full(width, np.iinfo(np.int64).min)
    value = np.full(width, np.nan)
    inside = (batch.sensor_no >= 0) & (batch.sensor_no < width)
    newest[batch.sensor_no[inside]] = batch.observed_ms[inside]
    value[batch.sensor_no[inside]] = batch.value[inside]
    later = newest[table.sensor_of] > state.last_ms
    state.last_ms[later] = newest[table.sensor_of][later]
    later &= table.terms.kind[table.rule_of] == THRESHOLD  # the others judge something else than the reading
    state.last_value[later] = value[table.sensor_of][later]


def fill_windows(table: SlotTable, state: SlotState, history: History, exercise: str, now: datetime) -> None:
    """Give every slot that looks back the stored readings it had seen."""
    reach_ms = table.terms.reach_ms[table.rule_of]
    looking_back = np.flatnonzero(reach_ms > 0)
    if not len(looking_back):
        return
    quantity = table.rules[0].quantity
    since = now - timedelta(milliseconds=int(reach_ms.max()) + LATE_MS)
    numbers = np.unique(table.sensor_of[looking_back])
    batch = history(quantity, since, now + _AHEAD, numbers.tolist(), exercise)
    order = np.argsort(batch.sensor_no, kind="stable")
    sensor_no, value, ms = batch.sensor_no[order], batch.value[order], batch.observed_ms[order]
    begin, end = (np.searchsorted(sensor_no, table.sensor_of[looking_back], side) for side in ("left", "right"))
    state.make_room(2 * int((end - begin).sum()) + 8 * len(looking_back), len(looking_back))
    head, pool = state.head, state.pool
    for slot, first, last in zip(looking_back.tolist(), begin.tolist(), end.tolist(), strict=True):
        if last > first:
            fill_block(
                table.terms, table.rule_of[slot], head, slot, pool.samples, pool.base, state.blocks, state.counts,
                value[first:last], ms[first:last],
            )  # fmt: skip


def _end_waits(table: SlotTable, state: SlotState) -> None:
    """A wait for a threshold that the last reading does not reach is from before the rule was changed: over."""
    terms, rules = table.terms, table.rule_of
    reached = (state.last_value * terms.sign[rules])[:, None] >= terms.at[rules]
    waits = (state.since_ms != UNSET) & (np.arange(LEVELS) > state.level[:, None])
    state.since_ms[waits & ~reached & (terms.kind[rules] == THRESHOLD)[:, None]] = UNSET


def _mark_told(table: SlotTable, state: SlotState, sensors: Sensors, open_alerts: Mapping[str, Alert]) -> None:
    if not open_alerts:
        return
    for slot in range(len(table.rule_of)):
        rule_id, sensor_no = table.key(slot)
        sensor_id = sensors[sensor_no].id
        state.stale[slot] = dedup_key(rule_id + STALE, sensor_id) in open_alerts
        alert = open_alerts.get(dedup_key(rule_id, sensor_id))
        if alert is not None:
            state.told_ms[slot] = epoch_ms(alert.updated_at)
