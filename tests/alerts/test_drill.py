"""The drill: facts pass through untouched, underpasses flood as promised, pacing and failures are handled."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

from alerts.feeds.drill import Batch, Frame, run, step_for, storm_frames
from alerts.feeds.storm_readings import LINYI_LAT, Rain
from dispatch.sample_people import sample_people
from geodata.catalog import Catalog
from geodata.clock import SHANGHAI
from geodata.errors import BadInput, NotFound
from geodata.sample.build import build
from geodata.sample.watch import sensor_of
from hazards import storm_2020 as storm

NOW = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.fixture(scope="module")
def sensors(tmp_path_factory: pytest.TempPathFactory) -> gpd.GeoDataFrame:
    catalog: Catalog = Catalog(Path(tmp_path_factory.mktemp("drill")))
    build(catalog, "small", lambda *_: None)
    return catalog.read("sensors")


@pytest.fixture(scope="module")
def frames(sensors: gpd.GeoDataFrame) -> list[Frame]:
    return list(storm_frames(sensors))


def series(frames: list[Frame], quantity: str) -> tuple[list[str], np.ndarray]:
    """(sensor ids, (frames, sensors) values)."""
    batches = [next(batch for batch in frame.batches if batch["quantity"] == quantity) for frame in frames]
    return batches[0]["sensor"], np.array([batch["value"] for batch in batches])


def test_frames_are_in_order_labelled_and_in_the_contracts_form(frames: list[Frame]) -> None:
    times = [frame.storm_time for frame in frames]
    assert times == sorted(set(times))
    assert times[0] == storm.DRILL_START
    assert times[-1] == storm.DRILL_END
    for frame in frames[::60]:
        assert "演练" in frame.label
        assert "过程线为示意" in frame.label
        for batch in [*frame.batches, *frame.baseline]:
            assert set(batch) == {"quantity", "observed_at", "sensor", "value", "exercise"}
            assert len(batch["sensor"]) == len(batch["value"]) == len(set(batch["sensor"])) > 0
            assert np.isfinite(batch["value"]).all()
            assert batch["exercise"] == "storm-2020-08-14"


def test_one_frame_and_its_baseline_cover_every_sensor_once(sensors: gpd.GeoDataFrame, frames: list[Frame]) -> None:
    told = [(one, batch["quantity"]) for batch in [*frames[0].batches, *frames[0].baseline] for one in batch["sensor"]]
    held = {
        (one, quantity)
        for one, text in zip(sensors["id"], sensors["quantities"], strict=True)
        for quantity in text.split(",")
    }
    assert len(told) == len(set(told))
    assert set(told) == held


def test_the_background_raises_no_alarm(frames: list[Frame]) -> None:
    """GB/T 50493-2019 alarms combustible gas at 25 % LEL; no other background quantity has a rule."""
    for frame in frames[::180]:
        gas = [value for batch in frame.baseline if batch["quantity"] == "gas_lel_pct" for value in batch["value"]]
        assert 0 <= min(gas) <= max(gas) < 5


def test_published_peaks_are_in_the_frames(frames: list[Frame]) -> None:
    ids, flow = series(frames, "flow_m3s")
    peaks = dict(zip(ids, flow.max(axis=0), strict=True))
    for station, published in {
        "yi-linyi": 10_900,
        "shu-chonggou": 5_940,
        "meng-gaoli": 3_960,
        "yi-liujiadaokou": 7_900,
        "yi-pengdaokou": 3_360,
    }.items():
        assert peaks[station] == published
    top = frames[int(flow[:, ids.index("yi-linyi")].argmax())].storm_time
    assert top == datetime(2020, 8, 14, 19, 7, tzinfo=SHANGHAI)


def test_underpasses_flood_in_the_promised_numbers_and_recede(frames: list[Frame]) -> None:
    ids, depth = series(frames, "depth_m")
    below = np.array(["-up-" in one for one in ids])
    top = depth.max(axis=0)
    assert below.sum() == 120
    assert (top[below] >= 0.20).sum() == 40
    assert (top[below] >= 0.27).sum() == 15
    assert top[~below].max() < 0.20
    assert (depth >= 0).all()
    assert depth[0].max() < 0.20
    assert depth[-1].max() < 0.20
    when = [frames[int(column.argmax())].storm_time.hour for column in depth[:, below & (top >= 0.20)].T]
    assert len(set(when)) >= 10


def test_the_field_persons_underpass_is_closed_within_twenty_seconds_at_speed_60(frames: list[Frame]) -> None:
    field = next(person for person in sample_people("small") if person.username == "field")
    ids, depth = series(frames, "depth_m")
    over = np.flatnonzero((depth >= 0.27).any(axis=1))[0]
    first = ids[int(depth[over].argmax())]
    assert first in {sensor_of(duty) for duty in field.duties}
    assert (frames[over].storm_time - storm.DRILL_START).total_seconds() / 60 <= 20


def test_rain_above_linyi_averages_the_areal_total(sensors: gpd.GeoDataFrame) -> None:
    gauges = sensors[sensors["quantities"] == "rain_mm_h"]
    rain = Rain(gauges.geometry.x.to_numpy(), gauges.geometry.y.to_numpy())
    hours = [storm.RAIN_START + timedelta(hours=hour) for hour in range(56)]
    total = sum(rain.at(hour) for hour in hours)
    assert total[gauges.geometry.y.to_numpy() > LINYI_LAT].mean() == pytest.approx(175, rel=0.01)
    assert total.max() == pytest.approx(497, rel=0.001)
    assert np.sort(total)[-2] < 497


def test_the_same_sensors_give_the_same_frames_in_any_row_order(sensors: gpd.GeoDataFrame, frames: list[Frame]) -> None:
    shuffled = sensors.sample(frac=1, random_state=1)
    table = {"id": shuffled["id"], "quantities": shuffled["quantities"]}
    table |= {"lon": shuffled.geometry.x, "lat": shuffled.geometry.y}
    again = next(iter(storm_frames(table)))
    assert again.batches == frames[0].batches
    assert list(again.baseline) == list(frames[0].baseline)


def test_unknown_storms_and_bad_steps_are_refused(sensors: gpd.GeoDataFrame) -> None:
    with pytest.raises(NotFound, match="storm-1998"):
        storm_frames(sensors, "storm-1998")
    for step in (0.0, -1.0, float("nan"), 1e9):
        with pytest.raises(BadInput):
            storm_frames(sensors, step_s=step)
    with pytest.raises(BadInput):
        run(lambda _: None, iter(()), 0.0, lambda: NOW, lambda _: None, lambda _: None)


class Wall:
    """A clock that only sleeping and posting move."""

    def __init__(self) -> None:
        self.seconds, self.said = 0.0, []

    def monotonic(self) -> float:
        return self.seconds

    def clock(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.seconds += seconds

    def run(self, post: Callable[[Batch], None], frames: list[Frame], speed: float = 60.0) -> list[Frame]:
        sent: list[Frame] = []
        run(
            post, iter(frames), speed, self.clock, self.sleep, self.said.append,
            on_frame=sent.append, monotonic=self.monotonic,
        )  # fmt: skip
        return sent


def test_frames_go_out_on_time_with_the_present_moment(frames: list[Frame]) -> None:
    wall, posted = Wall(), []
    sent = wall.run(lambda batch: posted.append((wall.seconds, batch)), frames)
    assert len(sent) == len(frames)
    assert wall.seconds == pytest.approx(24 * 60)
    assert wall.said == ["演练结束"]
    for seconds, batch in posted:
        assert datetime.fromisoformat(batch["observed_at"]) == NOW + timedelta(seconds=seconds)
    for quantity, longest in (("depth_m", 2.01), ("rain_mm_h", 2.01), ("flow_m3s", 2.01), ("level_m", 60.0)):
        times = [seconds for seconds, batch in posted if batch["quantity"] == quantity]
        assert times[0] == 0.0
        assert np.diff(times).max() <= longest


def test_an_outage_is_said_once_and_its_end_once(frames: list[Frame]) -> None:
    wall, posted = Wall(), []

    def post(batch: Batch) -> None:
        if 10 <= wall.seconds < 40:
            raise ConnectionError("refused")
        posted.append((wall.seconds, batch["quantity"]))

    wall.run(post, frames[:60])
    assert len([line for line in wall.said if "发送失败" in line]) == 1
    assert len([line for line in wall.said if "恢复" in line and "失败" not in line]) == 1
    assert max(seconds for seconds, _ in posted) == pytest.approx(
        (frames[59].storm_time - frames[0].storm_time).seconds / 60
    )


def test_a_short_failure_is_retried_without_a_word(frames: list[Frame]) -> None:
    wall, tries = Wall(), []

    def post(batch: Batch) -> None:
        tries.append(batch)
        if len(tries) == 1:
            raise TimeoutError

    wall.run(post, frames[:3])
    assert wall.said == ["演练结束"]
    assert tries[0]["sensor"] == tries[1]["sensor"]


def test_a_baseline_lost_in_an_outage_is_sent_when_it_ends(frames: list[Frame]) -> None:
    wall, levels = Wall(), []

    def post(batch: Batch) -> None:
        if wall.seconds < 8:
            raise ConnectionError("starting")
        if batch["quantity"] == "level_m":
            levels.append(wall.seconds)

    wall.run(post, frames[:20])
    assert levels
    assert levels[0] < 11


def test_a_slow_intake_loses_frames_but_not_the_storm_clock(frames: list[Frame]) -> None:
    wall = Wall()

    def post(batch: Batch) -> None:
        wall.seconds += 3.0

    sent = wall.run(post, frames[:200])
    assert len(sent) < 60
    lag = wall.seconds - (sent[-1].storm_time - storm.DRILL_START).total_seconds() / 60
    assert lag < 60


def test_rounds_follow_one_another(sensors: gpd.GeoDataFrame) -> None:
    twice = list(storm_frames(sensors, step_s=3600.0, rounds=2))
    wall = Wall()
    assert (
        len(wall.run(lambda _: None, twice, speed=600.0))
        == len(twice)
        == 2 * len(list(storm_frames(sensors, step_s=3600.0)))
    )


def test_the_step_gives_a_frame_about_every_two_seconds() -> None:
    assert step_for(60) == 120.0
    assert step_for(0.1) == 1.0
