"""The answer to a circle on the map: how many of what, and the nearest few by name."""

from collections.abc import Mapping, Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from layouts.attrs import attrs
from layouts.dossier import pick, title_of


def inside(radius_m: float, found: Sequence[tuple[str, int, Sequence[Mapping[str, Any]]]]) -> Component:
    """Counts by layer for a circle of `radius_m` metres."""
    label = attrs({"aria-label": "关闭", "data-act": "close-circle"})
    close = html.Button("✕", type="button", className="quiet close", **label)
    parts: list[Component] = [html.Div([html.Span("圈选结果", className="kind"), close], className="bar-top")]
    parts.append(html.H2(f"半径 {radius_m / 1000:.2f} 公里内"))
    for layer, number, items in found:
        parts.append(html.H3([title_of(layer), html.B(f" {number:,}", className="num")]))
        parts.append(html.Div([pick(one, one["name"] or one["id"]) for one in items], className="picks"))
    return html.Div(parts, className="panel")
