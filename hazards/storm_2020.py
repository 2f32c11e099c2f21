"""The storm of 2020-08-14 over Linyi: published peaks and totals as facts, schematic curves between them.

Facts (public sources, see docs/sample-city.md): peak flows at 临沂, 重沟 and 高里 with their times; peak flows at
刘家道口 and 彭道口; areal rain above 临沂; the total and the 24 h maximum of the wettest gauge, 张家抱虎.
Everything else here is schematic and says so: `LABEL` belongs on every screen that shows it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp

from geodata.clock import SHANGHAI
from geodata.errors import NotFound

STORM_ID = "storm-2020-08-14"
LABEL = "过程线为示意,峰值为实测"
RAIN_START = datetime(2020, 8, 13, 6, tzinfo=SHANGHAI)
DRILL_START = datetime(2020, 8, 14, 4, tzinfo=SHANGHAI)
DRILL_END = datetime(2020, 8, 15, 4, tzinfo=SHANGHAI)
HOUR = timedelta(hours=1)

AREAL_TOTAL_MM = 175.0  # above 临沂
POINT_TOTAL_MM, POINT_24H_MM, POINT_NAME = 497.0, 399.4, "张家抱虎"


@dataclass(frozen=True, slots=True)
class Peak:
    """A station's greatest flow. `measured`: the flow is published; `timed`: its time is, too."""

    station: str
    flow_m3s: float
    at: datetime
    base_m3s: float
    rise_h: float
    fall_h: float
    measured: bool
    timed: bool


def _peak(
    station: str,
    flow: float,
    hour: int,
    minute: int,
    base: float,
    rise: float,
    measured: bool = False,
    timed: bool = False,
) -> Peak:
    at = datetime(2020, 8, 14, hour, minute, tzinfo=SHANGHAI)
    return Peak(station, flow, at, base, rise, 2.2 * rise, measured, timed)


PEAKS: tuple[Peak, ...] = (
    _peak("yi-linyi", 10_900, 19, 7, 60, 4.5, measured=True, timed=True),
    _peak("shu-chonggou", 5_940, 19, 22, 30, 4.8, measured=True, timed=True),
    _peak("meng-gaoli", 3_960, 10, 58, 10, 2.2, measured=True, timed=True),
    _peak("yi-liujiadaokou", 7_900, 20, 30, 50, 4.8, measured=True),
    _peak("yi-pengdaokou", 3_360, 20, 40, 0, 4.2, measured=True),
    _peak("yi-gegou", 5_000, 16, 0, 40, 4.0),
    _peak("beng-jiaoyi", 4_000, 16, 30, 30, 4.0),
    _peak("dongwen-mengyin", 800, 11, 0, 8, 2.5),
    _peak("zi-shuimingya", 800, 11, 30, 5, 2.5),
    _peak("wenliang-wangjiashaozhuang", 900, 13, 0, 6, 3.0),
    _peak("shu-shilaqu", 3_500, 17, 0, 25, 4.5),
)


def peak_of(station: str) -> Peak:
    """The station's peak; `NotFound` for a station that is not in this storm."""
    for peak in PEAKS:
        if peak.station == station:
            return peak
    raise NotFound(f"{STORM_ID} 没有测站 {station!r};可用:{'、'.join(peak.station for peak in PEAKS)}")


def flow_m3s(station: str, at: datetime) -> float:
    """Flow in m³/s: exactly the published peak at its time, a schematic bell before and after it."""
    peak = peak_of(station)
    hours = (at - peak.at) / HOUR
    width = peak.rise_h if hours < 0 else peak.fall_h
    return peak.base_m3s + (peak.flow_m3s - peak.base_m3s) * exp(-((hours / width) ** 2))


def hydrograph(station: str, minutes: float) -> float:
    """`flow_m3s` at so many minutes after `DRILL_START`."""
    return flow_m3s(station, DRILL_START + timedelta(minutes=minutes))


def stage_m(station: str, at: datetime) -> float:
    """A schematic stage in metres above the gauge's own low water; no datum, never to be held against a stage rule."""
    return 0.5 + 0.07 * float(flow_m3s(station, at)) ** 0.5


# Schematic pattern of the wettest 24 hours, hour by hour from 2020-08-13 18:00; the 12 hours on either side are even.
MAIN_PATTERN = (2, 2.5, 3, 3.5, 4, 4, 4.5, 5, 5, 6, 7, 8, 9, 10, 9, 7, 5, 4, 3, 3, 2.5, 2.5, 2, 2)
SIDE_HOURS = 12


def hourly_mm(total_mm: float, main_mm: float) -> tuple[float, ...]:
    """48 hourly depths in mm from `RAIN_START`: `main_mm` in the middle 24 h, the rest even around it."""
    side = (total_mm - main_mm) / (2 * SIDE_HOURS)
    scale = main_mm / sum(MAIN_PATTERN)
    return (*[side] * SIDE_HOURS, *[scale * share for share in MAIN_PATTERN], *[side] * SIDE_HOURS)


POINT_HOURLY_MM = hourly_mm(POINT_TOTAL_MM, POINT_24H_MM)
AREAL_HOURLY_MM = hourly_mm(AREAL_TOTAL_MM, AREAL_TOTAL_MM * POINT_24H_MM / POINT_TOTAL_MM)


def intensity_mm_h(hourly: tuple[float, ...], at: datetime) -> float:
    """Rain intensity at a moment, mm/h: constant within each hour, 0 outside the storm."""
    hour = int((at - RAIN_START) // HOUR)
    return hourly[hour] if 0 <= hour < len(hourly) else 0.0


def areal_rain_mm_h(at: datetime) -> float:
    """Mean intensity above 临沂; integrates to `AREAL_TOTAL_MM` over the storm."""
    return intensity_mm_h(AREAL_HOURLY_MM, at)


def max_point_rain_mm_h(at: datetime) -> float:
    """Intensity at the wettest gauge; integrates to `POINT_TOTAL_MM`, its wettest 24 h to `POINT_24H_MM`."""
    return intensity_mm_h(POINT_HOURLY_MM, at)
