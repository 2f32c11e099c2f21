"""The published facts hold exactly; the curves between them stay below the published peaks."""

from datetime import datetime, timedelta

import pytest

from geodata.clock import SHANGHAI
from geodata.errors import NotFound
from hazards import storm_2020 as storm


@pytest.mark.parametrize(
    ("station", "hour", "minute", "flow"),
    [("yi-linyi", 19, 7, 10_900), ("shu-chonggou", 19, 22, 5_940), ("meng-gaoli", 10, 58, 3_960)],
)
def test_published_peaks_at_published_times(station: str, hour: int, minute: int, flow: float) -> None:
    at = datetime(2020, 8, 14, hour, minute, tzinfo=SHANGHAI)
    assert storm.flow_m3s(station, at) == flow
    assert storm.hydrograph(station, (at - storm.DRILL_START) / timedelta(minutes=1)) == flow
    assert storm.peak_of(station).timed


@pytest.mark.parametrize(("station", "flow"), [("yi-liujiadaokou", 7_900), ("yi-pengdaokou", 3_360)])
def test_published_peaks_without_a_published_time(station: str, flow: float) -> None:
    peak = storm.peak_of(station)
    assert peak.measured
    assert not peak.timed
    assert storm.flow_m3s(station, peak.at) == flow


@pytest.mark.parametrize("peak", storm.PEAKS, ids=lambda peak: peak.station)
def test_no_moment_exceeds_the_peak_and_curves_rise_then_fall(peak: storm.Peak) -> None:
    flows = [storm.hydrograph(peak.station, minute) for minute in range(0, 24 * 60, 7)]
    top = flows.index(max(flows))
    assert max(flows) <= peak.flow_m3s
    assert flows[: top + 1] == sorted(flows[: top + 1])
    assert flows[top:] == sorted(flows[top:], reverse=True)


def test_rain_totals_are_the_published_ones() -> None:
    assert sum(storm.AREAL_HOURLY_MM) == pytest.approx(175.0)
    assert sum(storm.POINT_HOURLY_MM) == pytest.approx(497.0)
    windows = [sum(storm.POINT_HOURLY_MM[hour : hour + 24]) for hour in range(25)]
    assert max(windows) == pytest.approx(399.4)
    minutes = [storm.RAIN_START + timedelta(minutes=minute) for minute in range(0, 48 * 60, 30)]
    assert sum(storm.areal_rain_mm_h(minute) for minute in minutes) * 0.5 == pytest.approx(175.0)
    assert sum(storm.max_point_rain_mm_h(minute) for minute in minutes) * 0.5 == pytest.approx(497.0)
    assert storm.areal_rain_mm_h(storm.RAIN_START - timedelta(seconds=1)) == 0.0


def test_schematic_stage_stays_far_below_any_stage_rule() -> None:
    assert max(storm.stage_m(peak.station, peak.at) for peak in storm.PEAKS) < 10


def test_an_unknown_station_is_named() -> None:
    with pytest.raises(NotFound, match="nowhere"):
        storm.flow_m3s("nowhere", storm.DRILL_START)
