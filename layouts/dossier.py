"""The dossier of what was pressed: facts, live number with its age, trend, nearest cameras. Text is only ever text."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dash import html
from dash.development.base_component import Component

from geodata.datasets import dataset
from layers.builtin import BUILTIN_LAYERS
from layers.model import Fact, facts_of
from layouts.attrs import attrs
from layouts.parts import number
from layouts.situation_data import Gauge
from layouts.words import SAMPLE

WIDTH, HEIGHT = 300.0, 56.0
LINE = "#46b8b8"  # an <img> cannot see our tokens; legible on both themes


@dataclass(frozen=True, slots=True)
class Trend:
    """A sensor's last readings, oldest first, with the quantity's title and unit."""

    title: str
    unit: str
    points: Sequence[tuple[datetime, float]]


def dossier(
    item: Mapping[str, Any],
    readings: Iterable[Gauge],
    trends: Iterable[Trend],
    cameras: Iterable[Mapping[str, Any]],
    people: Iterable[str],
    others: Sequence[Mapping[str, Any]],
    now: datetime,
) -> Component:
    """One thing on the map in full; `others` lie at the same place and may be chosen instead."""
    sample = [html.Span(SAMPLE, className="badge sample")] if item["fields"].get("sample") else []
    facts = [(fact.label, fact.value) for fact in facts_for(item)]
    facts.append(("经纬度", f"{item['lon']:.5f}, {item['lat']:.5f}(WGS-84)"))
    parts = [
        html.Div([html.Span(title_of(item["layer"]), className="kind"), *sample, close_button()], className="bar-top"),
        html.H2(item["name"] or item["id"]),
        *[number(row, now, row.name) for row in readings],
        *[trend_block(trend) for trend in trends],
        html.Dl([part for label, value in facts for part in (html.Dt(label), html.Dd(value))]),
        listed("责任人", people),
        listed("附近摄像机", [f"{one['name']} · {one['distance_m']:.0f} 米" for one in cameras]),
        choices(others),
    ]
    return html.Div(parts, className="panel")


def facts_for(item: Mapping[str, Any]) -> tuple[Fact, ...]:
    """The layer's own dossier, or the dataset's columns for what is not a layer (teams, sensors, stores)."""
    for layer in BUILTIN_LAYERS:
        if layer.source == item["layer"]:
            return layer.dossier(item["fields"])
    return facts_of(item["layer"], item["fields"])


def close_button() -> Component:
    """Closes by delegation (assets/map.js)."""
    label = attrs({"aria-label": "关闭", "data-act": "close-dossier"})
    return html.Button("✕", type="button", className="quiet close", title="关闭(Esc)", **label)


def listed(title: str, lines: Iterable[str]) -> Component:
    """A titled list; nothing at all when it is empty."""
    rows = [html.Li(line) for line in lines]
    return html.Div([html.H3(title), html.Ul(rows)]) if rows else html.Div()


def choices(others: Sequence[Mapping[str, Any]]) -> Component:
    """Buttons for the other things under the pointer."""
    if not others:
        return html.Div()
    rows = [pick(one, f"{one['name'] or one['id']} · {title_of(one['layer'])}") for one in others]
    return html.Div([html.H3("此处还有"), html.Div(rows, className="picks")])


def pick(item: Mapping[str, Any], label: str) -> Component:
    """A button that selects `item` (assets/map.js reads the data attributes)."""
    where = attrs({"data-lon": str(item["lon"]), "data-lat": str(item["lat"])})
    return html.Button(
        label,
        type="button",
        className="pick",
        role="option",
        **attrs({"data-pick": item["layer"], "data-id": str(item["id"]), **where}),
    )


def trend_block(trend: Trend) -> Component:
    """A sparkline with its range in words; nothing drawn from fewer than two readings."""
    if len(trend.points) < 2:
        return html.P(f"{trend.title}:近 24 小时读数不足,不画趋势", className="note")
    values = [value for _, value in trend.points]
    words = f"近 24 小时{trend.title}:{min(values):.2f}–{max(values):.2f} {trend.unit}"
    return html.Figure([html.Img(src=sparkline(trend.points), alt=words), html.Figcaption(words)], className="trend")


def sparkline(points: Sequence[tuple[datetime, float]]) -> str:
    """A `data:` URL of the curve, the whole box from least to greatest value."""
    first, last = points[0][0].timestamp(), points[-1][0].timestamp()
    low, high = min(value for _, value in points), max(value for _, value in points)
    spots = [
        f"{(at.timestamp() - first) / max(last - first, 1) * WIDTH:.1f} "
        f"{HEIGHT - 3 - (value - low) / max(high - low, 1e-9) * (HEIGHT - 6):.1f}"
        for at, value in points
    ]
    path = f'<path d="M{"L".join(spots)}" fill="none" stroke="{LINE}" stroke-width="1.6"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}">{path}</svg>'
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def problem(text: str) -> Component:
    """What went wrong and what to do, where the dossier would stand."""
    return html.Div(
        [html.Div([html.Span("提示"), close_button()], className="bar-top"), html.P(text)], className="panel"
    )


def search_rows(items: Sequence[Mapping[str, Any]], text: str) -> list[Component]:
    """Results of a search, or what it means that there are none."""
    if not items:
        return [html.P(f"没有找到“{text}”;可输入完整编码或名称的一部分", className="empty")]
    return [pick(one, f"{one['name'] or one['id']} · {title_of(one['layer'])} · {one['id']}") for one in items]


def title_of(dataset_id: str) -> str:
    """The screen word of a dataset, whether or not it is a layer."""
    return dataset(dataset_id).title
