"""The engine's state from the stores after a start: what was committed, and nothing else."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from alerts.compiled import LEVELS, THRESHOLD, UNSET
from alerts.lifecycle import STALE, dedup_key
from alerts.model import Alert
from alerts.ports import ReadingBatch
from alerts.sensors import Sensors
from alerts.slots import SlotState, SlotTable
from geodata.clock import epoch_ms

Group = tuple[str, str]


def restore_groups(
    tables: Mapping[str, SlotTable],
    sensors: Sensors,
    stored: Mapping[tuple[str, int], Mapping[str, Any]],
    latest: Mapping[str, ReadingBatch],
    open_alerts: Mapping[str, Alert],
) -> dict[Group, SlotState]:
    """The state of every (quantity, exercise) that has one.

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
    state.last_value[later] = value[table.sensor_of][later]


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
