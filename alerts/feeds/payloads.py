"""Device payloads as readings: a bare number, a JSON document with paths, or our own observations JSON."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alerts.feeds.model import Parsed, Row
from alerts.times import parse_ms
from geodata.errors import BadInput

_NUMBER = re.compile(r"\s*[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?\s*")
ROWS_MAX = 20_000  # of one message


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the figures stand in a JSON payload. `values`: quantity → path; `time` "": the message names no time.

    A path is keys and list places joined by dots, "" the document itself. `time_unit`: iso, s or ms; `offset` stands
    for the zone of ISO times that name none.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    sensor: str = ""
    time: str = ""
    time_unit: str = "iso"
    offset: str = ""
    factor: float = 1.0


def number_of(payload: bytes) -> float | None:
    """A bare decimal number, None when it is none."""
    try:
        text = payload.decode("ascii")
    except UnicodeDecodeError:
        return None
    return float(text) if len(text) <= 80 and _NUMBER.fullmatch(text) else None


def document(payload: bytes) -> Any:
    """JSON; raises `BadInput` when it is none (broken, too deep, not UTF-8)."""
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as problem:
        raise BadInput(f"不是合法的 JSON:{str(problem)[:120]}") from None


def at_path(found: Any, path: str) -> Any:
    """The value at a path; raises `BadInput` naming the path when it is not there."""
    for step in path.split(".") if path else ():
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            raise BadInput(f"报文里没有 {path}")
    return found


def as_value(value: Any, factor: float) -> Any:
    """A number written as text is a number; anything else is left for the check, which says what is wrong with it."""
    if isinstance(value, str) and len(value) <= 80 and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or factor == 1.0:
        return value
    try:
        return round(float(value) * factor, 12)
    except OverflowError:
        return math.inf


def as_moment(value: Any, paths: Paths) -> Any:
    """The payload's time as `check_observations` takes it; what cannot be a time is left for the check to refuse."""
    if paths.time_unit in ("s", "ms") and not isinstance(value, bool):
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, int | float) and math.isfinite(value) and abs(value) < 1e14:
            return round(value * (1000 if paths.time_unit == "s" else 1))
        return value
    if isinstance(value, str) and paths.offset:
        try:
            if len(value) <= 40 and datetime.fromisoformat(value).tzinfo is None:
                return value + paths.offset
        except ValueError:
            return value
    return value


def json_rows(found: Any, sensor: str, paths: Paths, arrival_ms: int) -> Parsed:
    """The rows that `paths` finds in one JSON document; `sensor` is the topic's, or the payload's by `paths.sensor`."""
    name = at_path(found, paths.sensor) if paths.sensor else sensor
    moment = as_moment(at_path(found, paths.time), paths) if paths.time else arrival_ms
    rows: list[Row] = []
    for quantity, path in paths.values.items():
        value = as_value(at_path(found, path), paths.factor)
        rows.append({"sensor": name, "quantity": quantity, "value": value, "observed_at": moment})
    return Parsed(tuple(rows), timeless=not paths.time)


def observation_rows(found: Any, rows_max: int = ROWS_MAX) -> Parsed:
    """Our own observations JSON, by rows or by columns, as rows."""
    if not isinstance(found, dict):
        raise BadInput("应为 JSON 对象:按行 {observations:[…]} 或按列 {quantity, observed_at, sensor, value}")
    exercise = found.get("exercise", "")
    if not isinstance(exercise, str) or len(exercise) > 64:
        raise BadInput("exercise(演练名称)必须是不超过 64 个字符的文本")
    rows = found["observations"] if "observations" in found else _from_columns(found)
    if not isinstance(rows, list):
        raise BadInput("observations 必须是数组")
    if len(rows) > rows_max:
        raise BadInput(f"一次最多 {rows_max} 条读数,收到 {len(rows)} 条")
    return Parsed(tuple(rows), exercise=exercise.strip())


def _from_columns(found: Mapping[str, Any]) -> list[Row]:
    missing = [key for key in ("quantity", "observed_at", "sensor", "value") if key not in found]
    if missing:
        raise BadInput(f"缺少 {'、'.join(missing)}")
    sensors, values, moments = found["sensor"], found["value"], found["observed_at"]
    if not isinstance(sensors, list) or not isinstance(values, list) or len(sensors) != len(values):
        raise BadInput("sensor 与 value 必须是等长的数组")
    if not isinstance(moments, list):
        moments = [moments] * len(sensors)
    if len(moments) != len(sensors):
        raise BadInput("observed_at 与 sensor 长度不等")
    columns: Sequence[tuple[Any, Any, Any]] = list(zip(sensors, values, moments, strict=True))
    quantity = found["quantity"]
    return [{"sensor": one, "quantity": quantity, "value": value, "observed_at": at} for one, value, at in columns]


def newest_ms(rows: Sequence[Any]) -> int:
    """The newest observed time among rows that name one that can be read, else 0."""
    moments = (parse_ms(row.get("observed_at")) for row in rows if isinstance(row, dict))
    return max((ms for ms, reason in moments if not reason), default=0)
