"""Positioned reports from outside (fire points, hazards, vehicles): checked row by row, converted to WGS-84, kept."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np

from alerts.intake import FUTURE_MS, OLDEST_MS
from alerts.ports import Reject, RejectStore
from alerts.times import parse_ms
from geodata.clock import epoch_ms, from_epoch_ms
from geodata.crs import coordinates_to_wgs84
from geodata.errors import BadInput, TooLarge

MAX_ROWS = 5_000
SOURCE = "sightings"
DATUMS = {"wgs84": "WGS-84", "gcj02": "GCJ-02", "bd09": "BD-09"}
FIELDS = ("id", "kind", "lon", "lat", "observed_at", "confidence", "datum", "note", "exercise")
_KIND = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}")


@dataclass(frozen=True, slots=True)
class Sighting:
    """One report. (source, exercise, id) is its identity; `seq` is its place in the order stored, 0 before that.
    `confidence` 0…1, None when the source does not say. `given` is the position as it came, when that was no WGS-84.
    """

    id: str
    source: str
    kind: str
    lon: float
    lat: float
    observed_at: datetime
    received_at: datetime
    confidence: float | None = None
    note: str = ""
    exercise: str = ""
    given: tuple[str, float, float] | None = None
    seq: int = 0


class Reports(Protocol):
    """What a rule reads of durable reports, in the order stored."""

    def after(self, seq: int, limit: int) -> list[Sighting]:
        """Those stored after `seq`, in order."""

    def seq_before(self, received_since: datetime) -> int:
        """The number below which nothing was received since then."""


class SightingStore(Reports, Protocol):
    """Durable reports. `seq` grows in the order in which they become visible: none appears behind a reader's back."""

    def add(self, sightings: Sequence[Sighting]) -> int:
        """Store those not known yet, each with its event, in one transaction; how many were new."""

    def since(self, since: datetime, kind: str, limit: int) -> list[Sighting]:
        """Observed since then, newest first; `kind` "" is any."""


@dataclass(frozen=True, slots=True)
class Received:
    """`accepted` counts rows, repeated ones included."""

    accepted: int
    rejects: list[Reject]


class SightingDesk:
    """What comes in and what is asked for."""

    def __init__(self, store: SightingStore, rejects: RejectStore) -> None:
        self._store, self._rejects = store, rejects

    def receive(self, source: str, payload: object, who: str, now: datetime) -> Received:  # noqa: ARG002  (audited)
        """Take a payload of `source`. What is refused is kept with its reason; `BadInput` when nothing can be read."""
        try:
            good, rejects = check_sightings(payload, source, now)
        except BadInput as error:
            self._rejects.add([_reject(0, str(error), payload, now)])
            raise
        if good:
            self._store.add(good)
        if rejects:
            self._rejects.add(rejects)
        return Received(len(good), rejects)

    def since(self, since: datetime, kind: str, limit: int) -> list[Sighting]:
        return self._store.since(since, kind, limit)


def check_sightings(payload: object, source: str, now: datetime) -> tuple[list[Sighting], list[Reject]]:
    """The usable rows and the others with their reasons, both in row order."""
    rows = payload.get("sightings") if isinstance(payload, dict) else None
    if not isinstance(rows, list):
        raise BadInput("请求体必须是 JSON 对象 {sightings:[…]}")
    if len(rows) > MAX_ROWS:
        raise TooLarge(f"一次最多 {MAX_ROWS} 条报告,收到 {len(rows)} 条;请分批发送")
    good, rejects = [], []
    for index, row in enumerate(rows):
        try:
            good.append(_check(row, source, now))
        except BadInput as error:
            rejects.append(_reject(index, str(error), row, now))
    return good, rejects


def _check(row: object, source: str, now: datetime) -> Sighting:
    if not isinstance(row, dict):
        raise BadInput("每条报告必须是 JSON 对象")
    unknown = sorted(str(name) for name in row.keys() - set(FIELDS))
    if unknown:
        raise BadInput(f"不认识 {'、'.join(unknown)[:200]};可用:{'、'.join(FIELDS)}")
    kind = _text(row, "kind", 32, required=True)
    if not _KIND.fullmatch(kind):
        raise BadInput("kind 只能用小写字母、数字、点、横线和下划线(不超过 32 个字符)")
    lon, lat, given = _place(row)
    return Sighting(
        _text(row, "id", 64, required=True), source, kind, lon, lat, _moment(row, now), now,
        _confidence(row), _text(row, "note", 1_000), _text(row, "exercise", 64), given,
    )  # fmt: skip


def _text(row: Mapping[str, Any], key: str, longest: int, required: bool = False) -> str:
    value = row.get(key)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or len(value) > longest or not (value.isprintable() or key == "note"):
        raise BadInput(f"{key} 必须是不超过 {longest} 个字符的文本" if key in row else f"缺少 {key}")
    if required and not value.strip():
        raise BadInput(f"{key} 不能为空")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadInput(f"{key} 里有残缺的字符") from None
    return value.strip().replace("\x00", "")


def _number(row: Mapping[str, Any], key: str) -> float:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(f"{key} 必须是数字" if key in row else f"缺少 {key}")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise BadInput(f"{key} 不是有限的数")
    return found


def _confidence(row: Mapping[str, Any]) -> float | None:
    if row.get("confidence") is None:
        return None
    found = _number(row, "confidence")
    if not 0 <= found <= 1:
        raise BadInput(f"confidence 应在 0…1 之间,收到 {found:g}")
    return found


def _moment(row: Mapping[str, Any], now: datetime) -> datetime:
    ms, reason = parse_ms(row.get("observed_at"))
    if reason:
        raise BadInput(reason)
    if ms > epoch_ms(now) + FUTURE_MS:
        raise BadInput("观测时间在未来(超过 60 秒);请检查设备时钟")
    if ms < epoch_ms(now) - OLDEST_MS:
        raise BadInput("时间早于 24 小时;本接口只收实时报告")
    return from_epoch_ms(ms)


def _place(row: Mapping[str, Any]) -> tuple[float, float, tuple[str, float, float] | None]:
    lon, lat = _number(row, "lon"), _number(row, "lat")
    datum = _text(row, "datum", 16) or "wgs84"
    name = DATUMS.get(datum.lower().replace("-", ""))
    if name is None:
        raise BadInput(f"datum 只能是 {'、'.join(DATUMS)}")
    if abs(lon) > 180 or abs(lat) > 90:
        raise BadInput(f"坐标 ({lon:g}, {lat:g}) 无效:经度应在 ±180、纬度应在 ±90 之间,且经度在前")
    if name == "WGS-84":
        return lon, lat, None
    found = coordinates_to_wgs84(np.array([[lon, lat]]), name)[0]
    return float(found[0]), float(found[1]), (name, lon, lat)


def _reject(index: int, reason: str, original: object, now: datetime) -> Reject:
    text = repr(original)[:4_000].encode("utf-8", "backslashreplace").decode()
    return Reject(SOURCE, index, reason, text[:4_000], now)


def sighting_to_plain(sighting: Sighting) -> dict[str, Any]:
    """As the API and the events show it."""
    plain: dict[str, Any] = {
        "seq": sighting.seq,
        "id": sighting.id,
        "source": sighting.source,
        "kind": sighting.kind,
        "lon": sighting.lon,
        "lat": sighting.lat,
        "observed_at": sighting.observed_at.isoformat(),
        "received_at": sighting.received_at.isoformat(),
        "confidence": sighting.confidence,
        "note": sighting.note,
        "exercise": sighting.exercise,
    }
    if sighting.given:
        plain["given"] = dict(zip(("datum", "lon", "lat"), sighting.given, strict=True))
    return plain
