"""What a SensorThings client may list: built from the map's sensors, cached for as long as these stay the same."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from alerts.feeds.sensorthings import target_of
from alerts.feeds.sensorthings_entities import (
    ResourcePath,
    datastream,
    location,
    names_by_target,
    observation,
    observed_property,
    sensor_entity,
    thing,
)
from alerts.quantities import QUANTITIES
from alerts.sensors import SensorInfo
from geodata.clock import epoch_ms, from_epoch_ms
from geodata.errors import BadInput, NotFound
from hub.sensors import sensor_infos
from hub.services import Services

TOP, TOP_MAX = 100, 1_000
LOOK_BACK = timedelta(hours=24)
KNOWN = {"$top", "$skip", "$count", "$orderby"}


class Things:
    """`answer(path, query)` → the entity or a page of the set."""

    def __init__(self, services: Services, root: str) -> None:
        self.services, self.root = services, root
        self._version = ""
        self._sensors: dict[str, SensorInfo] = {}
        self._streams: list[tuple[str, str]] = []

    def name_of(self, sensor: str, quantity: str) -> str:
        """The id of a Datastream: the feeds file's, else `sensor/quantity`."""
        return names_by_target(self.services.feeds.book.now().datastreams).get(
            (sensor, quantity), f"{sensor}/{quantity}"
        )

    def answer(self, path: ResourcePath, query: dict[str, str]) -> dict[str, Any]:
        self._refresh()
        for name in query:
            if name.startswith("$") and name not in KNOWN:
                raise BadInput(f"不支持 {name};可用:{'、'.join(sorted(KNOWN))}")
        if path.id is None:
            if path.then:
                raise NotFound("路径应为 集合(编号)/集合")
            return self._set(path.set, query)
        return self._one(path.set, path.id, path.then, query)

    def _refresh(self) -> None:
        version = self.services.city.versions.get("sensors", "")
        if version != self._version or not self._sensors:
            infos = sensor_infos(self.services.city, self.services.registry)
            self._sensors = {info.id: info for info in sorted(infos.values(), key=lambda one: one.id)}
            self._streams = [(info.id, name) for info in self._sensors.values() for name in info.quantities
                             if name in QUANTITIES]  # fmt: skip
            self._version = version

    def _set(self, kind: str, query: dict[str, str]) -> dict[str, Any]:
        sensors = list(self._sensors.values())
        if kind == "Things":
            return self._page(kind, sensors, lambda one: thing(self.root, one), query)
        if kind == "Locations":
            return self._page(kind, sensors, lambda one: location(self.root, one), query)
        if kind == "Sensors":
            return self._page(kind, sensors, lambda one: sensor_entity(self.root, one), query)
        if kind == "Datastreams":
            return self._page(kind, self._streams, self._datastream, query)
        if kind == "ObservedProperties":
            return self._page(kind, list(QUANTITIES), lambda one: observed_property(self.root, one), query)
        raise NotFound("请从 Datastreams(编号)/Observations 读取观测值")

    def _one(self, kind: str, name: str, then: str, query: dict[str, str]) -> dict[str, Any]:
        if kind == "Datastreams":
            return self._of_datastream(name, then, query)
        if kind == "ObservedProperties" and name in QUANTITIES and not then:
            return observed_property(self.root, name)
        if kind == "Observations" and not then:
            return self._observation(name)
        sensor = self._sensors.get(name)
        if sensor is None or kind not in ("Things", "Locations", "Sensors"):
            raise NotFound(f"没有 {kind}({name[:100]!r})")
        if kind == "Things" and then == "Datastreams":
            streams = [(name, one) for one in sensor.quantities if one in QUANTITIES]
            return self._page(f"Things('{name}')/Datastreams", streams, self._datastream, query)
        if then in ("Locations", "Things") and then != kind:
            made = location if then == "Locations" else thing
            return {"value": [made(self.root, sensor)]}
        if then:
            raise NotFound(f"{kind} 没有 {then}")
        return {"Things": thing, "Locations": location, "Sensors": sensor_entity}[kind](self.root, sensor)

    def _target(self, name: str) -> tuple[SensorInfo, str]:
        try:
            sensor, quantity = target_of(name, self.services.feeds.book.now().datastreams)
        except BadInput as problem:
            raise NotFound(str(problem)) from None
        info = self._sensors.get(sensor)
        if info is None or quantity not in QUANTITIES:
            raise NotFound(f"没有 Datastreams({name[:100]!r})")
        return info, quantity

    def _of_datastream(self, name: str, then: str, query: dict[str, str]) -> dict[str, Any]:
        info, quantity = self._target(name)
        if then == "Observations":
            return self._observations(name, info, quantity, query)
        singles: dict[str, Callable[[], dict[str, Any]]] = {
            "": lambda: self._datastream((info.id, quantity)),
            "Thing": lambda: thing(self.root, info),
            "Sensor": lambda: sensor_entity(self.root, info),
            "ObservedProperty": lambda: observed_property(self.root, quantity),
        }
        if then not in singles:
            raise NotFound(f"Datastreams 没有 {then}")
        return singles[then]()

    def _datastream(self, stream: tuple[str, str]) -> dict[str, Any]:
        sensor, quantity = stream
        return datastream(self.root, self.name_of(sensor, quantity), self._sensors[sensor], quantity)

    def _observations(self, name: str, info: SensorInfo, quantity: str, query: dict[str, str]) -> dict[str, Any]:
        """The last 24 hours, newest first unless `$orderby=phenomenonTime asc`."""
        now = self.services.clock()
        found = self.services.readings.series(info.no, quantity, now - LOOK_BACK, now + timedelta(minutes=1))
        if not query.get("$orderby", "").endswith(" asc"):
            found = found[::-1]
        made = lambda one: observation(self.root, name, one[0], one[1], epoch_ms(one[0]))  # noqa: E731
        return self._page(f"Datastreams('{name}')/Observations", found, made, query)

    def _observation(self, name: str) -> dict[str, Any]:
        stream, _, moment = name.rpartition("/")
        if not moment.isdigit() or len(moment) > 15:
            raise NotFound(f"没有 Observations({name[:100]!r})")
        info, quantity = self._target(stream)
        at = from_epoch_ms(int(moment))
        found = self.services.readings.series(info.no, quantity, at, at)
        if not found:
            raise NotFound(f"没有 Observations({name[:100]!r});刚接收的要等引擎存下(通常不到一秒)")
        return observation(self.root, stream, found[0][0], found[0][1], int(moment))

    def _page(
        self, path: str, rows: Sequence[Any], made: Callable[[Any], dict[str, Any]], query: dict[str, str]
    ) -> dict[str, Any]:
        top, skip = _whole(query, "$top", TOP, TOP_MAX), _whole(query, "$skip", 0, 10**9)
        answer: dict[str, Any] = {"value": [made(one) for one in rows[skip : skip + top]]}
        if query.get("$count") == "true":
            answer["@iot.count"] = len(rows)
        if skip + top < len(rows):
            answer["@iot.nextLink"] = f"{self.root}/{path}?$top={top}&$skip={skip + top}"
        return answer


def _whole(query: dict[str, str], name: str, default: int, most: int) -> int:
    given = query.get(name, str(default))
    if not given.isascii() or not given.isdigit() or len(given) > 12:
        raise BadInput(f"{name} 应为不小于 0 的整数")
    return min(int(given), most)
