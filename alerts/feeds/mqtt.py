"""MQTT 3.1.1 and 5: which topics are whose readings, as data, and what a message says (hub/feeds/ connects)."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from alerts.feeds.model import Feed, Parsed
from alerts.feeds.nodes import FeedNode
from alerts.feeds.payloads import Paths, as_value, document, json_rows, number_of, observation_rows
from alerts.feeds.sensorthings import datastream_name, observation_row
from alerts.quantities import QUANTITIES
from geodata.errors import BadInput

PAYLOADS = ("number", "json", "observations", "sensorthings")
PLACES = ("sensor", "quantity", "datastream")
_PLACE = re.compile(r"\{(\w+)\}")
_OFFSET = re.compile(r"[+-]\d\d:\d\d")


@dataclass(frozen=True, slots=True)
class Topic:
    """One mapping: a topic template, and how its payloads are read. `quantity` when the template has no {quantity}."""

    template: str
    payload: str
    quantity: str = ""
    sensor: str = ""
    paths: Paths = field(default_factory=Paths)

    @property
    def filter(self) -> str:
        """The MQTT topic filter that covers the template."""
        levels: list[str] = []
        for level in self.template.split("/"):
            if "{datastream}" in level:  # an id may hold slashes itself
                return "/".join([*levels, "#"])
            levels.append("+" if _PLACE.search(level) else level)
        return "/".join(levels)

    def names(self, topic: str) -> dict[str, str] | None:
        """What stands at the template's places; None when the topic is not of this template."""
        found = _pattern(self.template).fullmatch(topic)
        return None if found is None else found.groupdict()


@dataclass(frozen=True, slots=True)
class MqttSpec:
    """One broker. A secret is named, never given: the variable or the file that holds it."""

    host: str
    port: int
    topics: tuple[Topic, ...]
    protocol: str = "5"
    client_id: str = ""
    username: str = ""
    password_env: str = ""
    password_file: str = ""
    tls: bool = False
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    keepalive_s: int = 30
    session_expiry_s: int = 604_800
    receive_maximum: int = 500
    sensors: Mapping[str, str] = field(default_factory=dict)
    datastreams: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=4_096)
def _pattern(template: str) -> re.Pattern[str]:
    out, at = "", 0
    for found in _PLACE.finditer(template):
        out += re.escape(template[at : found.start()])
        out += f"(?P<{found[1]}>{'.+' if found[1] == 'datastream' else '[^/]+'})"
        at = found.end()
    return re.compile(out + re.escape(template[at:]), re.DOTALL)


def parse_message(spec: MqttSpec, topic: str, payload: bytes, arrival_ms: int) -> Parsed:
    """The readings of one message; what cannot be read says why. Total: no payload makes it raise."""
    for one in spec.topics:
        names = one.names(topic)
        if names is not None:
            try:
                return _parsed(spec, one, names, payload, arrival_ms)
            except BadInput as problem:
                return Parsed(problem=str(problem))
    return Parsed(problem=f"主题 {topic[:200]!r} 不在接入文件的对照里")


def _parsed(spec: MqttSpec, one: Topic, names: Mapping[str, str], payload: bytes, arrival_ms: int) -> Parsed:
    if one.payload == "observations":
        return observation_rows(document(payload))
    if one.payload == "sensorthings":
        given = datastream_name(names.get("datastream", ""))
        row, timeless = observation_row(document(payload), given, _table(spec), arrival_ms)
        return Parsed((row,), timeless=timeless)
    sensor = one.sensor or spec.sensors.get(names.get("sensor", ""), names.get("sensor", ""))
    quantity = names.get("quantity", one.quantity)
    if one.payload == "number":
        value = number_of(payload)
        if value is None or not math.isfinite(value):
            return Parsed(problem="报文不是一个数")
        value = as_value(value, one.paths.factor)
        return Parsed(
            ({"sensor": sensor, "quantity": quantity, "value": value, "observed_at": arrival_ms},), timeless=True
        )
    paths = one.paths
    if "" in paths.values:  # `value:` alone: the quantity is the topic's
        paths = replace(paths, values={quantity: paths.values[""]})
    parsed = json_rows(document(payload), sensor, paths, arrival_ms)
    if paths.sensor:
        for row in parsed.rows:
            if isinstance(row["sensor"], str):
                row["sensor"] = spec.sensors.get(row["sensor"], row["sensor"])
    return parsed


def _table(spec: MqttSpec) -> dict[str, tuple[str, str]]:
    parts = {name: target.rpartition("/") for name, target in spec.datastreams.items()}
    return {name: (sensor, quantity) for name, (sensor, _, quantity) in parts.items()}


def read_mqtt(node: FeedNode) -> MqttSpec:
    """The broker and its topics from the feeds file."""
    if node.has("password"):
        node.problem("password", "口令不能写在文件里:用 password_env 写环境变量名,或用 password_file 写文件路径")
    tls = node.flag("tls", False)
    host = node.text("host", required=True)
    if "://" in host or "/" in host:
        node.problem("host", "host 只写主机名或地址;端口写在 port")
    topics = tuple(_topic(one) for one in node.parts("topics"))
    if not topics:
        node.problem("topics", "缺少 topics:至少一个主题对照")
    return MqttSpec(
        host=host, port=node.whole("port", 8883 if tls else 1883, 1, 65_535), topics=topics,
        protocol=node.choice("protocol", ("5", "3.1.1"), "5"), client_id=node.text("client_id")[:100],
        username=node.text("username"), password_env=node.text("password_env"),
        password_file=node.text("password_file"),
        tls=tls, ca_file=node.text("ca_file"), cert_file=node.text("cert_file"), key_file=node.text("key_file"),
        keepalive_s=node.whole("keepalive_s", 30, 5, 3_600),
        session_expiry_s=node.whole("session_expiry_s", 604_800, 60, 4_294_967_294),
        receive_maximum=node.whole("receive_maximum", 500, 1, 65_535),
        sensors=node.table("sensors"), datastreams=node.table("datastreams"),
    )  # fmt: skip


def _topic(node: FeedNode) -> Topic:
    node.only(
        {"topic", "payload", "quantity", "sensor", "value", "values", "sensor_path", "time", "time_unit", "offset",
         "factor"}
    )  # fmt: skip
    template, payload = node.text("topic", required=True), node.choice("payload", PAYLOADS, "number")
    places = _PLACE.findall(template)
    for wrong in [place for place in places if place not in PLACES or places.count(place) > 1]:
        node.problem("topic", f"topic 里的 {{{wrong}}} 不认识或写了两次;可用:{'、'.join(PLACES)}")
    if any(mark in template for mark in "+#\0"):
        node.problem("topic", "topic 不用 + 与 #:可变的一级写成 {sensor} 或 {quantity}")
    quantity = node.text("quantity")
    if quantity and quantity not in QUANTITIES:
        node.problem("quantity", f"未知的观测量 {quantity};可用:{'、'.join(QUANTITIES)}")
    values: dict[str, str] = node.table("values")
    for name in values:
        if name not in QUANTITIES:
            node.problem("values", f"未知的观测量 {name};可用:{'、'.join(QUANTITIES)}")
    if node.has("value"):
        values[""] = node.text("value")
    _complete(node, template, payload, quantity, values)
    offset = node.text("offset")
    if offset and not _OFFSET.fullmatch(offset):
        node.problem("offset", "offset 写成 +08:00")
    paths = Paths(
        values, node.text("sensor_path"), node.text("time"), node.choice("time_unit", ("iso", "s", "ms"), "iso"),
        offset, node.number("factor", 1.0, 1e-12, 1e12),
    )  # fmt: skip
    return Topic(template, payload, quantity, node.text("sensor"), paths)


def _complete(node: FeedNode, template: str, payload: str, quantity: str, values: Mapping[str, Any]) -> None:
    """Whether sensor, quantity and value are all known."""
    if payload in ("number", "json"):
        if "{sensor}" not in template and not node.text("sensor") and not node.text("sensor_path"):
            node.problem("topic", "不知道是哪个传感器:topic 里写 {sensor},或给出 sensor")
        if "{quantity}" not in template and not quantity and not (values and "" not in values):
            node.problem("topic", "不知道是什么观测量:topic 里写 {quantity},或给出 quantity 或 values")
    if payload == "json" and not values:
        node.problem("payload", "json 报文要给出 value(一个路径)或 values(观测量: 路径)")


MQTT = Feed(
    kind="mqtt",
    title="MQTT 3.1.1 / 5",
    transport="mqtt",
    carries="readings",
    how="在接入文件里写代理地址与主题对照;设备照原来的主题发布",
    fields=(
        "host",
        "port",
        "protocol",
        "client_id",
        "username",
        "password",
        "password_env",
        "password_file",
        "tls",
        "ca_file",
        "cert_file",
        "key_file",
        "keepalive_s",
        "session_expiry_s",
        "receive_maximum",
        "sensors",
        "datastreams",
        "topics",
    ),
    read=read_mqtt,
)
