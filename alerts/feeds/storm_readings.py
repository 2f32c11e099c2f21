"""What every sensor of the city reads at a moment of the drill storm: depths, rain, rivers, and a calm background."""

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from geodata.clock import SHANGHAI
from hazards import storm_2020 as storm
from hazards.waterlogging import CLOSE_DEPTH_M, SLOW_DEPTH_M

Floats = npt.NDArray[np.float64]
SLOWED, CLOSED, DEMO_CLOSED = 40, 15, 3  # schematic: of 120 underpasses, this many pass 0.20 m, 0.27 m
LAST_PEAK = datetime(2020, 8, 14, 20, 30, tzinfo=SHANGHAI)
FIRST_RISE_S = 1500.0  # the first underpass is closed within 15 minutes of storm time
LINYI_LAT = 35.03  # "above 临沂": gauges north of the station
CENTRE = (118.15, 35.65)  # schematic centre of the storm
CALM = {  # quantity → (usual value, spread between sensors): a background that raises nothing
    "level_m": (0.35, 0.12),
    "temperature_c": (24.0, 1.2),
    "gas_lel_pct": (1.0, 0.4),
    "tilt_deg": (1.0, 0.4),
}


@dataclass(frozen=True, slots=True)
class SensorTable:
    """Sensors as columns of equal length, sorted by id."""

    ids: list[str]
    quantities: list[tuple[str, ...]]
    lon: Floats
    lat: Floats

    def with_quantity(self, quantity: str) -> npt.NDArray[np.int64]:
        """Rows of the sensors that measure it."""
        return np.flatnonzero([quantity in held for held in self.quantities])


def sensor_table(sensors: Any) -> SensorTable:
    """From anything with columns id and quantities, and lon and lat or a point `geometry` (frame or mapping)."""
    ids = [str(value) for value in sensors["id"]]
    order = sorted(range(len(ids)), key=ids.__getitem__)
    held = [tuple(part.strip() for part in str(text).split(",") if part.strip()) for text in sensors["quantities"]]
    lon, lat = (sensors["lon"], sensors["lat"]) if "lon" in sensors else (sensors["geometry"].x, sensors["geometry"].y)
    lons, lats = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    return SensorTable([ids[row] for row in order], [held[row] for row in order], lons[order], lats[order])


def _generator(purpose: str) -> np.random.Generator:
    return np.random.default_rng([20200814, zlib.crc32(purpose.encode())])


class Depths:
    """Schematic depth at every waterlogging gauge: a rise to a peak, a while there, and a slow fall."""

    def __init__(self, ids: list[str], start: datetime) -> None:
        rng, count = _generator("depths"), len(ids)
        self.peak_m = rng.uniform(0.02, 0.13, count)
        self.rise_s, self.hold_s, self.fall_s = (
            rng.uniform(*span, count) for span in ((2e3, 4e3), (1e3, 3e3), (5e3, 9e3))
        )
        last = (LAST_PEAK - start).total_seconds()
        self.top_s = rng.uniform(self.rise_s, max(last, 1.0) + self.rise_s)
        wet, closed = flooded(ids)
        self.peak_m[wet] = rng.uniform(SLOW_DEPTH_M + 0.01, CLOSE_DEPTH_M - 0.01, len(wet))
        self.peak_m[closed] = rng.uniform(CLOSE_DEPTH_M + 0.03, 0.70, len(closed))
        self.top_s[wet] = rng.permutation(np.linspace(0.06, 1.0, max(len(wet), 1))[: len(wet)]) * last
        self.top_s[closed] = np.linspace(0.02, 1.0, max(len(closed), 1))[: len(closed)] * last
        if len(closed):
            first = closed[0]
            self.peak_m[first], self.rise_s[first], self.top_s[first] = 0.62, FIRST_RISE_S, FIRST_RISE_S

    def at(self, seconds: float) -> Floats:
        """(gauges,) metres, `seconds` after the start."""
        rising = np.clip(1 - (self.top_s - seconds) / self.rise_s, 0.0, 1.0)
        falling = np.clip(1 - (seconds - self.top_s - self.hold_s) / self.fall_s, 0.0, 1.0)
        share = np.minimum(rising, falling)
        return np.asarray(np.round(self.peak_m * share * share * (3 - 2 * share), 3))


def flooded(ids: list[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of the gauges that pass 0.20 m only, and of those that pass 0.27 m, among underpasses (`-up-` in the id).

    `ids` are sorted; the first underpasses are among the closed ones, the very first foremost. Without any
    underpass all gauges take part. With fewer than 120 candidates the numbers shrink in proportion.
    """
    rows = np.flatnonzero(["-up-" in one for one in ids])
    rows = rows if len(rows) else np.arange(len(ids))
    slowed, closed = (min(round(most * len(rows) / 120), most) for most in (SLOWED, CLOSED))
    shuffled = np.concatenate((rows[:DEMO_CLOSED], _generator("flooded").permutation(rows[DEMO_CLOSED:])))
    return shuffled[closed:slowed].astype(np.int64), shuffled[:closed].astype(np.int64)


class Rain:
    """Rain at every gauge: the areal curve times a smooth factor; the gauge nearest the centre is the wettest point."""

    def __init__(self, lon: Floats, lat: Floats) -> None:
        away = np.hypot((lon - CENTRE[0]) * 0.8, lat - CENTRE[1])
        self.factor = 0.35 + 1.5 * np.exp(-((away / 0.38) ** 2))
        self.wettest = int(away.argmin()) if len(away) else -1
        self.late = [timedelta(hours=round(2 * (x - 117.4))) for x in lon]  # the storm comes from the west
        above = lat > LINYI_LAT
        if above.sum() >= 10:
            others = above.copy()
            others[self.wettest] = False
            left = above.sum() - storm.POINT_TOTAL_MM / storm.AREAL_TOTAL_MM
            self.factor[others] *= left / self.factor[others].sum()

    def at(self, moment: datetime) -> Floats:
        """(gauges,) mm/h."""
        values = np.array([storm.areal_rain_mm_h(moment - late) for late in self.late]) * self.factor
        if self.wettest >= 0:
            values[self.wettest] = storm.max_point_rain_mm_h(moment)
        return np.asarray(np.round(values, 2))


def calm(quantity: str, count: int, seconds: float) -> Floats:
    """(count,) background values of a quantity: steady per sensor, breathing slowly together."""
    usual, spread = CALM.get(quantity, (0.0, 0.0))
    own = _generator(quantity).uniform(-1.0, 1.0, count)
    return np.asarray(np.round(usual + spread * own * (1 + 0.1 * np.sin(seconds / 7200)), 3))
