"""What a combination says: which sensors hold, and which have fallen silent, so that nobody takes silence for calm."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alerts.combination import Condition
from alerts.combination_state import Standing, Table
from alerts.quantities import QUANTITIES
from alerts.sensors import SensorInfo, Sensors

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """`holds` and `silent` are texts; `first` is a sensor that stands for the place, `count` how many hold."""

    holds: str
    silent: str
    first: SensorInfo | None
    count: int


def condition_text(condition: Condition) -> str:
    spec = QUANTITIES[condition.quantity]
    sign = "≤" if condition.is_below else "≥"
    held = f",持续 {condition.hold_s:g} 秒" if condition.hold_s else ""
    return f"{spec.title} {sign} {condition.at:g} {spec.unit}{held}"


def evidence_of(table: Table, standing: Standing, scope: int, sensors: Sensors, now_ms: int) -> Evidence:
    """What is known in one scope at `now_ms`."""
    holds, silent = [], []
    here = table.slots_in[scope]
    which_of, held_here = table.condition_of[here], standing.held[here]
    known = now_ms - standing.last_ms[here] <= table.max_age_ms[which_of]
    for which, condition in enumerate(table.spec.conditions):
        text, mine = condition_text(condition), which_of == which
        if not table.heads[which, scope]:
            silent.append(f"{text}(没有这样的传感器)")
        quiet = here[mine & ~known]
        if len(quiet):
            silent.append(f"{text}({_names(table, quiet, sensors)} 超过 {condition.max_age_s:g} 秒无读数)")
        held = here[mine & known & held_here]
        if len(held):
            values = "、".join(f"{standing.value[slot]:.6g}" for slot in held[:SHOWN].tolist())
            holds.append(f"{text}({_names(table, held, sensors)}:{values})")
    found = np.unique(table.number[here[known & held_here]])
    first = found if len(found) else table.number[here]
    return Evidence(";".join(holds), ";".join(silent), sensors[int(first[0])] if len(first) else None, len(found))


def _names(table: Table, slots: npt.NDArray[np.intp], sensors: Sensors) -> str:
    names = "、".join(sensors[int(table.number[slot])].name for slot in slots[:SHOWN].tolist())
    return names if len(slots) <= SHOWN else f"{names} 等 {len(slots)} 处"
