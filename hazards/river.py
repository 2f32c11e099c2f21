"""Floods by flow. Stage rules are a different matter and stay apart: the bed of the Yi has cut down.

On 2012-07-10 the Yi carried 8,100 m³/s at 临沂 at only 61.73 m, so no stage may be read from a flow or back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

NUMBERING_FLOW_M3S = {"yi-linyi": 4000.0, "shu-chonggou": 2000.0}  # 临沂, 重沟: a numbered flood (public source)
WARNING_FLOW_M3S = {"yi-linyi": 7000.0}  # 临沂 (public source)
RENUMBER_AFTER = timedelta(hours=24)
# 临沂 stages: warning and guaranteed. From memory, 未核定; not used in any rule here.
UNVERIFIED_STAGE_M = {"yi-linyi": (64.05, 65.65)}
SOURCE = "编号与警戒流量:公开来源;水位:未核定"


@dataclass(frozen=True, slots=True)
class NumberedFlood:
    """The `number`-th flood of the year at a station, from the reading that reached the numbering flow."""

    station: str
    number: int
    at: datetime
    flow_m3s: float


def numbered_floods(
    station: str, readings: Iterable[tuple[datetime, float]], first_number: int = 1
) -> list[NumberedFlood]:
    """Floods in time-ordered (time, flow in m³/s) readings of one station; [] where no numbering flow is known.

    A flood is numbered when the flow reaches the threshold; reached again, it gets a new number only if more than
    24 h have passed since the flow was last at or above it.
    """
    threshold = NUMBERING_FLOW_M3S.get(station)
    found: list[NumberedFlood] = []
    last_above: datetime | None = None
    for at, flow_m3s in readings:
        if threshold is None or not flow_m3s >= threshold:
            continue
        if last_above is None or at - last_above > RENUMBER_AFTER:
            found.append(NumberedFlood(station, first_number + len(found), at, flow_m3s))
        last_above = at
    return found


def is_over_warning(station: str, flow_m3s: float) -> bool | None:
    """Whether the flow is at or over the station's warning flow; None where that is not known."""
    threshold = WARNING_FLOW_M3S.get(station)
    return None if threshold is None else flow_m3s >= threshold
