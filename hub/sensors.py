"""Sensors as the rules see them: the map's sensor layer joined with the registry's numbers."""

from alerts.ports import SensorRegistry
from alerts.sensors import SensorInfo
from geodata.city import City


def sensor_infos(city: City, registry: SensorRegistry) -> dict[int, SensorInfo]:
    """Registry number → sensor. Sensors without a number are registered first; without the layer there are none."""
    if "sensors" not in city.versions:
        return {}
    frame = city.frame("sensors")
    registry.register(frame["id"].tolist())
    numbers = registry.numbers()
    kinds: dict[str, str] = {}
    if "waterlogging_points" in city.versions:
        points = city.frame("waterlogging_points")
        kinds = dict(zip(points["id"], points["kind"], strict=True))
    columns = zip(
        frame["id"], frame["name"], frame["kind"], frame["quantities"], frame["county_code"].fillna(""),
        frame["asset_id"].fillna(""), frame.geometry.x, frame.geometry.y, strict=True,
    )  # fmt: skip
    return {
        numbers[sensor]: SensorInfo(
            numbers[sensor], sensor, name, kind, float(lon), float(lat), county, kinds.get(asset, ""),
            tuple(word.strip() for word in quantities.split(",")), asset,
        )
        for sensor, name, kind, quantities, county, asset, lon, lat in columns
    }  # fmt: skip


def county_codes(city: City) -> dict[str, str]:
    """Name of each county → its code; none without the layer."""
    if "counties" not in city.versions:
        return {}
    frame = city.frame("counties")
    return dict(zip(frame["name"], frame["id"], strict=True))
