"""Checking readings, a whole payload at once: what is good becomes batches, what is not becomes named rejects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from alerts.ports import ReadingBatch, Reject
from alerts.quantities import QuantitySpec
from alerts.times import BAD_MS, parse_column, parse_ms
from geodata.clock import epoch_ms
from geodata.errors import BadInput, TooLarge

MAX_ROWS = 200_000
FUTURE_MS = 60_000
OLDEST_MS = 24 * 3_600_000
SOURCE = "observations"
Registry = Mapping[str, int]
Quantities = Mapping[str, QuantitySpec]


@dataclass(frozen=True, slots=True)
class Checked:
    """`accepted` counts rows, repeated ones included; `rejects` are in row order."""

    batches: list[ReadingBatch]
    rejects: list[Reject]
    accepted: int


@dataclass(frozen=True, slots=True)
class _Columns:
    """Rows of one quantity; `index` are their places in the payload."""

    quantity: str
    index: Sequence[int]
    sensor: Sequence[object]
    value: Sequence[object]
    observed_at: Sequence[object] | str | int


def check_observations(payload: object, registry: Registry, quantities: Quantities, now: datetime) -> Checked:
    """Accept or reject every row of a rows or columns payload.

    Raises `BadInput` only when the payload as a whole cannot be read (not an object, columns of unequal length).
    """
    if not isinstance(payload, dict):
        raise BadInput("请求体必须是 JSON 对象:按行 {observations:[…]} 或按列 {quantity, observed_at, sensor, value}")
    exercise = _exercise(payload)
    rejects: list[Reject] = []
    by_rows = "observations" in payload
    groups = _rows(payload["observations"], now, rejects) if by_rows else [_columns(payload)]
    batches, accepted = [], 0
    for group in groups:
        batch, count = _check(group, registry, quantities, now, exercise, rejects)
        accepted += count
        if batch is not None:
            batches.append(batch)
    rejects.sort(key=lambda reject: reject.index)
    return Checked(batches, rejects, accepted)


def _exercise(payload: Mapping[str, Any]) -> str:
    name = payload.get("exercise", "")
    if name is None:
        return ""
    if not isinstance(name, str) or len(name) > 64 or not name.isprintable():
        raise BadInput("exercise(演练名称)必须是不超过 64 个字符的文本")
    return name.strip()


def _limit(count: int) -> None:
    if count > MAX_ROWS:
        raise TooLarge(f"一次最多 {MAX_ROWS} 条读数,收到 {count} 条;请分批发送")


def _columns(payload: Mapping[str, Any]) -> _Columns:
    missing = [key for key in ("quantity", "observed_at", "sensor", "value") if key not in payload]
    if missing:
        raise BadInput(f"缺少 {'、'.join(missing)};按列提交需要 quantity、observed_at、sensor、value")
    sensor, value, moments = payload["sensor"], payload["value"], payload["observed_at"]
    if not isinstance(sensor, list) or not isinstance(value, list):
        raise BadInput("sensor 与 value 必须是数组")
    if not isinstance(payload["quantity"], str):
        raise BadInput("quantity 必须是文本")
    lengths = {len(sensor), len(value)} | ({len(moments)} if isinstance(moments, list) else set())
    if len(lengths) > 1:
        raise BadInput(f"各列长度不等:sensor {len(sensor)}、value {len(value)};整批未接收")
    _limit(len(sensor))
    if not isinstance(moments, list):
        moment_ms, reason = parse_ms(moments)
        if reason:
            raise BadInput(f"{reason};整批未接收")
        moments = moment_ms
    return _Columns(payload["quantity"], range(len(sensor)), sensor, value, moments)


def _rows(rows: object, now: datetime, rejects: list[Reject]) -> list[_Columns]:
    if not isinstance(rows, list):
        raise BadInput("observations 必须是数组")
    _limit(len(rows))
    groups: dict[str, tuple[list[int], list[object], list[object], list[object]]] = {}
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            rejects.append(_reject(index, "每条读数必须是 JSON 对象", row, now))
            continue
        quantity = row.get("quantity")
        if not isinstance(quantity, str):
            why = "缺少 quantity(观测量)" if quantity is None else "quantity 必须是文本"
            rejects.append(_reject(index, why, row, now))
            continue
        group = groups.setdefault(quantity, ([], [], [], []))
        group[0].append(index)
        group[1].append(row.get("sensor"))
        group[2].append(row.get("value"))
        group[3].append(row.get("observed_at"))
    return [_Columns(quantity, *group) for quantity, group in groups.items()]


def _check(
    rows: _Columns, registry: Registry, quantities: Quantities, now: datetime, exercise: str, rejects: list[Reject]
) -> tuple[ReadingBatch | None, int]:
    spec = quantities.get(rows.quantity)
    if spec is None:
        reason = f"未知的观测量 {rows.quantity[:64]!r};可用:{'、'.join(quantities)}"
        rejects += [_reject(index, reason, _original(rows, at), now) for at, index in enumerate(rows.index)]
        return None, 0
    reasons: dict[int, str] = {}
    now_ms = epoch_ms(now)
    numbers = _sensor_numbers(rows.sensor, registry, reasons)
    moments = _moments(rows, now_ms, reasons)
    values = _values(rows.value, spec, reasons)
    good = np.ones(len(numbers), bool)
    good[list(reasons)] = False
    rejects += [_reject(rows.index[at], why, _original(rows, at), now) for at, why in reasons.items()]
    if not good.any():
        return None, 0
    if reasons:
        numbers, values, moments = numbers[good], values[good], moments[good]
    keep = _first_of_each(numbers, moments)
    if keep is not None:
        numbers_kept, values, moments = numbers[keep], values[keep], moments[keep]
    else:
        numbers_kept = numbers
    return ReadingBatch(rows.quantity, numbers_kept.astype(np.int32), values, moments, now_ms, exercise), len(numbers)


def _sensor_numbers(sensors: Sequence[object], registry: Registry, reasons: dict[int, str]) -> npt.NDArray[np.int64]:
    try:
        numbers = np.fromiter(map(registry.get, sensors, repeat(-1)), np.int64, len(sensors))  # type: ignore[arg-type]
    except TypeError:  # something unhashable among them
        found = [registry.get(sensor, -1) if isinstance(sensor, str) else -1 for sensor in sensors]
        numbers = np.array(found, np.int64)
    for at in np.flatnonzero(numbers < 0).tolist():
        sensor = sensors[at]
        if sensor is None:
            reasons[at] = "缺少 sensor(传感器编号)"
        elif not isinstance(sensor, str):
            reasons[at] = "传感器编号必须是文本"
        else:
            reasons[at] = f"未知的传感器 {sensor[:64]!r};请先登记"
    return numbers


def _moments(rows: _Columns, now_ms: int, reasons: dict[int, str]) -> npt.NDArray[np.int64]:
    if isinstance(rows.observed_at, int):
        moments = np.full(len(rows.sensor), rows.observed_at, np.int64)
    else:
        moments, unreadable = parse_column(rows.observed_at)
        for at, why in unreadable.items():
            reasons.setdefault(at, why)
    for at in np.flatnonzero(moments > now_ms + FUTURE_MS).tolist():
        reasons.setdefault(at, "观测时间在未来(超过 60 秒);请检查设备时钟")
    for at in np.flatnonzero((moments < now_ms - OLDEST_MS) & (moments != BAD_MS)).tolist():
        reasons.setdefault(at, "时间早于 24 小时;本接口只收实时数据,历史数据没有保存")
    return moments


def _values(values: Sequence[object], spec: QuantitySpec, reasons: dict[int, str]) -> npt.NDArray[np.float64]:
    """float64 (n,); −0 becomes 0. What is no finite number in the range gets a reason."""
    out: npt.NDArray[np.float64] | None = None
    if set(map(type, values)) <= {float, int}:
        try:
            out = np.array(values, np.float64)
        except OverflowError:  # an integer beyond float64
            out = None
    if out is None:
        out = np.array([_number(value, at, reasons) for at, value in enumerate(values)], np.float64)
    out += 0.0  # −0 + 0 is 0
    wrong = ~((out >= spec.min) & (out <= spec.max))
    for at in np.flatnonzero(wrong).tolist():
        number = out[at]
        finite = f"超出可信范围 {spec.min:g}…{spec.max:g} {spec.unit}:{number:g}"
        reasons.setdefault(at, finite if np.isfinite(number) else "value 不是有限的数(NaN 或无穷大)")
    return out


def _number(value: object, at: int, reasons: dict[int, str]) -> float:
    if value is None:
        reasons.setdefault(at, "缺少 value(读数)")
    elif isinstance(value, bool) or not isinstance(value, int | float):
        reasons.setdefault(at, "value 必须是数字")
    else:
        try:
            return float(value)
        except OverflowError:
            reasons.setdefault(at, "value 超出可信范围(整数过大)")
    return float("nan")


def _first_of_each(numbers: npt.NDArray[np.int64], moments: npt.NDArray[np.int64]) -> npt.NDArray[np.intp] | None:
    """Rows that are the first of their (sensor, moment), in payload order; None when nothing repeats."""
    key = numbers * (1 << 28) + (moments - moments.min())  # moments span less than 2^28 ms (74 h)
    ordered = np.sort(key)
    if not (ordered[1:] == ordered[:-1]).any():
        return None
    return np.sort(np.unique(key, return_index=True)[1])


def _original(rows: _Columns, at: int) -> dict[str, object]:
    moments = rows.observed_at
    moment = moments if isinstance(moments, str | int) else moments[at]
    return {"sensor": rows.sensor[at], "quantity": rows.quantity, "value": rows.value[at], "observed_at": moment}


def _reject(index: int, reason: str, original: object, now: datetime) -> Reject:
    try:
        text = orjson.dumps(original, default=str).decode()
    except (TypeError, ValueError):  # an integer beyond 64 bits, a broken surrogate
        text = repr(original)[:4_000].encode("utf-8", "backslashreplace").decode()
    return Reject(SOURCE, index, reason, text[:4_000], now)
