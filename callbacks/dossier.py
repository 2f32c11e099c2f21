"""Pressing the map, a search result or a camera: the dossier of what lies there."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from dash import Dash, Input, Output
from dash.development.base_component import Component

from dispatch.model import Person
from geodata.errors import CityError
from geodata.query import features_at, nearest
from hub.services import Services
from layouts import ids
from layouts.dossier import Trend, dossier, problem
from layouts.situation_data import TITLES, UNITS, Gauge, gauge, kind_of

Item = Mapping[str, Any]
ANSWERED_FOR = {"waterlogging_points", "city_components", "cameras", "forest_grid", "sensors", "warehouses"}


def register(app: Dash, services: Services) -> None:
    @app.callback(Output(ids.DOSSIER, "children"), Input(ids.SELECTION, "data"), prevent_initial_call=True)
    def show_dossier(selection: dict[str, Any] | None) -> Component | str:
        try:
            items = chosen(services, selection or {})
        except CityError as error:
            return problem(str(error))
        except (KeyError, TypeError, ValueError):
            return problem("无法识别所选的位置;请重新点击地图")
        return render(services, items) if items else ""


def chosen(services: Services, selection: Mapping[str, Any]) -> list[Item]:
    """What the selection names: one feature by layer and id, or what lies under a press."""
    if not isinstance(selection, Mapping):
        raise TypeError("a selection is an object")
    if "id" in selection:
        fields = services.city.row(str(selection["layer"]), str(selection["id"]))
        return [] if fields is None else [as_item(str(selection["layer"]), fields)]
    if "lon" not in selection:
        return []
    place = float(selection["lon"]), float(selection["lat"]), float(selection["zoom"])
    return list(features_at(services.city, *place, [str(name) for name in selection["layers"]][:12]))


def as_item(layer: str, fields: Item) -> Item:
    """A row of the city as a search or a press would hand it over."""
    kept = {key: fields[key] for key in ("id", "lon", "lat")}
    return {"layer": layer, "name": fields.get("name") or "", "distance_m": 0.0, "fields": fields, **kept}


def render(services: Services, items: list[Item]) -> Component:
    """The first item in full, with live numbers, trend and what is near."""
    first, now = items[0], services.clock()
    sensor = str(first["fields"].get("sensor_id") or (first["id"] if first["layer"] == "sensors" else ""))
    latest = services.latest().get(sensor, {}) if sensor else {}
    rows: list[Gauge] = [
        gauge(sensor, TITLES[kind_of(quantity)], quantity, value, at, now)
        for quantity, (value, at) in latest.items()
        if kind_of(quantity)
    ]
    trends = [trend(services, sensor, quantity) for quantity in latest if kind_of(quantity)]
    cameras = near_cameras(services, first) if first["layer"] != "cameras" else []
    return dossier(first, rows, trends, cameras, people_for(services, first), items[1:6], now)


def trend(services: Services, sensor: str, quantity: str) -> Trend:
    """The sensor's last 24 hours; while a drill runs, the drill's, as every number on the screen is then."""
    now, kind = services.clock(), kind_of(quantity)
    sensor_no = services.registry.numbers().get(sensor)
    span = (now - timedelta(hours=24), now, services.exercise())
    found = [] if sensor_no is None else services.readings.series(sensor_no, quantity, *span)
    step = max(1, len(found) // 300)
    return Trend(TITLES[kind], UNITS[kind], found[::step])


def near_cameras(services: Services, item: Item) -> list[Item]:
    """The three nearest cameras that are on line; none when there is no camera data."""
    try:
        return list(
            nearest(services.city, "cameras", item["lon"], item["lat"], 3, lambda one: one["state"] == "online")
        )
    except CityError:
        return []


def people_for(services: Services, item: Item) -> list[str]:
    """Who is named responsible for it and who stands in, on duty now, with contacts nobody can read off the screen."""
    if item["layer"] not in ANSWERED_FOR:
        return []
    people = services.dispatch.responsible_for(str(item["id"]))
    own = {str(item["id"]), str(item["fields"].get("asset_id") or "")}
    return [person_line(one, stands_in=own.isdisjoint(one.duties)) for one in people] or [
        "名录中没有在岗人员具名负责此处"
    ]


def person_line(person: Person, *, stands_in: bool) -> str:
    contact = next(
        (f" · {person.contacts[key]}" for key in ("voice", "webhook", "email") if key in person.contacts), ""
    )
    return f"{'副职 ' if stands_in else ''}{person.name} · {person.unit} {person.title}{contact}"
