"""Floods by flow. Stage rules are a different matter and stay apart: the bed of the Yi has cut down.

On 2012-07-10 the Yi carried 8,100 m³/s at 临沂 at only 61.73 m, so no stage may be read from a flow or back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from geodata.clock import SHANGHAI

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


@dataclass(frozen=True, slots=True)
class FloodCount:
    """How far a station's floods are counted: the `number` of `year`, when the flow last stood at or above the
    numbering flow, and the newest reading."""

    year: int = 0
    number: int = 0
    last_above: datetime | None = None
    last: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether the readings show that the flow has stayed below for long enough to end a flood."""
        if self.last is None or self.last_above is None:
            return False
        return self.last - self.last_above > RENUMBER_AFTER


def counted(count: FloodCount, at: datetime, flow_m3s: float, threshold: float) -> tuple[FloodCount, bool]:
    """The count after a reading, and whether that reading begins a new numbered flood. Numbers restart each year
    (Asia/Shanghai). A reading that is not newer than the last never gives a number; above the threshold it can only
    prolong the flood it belongs to.
    """
    is_above = flow_m3s >= threshold
    since = None if count.last_above is None else at - count.last_above
    if count.last is not None and at <= count.last:
        prolongs = is_above and since is not None and timedelta() < since <= RENUMBER_AFTER
        return (replace(count, last_above=at) if prolongs else count), False
    if not is_above:
        return replace(count, last=at), False
    if since is not None and since <= RENUMBER_AFTER:
        return replace(count, last=at, last_above=at), False
    year = at.astimezone(SHANGHAI).year
    return FloodCount(year, count.number + 1 if count.year == year else 1, at, at), True


def numbered_floods(
    station: str, readings: Iterable[tuple[datetime, float]], first_number: int = 1
) -> list[NumberedFlood]:
    """Floods in time-ordered (time, flow in m³/s) readings of one station; [] where no numbering flow is known.

    A flood is numbered when the flow reaches the threshold; reached again, it gets a new number only if more than
    24 h have passed since the flow was last at or above it. `first_number` is the first of the first year.
    """
    threshold = NUMBERING_FLOW_M3S.get(station)
    found: list[NumberedFlood] = []
    count: FloodCount | None = None
    for at, flow_m3s in readings:
        if threshold is None:
            break
        count, is_new = counted(
            count or FloodCount(at.astimezone(SHANGHAI).year, first_number - 1), at, flow_m3s, threshold
        )
        if is_new:
            found.append(NumberedFlood(station, count.number, at, flow_m3s))
    return found


def is_over_warning(station: str, flow_m3s: float) -> bool | None:
    """Whether the flow is at or over the station's warning flow; None where that is not known."""
    threshold = WARNING_FLOW_M3S.get(station)
    return None if threshold is None else flow_m3s >= threshold
