"""SensorThings entities of what we have: a sensor is a Thing, what it measures are its Datastreams. OGC 18-088."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from alerts.quantities import QUANTITIES
from alerts.sensors import SensorInfo
from geodata.errors import NotFound

SETS = ("Things", "Locations", "Datastreams", "Sensors", "ObservedProperties", "Observations")
CONFORMANCE = (
    "http://www.opengis.net/spec/iot_sensing/1.1/req/datamodel",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/resource-path/resource-path-to-entities",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/data-array/data-array",
)
_MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
_PATH = re.compile(r"(?P<set>[A-Z][A-Za-z]+)(\((?P<id>'.*'|\d+)\))?(/(?P<then>[A-Z][A-Za-z]+))?/?")


@dataclass(frozen=True, slots=True)
class ResourcePath:
    """`Set`, `Set(id)` or `Set(id)/Then`; `id` None for the whole set."""

    set: str
    id: str | None
    then: str


def resource_path(path: str) -> ResourcePath:
    """Read a path below the service root; `NotFound` names what can be asked."""
    found = _PATH.fullmatch(path)
    if found is None or found["set"] not in (*SETS, "CreateObservations"):
        raise NotFound(f"没有 {path[:100]!r};可用:{'、'.join(SETS)}")
    given = found["id"]
    if given is not None and given.startswith("'"):
        given = given[1:-1].replace("''", "'")
    return ResourcePath(found["set"], given, found["then"] or "")


def link(root: str, kind: str, name: str) -> str:
    """The address of one entity."""
    quoted = quote(name.replace("'", "''"), safe="")
    return f"{root}/{kind}('{quoted}')"


def service_root(root: str) -> dict[str, Any]:
    """The sets there are, and which conformance classes are met."""
    settings = {"conformance": list(CONFORMANCE)}
    return {"value": [{"name": one, "url": f"{root}/{one}"} for one in SETS], "serverSettings": settings}


def thing(root: str, sensor: SensorInfo) -> dict[str, Any]:
    at = link(root, "Things", sensor.id)
    return {
        "@iot.id": sensor.id, "@iot.selfLink": at, "name": sensor.name or sensor.id, "description": sensor.kind,
        "properties": {"kind": sensor.kind, "county": sensor.county, "asset": sensor.asset_id},
        "Datastreams@iot.navigationLink": f"{at}/Datastreams", "Locations@iot.navigationLink": f"{at}/Locations",
    }  # fmt: skip


def location(root: str, sensor: SensorInfo) -> dict[str, Any]:
    at = link(root, "Locations", sensor.id)
    return {
        "@iot.id": sensor.id, "@iot.selfLink": at, "name": sensor.name or sensor.id, "description": "WGS-84",
        "encodingType": "application/geo+json",
        "location": {"type": "Point", "coordinates": [sensor.lon, sensor.lat]},
        "Things@iot.navigationLink": f"{at}/Things",
    }  # fmt: skip


def datastream(root: str, name: str, sensor: SensorInfo, quantity: str) -> dict[str, Any]:
    spec, at = QUANTITIES[quantity], link(root, "Datastreams", name)
    return {
        "@iot.id": name, "@iot.selfLink": at, "name": f"{sensor.name or sensor.id} {spec.title or quantity}",
        "description": quantity, "observationType": _MEASUREMENT,
        "unitOfMeasurement": {"name": spec.unit, "symbol": spec.unit, "definition": None},
        "Thing@iot.navigationLink": f"{at}/Thing", "Sensor@iot.navigationLink": f"{at}/Sensor",
        "ObservedProperty@iot.navigationLink": f"{at}/ObservedProperty",
        "Observations@iot.navigationLink": f"{at}/Observations",
    }  # fmt: skip


def sensor_entity(root: str, sensor: SensorInfo) -> dict[str, Any]:
    at = link(root, "Sensors", sensor.id)
    return {
        "@iot.id": sensor.id, "@iot.selfLink": at, "name": sensor.name or sensor.id, "description": sensor.kind,
        "encodingType": "text/plain", "metadata": sensor.kind,
        "Datastreams@iot.navigationLink": f"{link(root, 'Things', sensor.id)}/Datastreams",
    }  # fmt: skip


def observed_property(root: str, quantity: str) -> dict[str, Any]:
    spec, at = QUANTITIES[quantity], link(root, "ObservedProperties", quantity)
    return {
        "@iot.id": quantity, "@iot.selfLink": at, "name": spec.title or quantity,
        "definition": f"urn:citybrain:quantity:{quantity}", "description": f"{quantity} ({spec.unit})",
    }  # fmt: skip


def observation_id(datastream_id: str, observed_ms: int) -> str:
    return f"{datastream_id}/{observed_ms}"


def observation(root: str, datastream_id: str, at: datetime, value: float, observed_ms: int) -> dict[str, Any]:
    name = observation_id(datastream_id, observed_ms)
    self_link = link(root, "Observations", name)
    return {
        "@iot.id": name, "@iot.selfLink": self_link, "phenomenonTime": at.isoformat(), "resultTime": None,
        "result": value, "Datastream@iot.navigationLink": link(root, "Datastreams", datastream_id),
    }  # fmt: skip


def names_by_target(datastreams: Mapping[str, tuple[str, str]]) -> dict[tuple[str, str], str]:
    """(sensor, quantity) → the Datastream id the feeds file gives it."""
    return {target: name for name, target in datastreams.items()}
