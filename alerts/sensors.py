"""A sensor as the rules see it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SensorInfo:
    """`no` is the registry's number. `quantities` empty: it may report any. `lon`, `lat` are WGS-84 degrees."""

    no: int
    id: str
    name: str
    kind: str
    lon: float | None = None
    lat: float | None = None
    county: str = ""
    asset_kind: str = ""
    quantities: tuple[str, ...] = ()
    asset_id: str = ""


Sensors = Mapping[int, SensorInfo]
