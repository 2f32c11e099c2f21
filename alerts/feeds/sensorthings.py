"""OGC SensorThings 1.1: Observations, and the data arrays of its extension, as readings.

A Datastream's id is `sensor/quantity` unless the feeds file maps it to another. The standard is OGC 18-088.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from alerts.feeds.model import Feed, Row
from geodata.errors import BadInput

Datastreams = Mapping[str, tuple[str, str]]
COMPONENTS = (
    "phenomenonTime",
    "resultTime",
    "result",
    "FeatureOfInterest/id",
    "resultQuality",
    "validTime",
    "parameters",
)
ROWS_MAX = 20_000


def datastream_name(given: str) -> str:
    """An id as it stands in a path or topic, without OData's quotes around text."""
    if len(given) >= 2 and given.startswith("'") and given.endswith("'"):
        return given[1:-1].replace("''", "'")
    return given


def target_of(name: str, datastreams: Datastreams) -> tuple[str, str]:
    """(sensor, quantity) of a Datastream; `BadInput` when the id names neither."""
    known = datastreams.get(name)
    if known is not None:
        return known
    sensor, slash, quantity = name.rpartition("/")
    if not slash or not sensor or not quantity:
        raise BadInput(f"未知的 Datastream {name[:100]!r};编号是 传感器编号/观测量,或在接入文件的 datastreams 里对照")
    return sensor, quantity


def moment_of(found: Mapping[str, Any], arrival_ms: int) -> tuple[Any, bool]:
    """(phenomenonTime, whether there was none). Of an interval its end counts; without one the time of arrival."""
    given = found.get("phenomenonTime")
    if given is None:
        return arrival_ms, True
    if isinstance(given, str) and "/" in given:
        given = given.rpartition("/")[2]
    return given, False


def observation_row(found: Any, datastream: str, datastreams: Datastreams, arrival_ms: int) -> tuple[Row, bool]:
    """One Observation as a row, and whether it named no time. `datastream` "": the body names it."""
    if not isinstance(found, dict):
        raise BadInput("Observation 应为 JSON 对象")
    if "result" not in found:
        raise BadInput("Observation 缺少 result")
    name = datastream or _linked(found)
    sensor, quantity = target_of(name, datastreams)
    moment, timeless = moment_of(found, arrival_ms)
    return {"sensor": sensor, "quantity": quantity, "value": found["result"], "observed_at": moment}, timeless


def _linked(found: Mapping[str, Any]) -> str:
    linked = found.get("Datastream")
    name = linked.get("@iot.id") if isinstance(linked, dict) else None
    if isinstance(name, int) and not isinstance(name, bool):
        return str(name)
    if not isinstance(name, str) or not name:
        raise BadInput('缺少 Datastream:写成 {"Datastream": {"@iot.id": "传感器编号/观测量"}}')
    return name


def array_rows(found: Any, datastreams: Datastreams, arrival_ms: int) -> list[Row | str]:
    """The rows of a CreateObservations request in order; a text in place of a row says why it cannot be one.

    Raises `BadInput` when the whole cannot be read.
    """
    if not isinstance(found, list) or not found:
        raise BadInput("CreateObservations 应为 JSON 数组,每项有 Datastream、components、dataArray")
    out: list[Row | str] = []
    for place, group in enumerate(found):
        if not isinstance(group, dict) or not isinstance(group.get("dataArray"), list):
            raise BadInput(f"第 {place + 1} 组缺少 dataArray")
        components = _components(group, place)
        try:
            target: tuple[str, str] | str = target_of(_linked(group), datastreams)
        except BadInput as problem:
            target = str(problem)
        if len(out) + len(group["dataArray"]) > ROWS_MAX:
            raise BadInput(f"一次最多 {ROWS_MAX} 条读数;请分批发送")
        out += [_array_row(row, components, target, arrival_ms) for row in group["dataArray"]]
    return out


def _components(group: Mapping[str, Any], place: int) -> Sequence[str]:
    components = group.get("components")
    if not isinstance(components, list) or "result" not in components:
        raise BadInput(f"第 {place + 1} 组的 components 必须是含有 result 的数组")
    for name in components:
        if name not in COMPONENTS:
            raise BadInput(
                f"第 {place + 1} 组的 components 里有不认识的 {str(name)[:40]!r};可用:{'、'.join(COMPONENTS)}"
            )
    return components


def _array_row(row: Any, components: Sequence[str], target: tuple[str, str] | str, arrival_ms: int) -> Row | str:
    if isinstance(target, str):
        return target
    if not isinstance(row, list) or len(row) != len(components):
        return f"每行应有 {len(components)} 个值"
    found = dict(zip(components, row, strict=True))
    moment, _ = moment_of(found, arrival_ms)
    return {"sensor": target[0], "quantity": target[1], "value": found["result"], "observed_at": moment}


SENSORTHINGS = Feed(
    kind="sensorthings",
    title="OGC SensorThings 1.1",
    transport="http",
    carries="readings",
    how="POST /api/v1/sensorthings/v1.1/Observations,用接入账号的令牌;走 MQTT 时见 mqtt 的 payload: sensorthings",
)
