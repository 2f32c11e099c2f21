"""The map picture of the report, made here as SVG so that it prints and needs no browser map."""

import base64
from collections.abc import Iterable
from xml.sax.saxutils import escape

import shapely
from shapely.geometry.base import BaseGeometry

from alerts.model import Alert, Level
from hub.services import Services

WIDTH = 420.0
PALETTE = {Level.RED: "#c81e1e", Level.ORANGE: "#d9680b", Level.YELLOW: "#a67c00", Level.BLUE: "#1d5fb8"}
FONT = "Noto Sans CJK SC, Microsoft YaHei, sans-serif"


class Frame:
    """Degrees to picture units: the city's box, north up, metres equal both ways at its middle latitude."""

    def __init__(self, west: float, south: float, east: float, north: float) -> None:
        self.west, self.north, self.squeeze = west, north, 0.8175  # cos of 35.2° N, the city's middle
        self.scale = WIDTH / ((east - west) * self.squeeze)
        self.height = (north - south) * self.scale

    def at(self, lon: float, lat: float) -> tuple[float, float]:
        return (lon - self.west) * self.squeeze * self.scale, (self.north - lat) * self.scale

    def path(self, line: Iterable[tuple[float, ...]]) -> str:
        points = (self.at(lon, lat) for lon, lat, *_ in line)
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def picture(services: Services, alerts: Iterable[Alert]) -> str:
    """A `data:` URL of the schematic map: counties with names, rivers, and a numbered mark for each alert."""
    svg = draw(layer_shapes(services, "counties"), layer_shapes(services, "rivers"), alerts)
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def layer_shapes(services: Services, dataset_id: str) -> list[tuple[str, BaseGeometry]]:
    """Name and geometry (degrees) of every feature; nothing when the layer was not imported."""
    if not services.city.catalog.exists(dataset_id):
        return []
    frame = services.city.frame(dataset_id)
    shapes = shapely.simplify(frame.geometry.to_numpy(), 0.002)
    return [(str(name or ""), shape) for name, shape in zip(frame["name"], shapes, strict=True)]


def draw(
    counties: list[tuple[str, BaseGeometry]], rivers: list[tuple[str, BaseGeometry]], alerts: Iterable[Alert]
) -> str:
    """The SVG text; every text in it is escaped."""
    boxes = [shape.bounds for _, shape in counties] or [(117.41, 34.38, 119.20, 36.21)]
    frame = Frame(
        min(box[0] for box in boxes) - 0.02,
        min(box[1] for box in boxes) - 0.02,
        max(box[2] for box in boxes) + 0.02,
        max(box[3] for box in boxes) + 0.02,
    )
    parts = [*(area(frame, shape) for _, shape in counties), *(river(frame, shape) for _, shape in rivers)]
    parts += [label(frame, name, shape) for name, shape in counties]
    placed = [(number, one) for number, one in enumerate(alerts, 1) if one.lon is not None and one.lat is not None]
    parts += [mark(frame, number, one) for number, one in reversed(placed)]  # the worst is drawn last, on top
    size = f'viewBox="0 0 {WIDTH:.0f} {frame.height:.0f}" width="{WIDTH:.0f}" height="{frame.height:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}">{"".join(parts)}</svg>'


def area(frame: Frame, shape: BaseGeometry) -> str:
    rings = [ring.coords for part in polygons(shape) for ring in (part.exterior, *part.interiors)]
    path = "".join(frame.path(ring) + "Z" for ring in rings)
    return f'<path d="{path}" fill="#f4f6f8" stroke="#8a97a5" stroke-width="1" fill-rule="evenodd"/>'


def river(frame: Frame, shape: BaseGeometry) -> str:
    lines = getattr(shape, "geoms", [shape])
    path = "".join(frame.path(line.coords) for line in lines)
    return f'<path d="{path}" fill="none" stroke="#6fa3cf" stroke-width="2.2" stroke-linejoin="round"/>'


def label(frame: Frame, name: str, shape: BaseGeometry) -> str:
    spot = shape.representative_point()
    x, y = frame.at(spot.x, spot.y)
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="13" fill="#4a5763" text-anchor="middle">{escape(name)}</text>'


def mark(frame: Frame, number: int, alert: Alert) -> str:
    x, y = frame.at(alert.lon or 0.0, alert.lat or 0.0)
    colour = PALETTE.get(alert.level, "#5b6770")
    circle = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="9" fill="{colour}" stroke="#fff" stroke-width="1.5"/>'
    text = f'<text x="{x:.1f}" y="{y + 3.6:.1f}" font-size="10" fill="#fff" text-anchor="middle">{number}</text>'
    return circle + text


def polygons(shape: BaseGeometry) -> list[shapely.Polygon]:
    """The polygons of a (multi)polygon."""
    return [part for part in getattr(shape, "geoms", [shape]) if isinstance(part, shapely.Polygon)]
