"""A circle drawn on the map: what is inside, counted by layer."""

import math
from typing import Any

import shapely
from dash import Dash, Input, Output
from dash.development.base_component import Component

from geodata.errors import BadInput, CityError, NotFound
from geodata.query import features_within
from hub.services import Services
from layouts import ids
from layouts.circle import inside
from layouts.dossier import problem

LAYERS = ("waterlogging_points", "city_components", "cameras", "forest_grid", "teams", "warehouses")
LARGEST_M = 50_000.0
METRES_A_DEGREE = 111_195.0


def register(app: Dash, services: Services) -> None:
    @app.callback(Output(ids.CIRCLE_RESULT, "children"), Input(ids.CIRCLE, "data"), prevent_initial_call=True)
    def show_inside(circle: dict[str, Any] | None) -> Component | str:
        if not circle:
            return ""
        try:
            return inside(*count(services, float(circle["lon"]), float(circle["lat"]), float(circle["radius_m"])))
        except CityError as error:
            return problem(str(error))
        except (KeyError, TypeError, ValueError):
            return problem("无法识别所画的范围;请重新圈选")


def count(
    services: Services, lon: float, lat: float, radius_m: float
) -> tuple[float, list[tuple[str, int, list[Any]]]]:
    """(radius, [(layer, how many, the nearest few)]) inside a circle of `radius_m` metres."""
    if not 1 <= radius_m <= LARGEST_M:
        raise BadInput(f"圈选半径 {radius_m:.0f} 米超出范围;应在 1 米到 50 公里之间")
    unit = shapely.Point(0, 0).buffer(radius_m / METRES_A_DEGREE)
    squeeze = max(math.cos(math.radians(lat)), 0.01)  # a degree of longitude is shorter by this
    area = shapely.transform(unit, lambda xy: xy / [squeeze, 1.0] + [lon, lat])
    found = []
    for name in LAYERS:
        try:
            found.append((name, *features_within(services.city, name, area, 4)))
        except NotFound:
            continue
    return radius_m, found
