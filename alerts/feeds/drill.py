"""The storm drill: yesterday's storm through today's intake, faster, and marked as an exercise in every batch."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alerts.feeds.storm_readings import Depths, Rain, SensorTable, calm, sensor_table
from geodata.errors import BadInput, NotFound
from hazards import storm_2020 as storm

Batch = dict[str, Any]
STORM_QUANTITIES = ("depth_m", "rain_mm_h", "flow_m3s", "stage_m")
BATCH_ROWS = 10_000
BASELINE_EVERY_S = 50.0  # wall time; a sensor is silent for a minute at most
FRAME_WALL_S = 2.0
RETRY_AFTER_S = (0.5, 1.0, 2.0)
LATE_S = 5.0  # a frame later than this (or two frames) is left out, so that the storm clock stays true


@dataclass(frozen=True, slots=True)
class Frame:
    """The city at one storm moment. `batches` are the storm's sensors in column form, `baseline` all the others.

    `observed_at` in the batches is the storm's own time; `run` replaces it by the present moment.
    """

    storm_time: datetime
    label: str
    batches: list[Batch]
    baseline: Sequence[Batch] = ()


def step_for(speed: float) -> float:
    """The step in storm seconds that gives a frame about every two seconds of wall time."""
    return max(1.0, FRAME_WALL_S * speed)


def storm_frames(
    sensors: Any, storm_id: str = storm.STORM_ID, step_s: float = 120.0, rounds: int | None = 1
) -> Iterator[Frame]:
    """Frames of the drill from `DRILL_START` to `DRILL_END`, in order; published peak times are frames of their own.

    `sensors`: id, quantities, and lon/lat or geometry, as a frame or a mapping of columns. `rounds` None: for ever.
    Same input, same frames. Raises `NotFound` for an unknown storm, `BadInput` for a step that is not positive.
    """
    if storm_id != storm.STORM_ID:
        raise NotFound(f"没有演练 {storm_id!r};可用:{storm.STORM_ID}")
    if not 0 < step_s <= 3600:
        raise BadInput(f"演练步长 {step_s} 秒应在 0 到 3600 之间")
    return _frames(_Readings(sensor_table(sensors)), _moments(step_s), rounds)


def _frames(readings: "_Readings", moments: list[datetime], rounds: int | None) -> Iterator[Frame]:
    done = 0
    while rounds is None or done < rounds:
        for moment in moments:
            yield Frame(moment, label_of(moment), readings.storm_batches(moment), readings.baseline(moment))
        done += 1


def label_of(moment: datetime) -> str:
    """What the header shows while the drill runs."""
    return f"演练 · 2020-08-14 暴雨 · 风暴时钟 {moment:%m-%d %H:%M} · {storm.LABEL}"


def _moments(step_s: float) -> list[datetime]:
    length = (storm.DRILL_END - storm.DRILL_START).total_seconds()
    grid = {storm.DRILL_START + timedelta(seconds=step * step_s) for step in range(int(length // step_s) + 1)}
    return sorted(grid | {peak.at for peak in storm.PEAKS if peak.measured})


class _Readings:
    """Values of all sensors at a moment, as batches."""

    def __init__(self, table: SensorTable) -> None:
        self.ids = {
            quantity: [table.ids[row] for row in table.with_quantity(quantity)]
            for quantity in sorted({held for row in table.quantities for held in row})
        }
        gauges = table.with_quantity("rain_mm_h")
        self.depths = Depths(self.ids.get("depth_m", []), storm.DRILL_START)
        self.rain = Rain(table.lon[gauges], table.lat[gauges])
        known = {peak.station for peak in storm.PEAKS}
        for quantity in ("flow_m3s", "stage_m"):
            self.ids[quantity] = [one for one in self.ids.get(quantity, []) if one in known]

    def storm_batches(self, moment: datetime) -> list[Batch]:
        """Depth, rain, flow and stage; a quantity without sensors is left out."""
        seconds = (moment - storm.DRILL_START).total_seconds()
        values = {
            "depth_m": self.depths.at(seconds).tolist(),
            "rain_mm_h": self.rain.at(moment).tolist(),
            "flow_m3s": [round(storm.flow_m3s(one, moment), 1) for one in self.ids["flow_m3s"]],
            "stage_m": [round(storm.stage_m(one, moment), 2) for one in self.ids["stage_m"]],
        }
        return [
            batch for name in STORM_QUANTITIES for batch in _batches(name, moment, self.ids.get(name, []), values[name])
        ]

    def baseline(self, moment: datetime) -> Sequence[Batch]:
        """Everything the storm does not touch, made when it is read."""
        return _Baseline(self.ids, moment)


class _Baseline(Sequence[Batch]):
    """The background batches of a moment; not computed for the many frames whose baseline nobody sends."""

    def __init__(self, ids: Mapping[str, list[str]], moment: datetime) -> None:
        self._ids, self._moment = ids, moment
        self._parts = [
            (quantity, first)
            for quantity, held in ids.items()
            if quantity not in STORM_QUANTITIES
            for first in range(0, len(held), BATCH_ROWS)
        ]

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        quantity, first = self._parts[index]
        held = self._ids[quantity]
        seconds = (self._moment - storm.DRILL_START).total_seconds()
        values = calm(quantity, len(held), seconds)[first : first + BATCH_ROWS].tolist()
        return _batch(quantity, self._moment, held[first : first + BATCH_ROWS], values)


def _batch(quantity: str, moment: datetime, sensors: list[str], values: list[float]) -> Batch:
    return {
        "quantity": quantity,
        "observed_at": moment.isoformat(),
        "sensor": sensors,
        "value": values,
        "exercise": storm.STORM_ID,
    }


def _batches(quantity: str, moment: datetime, sensors: list[str], values: list[float]) -> list[Batch]:
    return [
        _batch(quantity, moment, sensors[first : first + BATCH_ROWS], values[first : first + BATCH_ROWS])
        for first in range(0, len(sensors), BATCH_ROWS)
    ]


class _Sender:
    """Posts batches at the present moment; a failure is retried a few times, said once, and its end said once."""

    def __init__(
        self,
        post: Callable[[Batch], None],
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        say: Callable[[str], None],
    ) -> None:
        self._post, self._clock, self._sleep, self._say = post, clock, sleep, say
        self.down = False

    def send(self, batches: Sequence[Batch]) -> bool:
        """Whether all were taken. While the intake is down each call tries only once and gives up at once."""
        return all(self._send_one(batch) for batch in batches)

    def _send_one(self, batch: Batch) -> bool:
        for wait_s in (*(() if self.down else RETRY_AFTER_S), None):
            try:
                self._post({**batch, "observed_at": self._clock().isoformat()})
            except Exception as error:
                if wait_s is not None:
                    self._sleep(wait_s)
                    continue
                if not self.down:
                    self._say(f"演练读数发送失败:{error};演练继续,恢复后会说明")
                self.down = True
                return False
            if self.down:
                self._say("演练读数发送已恢复")
            self.down = False
            return True
        return False


def run(
    post: Callable[[Batch], None],
    frames: Iterator[Frame],
    speed: float,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    say: Callable[[str], None],
    *,
    on_frame: Callable[[Frame], None] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Replay `frames` at `speed` storm seconds a second until they end; the first one goes out at once.

    `clock` gives the aware present moment that becomes `observed_at`; `monotonic` paces. `on_frame` sees every frame
    that is sent (for the label). The background of all other sensors goes with the first frame and again before a
    minute has passed, and after a failure as soon as the intake takes readings again.
    """
    if not 0 < speed < float("inf"):
        raise BadInput(f"演练倍速 {speed} 应为正数")
    sender, due, before, baseline_at = _Sender(post, clock, sleep, say), monotonic(), None, None
    for frame in frames:
        if before is not None:
            gap_s = (frame.storm_time - before).total_seconds() / speed
            due += gap_s if gap_s > 0 else FRAME_WALL_S
            if monotonic() - due > max(LATE_S, 2 * gap_s):
                before = frame.storm_time
                continue
            sleep(max(0.0, due - monotonic()))
        before = frame.storm_time
        if on_frame is not None:
            on_frame(frame)
        sent = sender.send(frame.batches)
        if (
            sent
            and (baseline_at is None or monotonic() - baseline_at >= BASELINE_EVERY_S)
            and sender.send(frame.baseline)
        ):
            baseline_at = monotonic()
    say("演练结束")
