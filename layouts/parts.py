"""Small parts that every screen uses: badges, numbers with their age, the header, the empty map."""

import json
from datetime import datetime
from typing import Any

import dash_leaflet as dl
from dash import dcc, html
from dash.development.base_component import Component

from hub.services import Services
from layers.builtin import BUILTIN_LAYERS
from layouts import ids
from layouts.attrs import attrs
from layouts.model import ScreenContext
from layouts.situation_data import STALE_AFTER, Gauge
from layouts.snapshot import Snapshot, for_browser
from layouts.words import MODE_WORDS, ROLE_WORDS, age_text, clock_text, number_text, short_clock

CENTRE = (35.10, 118.35)  # Leaflet's latitude first; 临沂市
DIGITS = {"flow": 0, "rain": 1, "stage": 2, "depth": 2}


def mode_badge(mode: str) -> Component:
    """实时, 回放 or 演练: what the numbers on this screen are."""
    return html.Span(MODE_WORDS[mode], id=ids.MODE, className=f"badge mode mode-{mode}")


def response_badge(shot: Snapshot) -> Component:
    """The response level of the worst open incident; 未核定 as long as no approved plan gives it."""
    return html.Span(response_text(shot.response, shot.approved), id=ids.RESPONSE, className="badge response")


def response_text(level: str, approved: bool) -> str:
    """`响应 Ⅱ 级(未核定)`, or that none is in force (assets/alerts.js says the same)."""
    if not level:
        return "未启动响应"
    return f"响应 {level} 级" + ("" if approved else "(未核定)")


def link_dot() -> Component:
    """The link to the centre: a word beside a dot, since colour is never the only sign."""
    return html.Span(
        [html.Span(className="dot"), html.Span("连接中", className="word")],
        id=ids.LINK,
        className="link link-wait",
        role="status",
        **attrs({"aria-live": "polite"}),
    )


def head_clock(shot: Snapshot) -> Component:
    """Asia/Shanghai time, kept going by the browser; stands still in a replay."""
    return html.Time(clock_text(shot.moment), id=ids.CLOCK, className="clock num")


def person(context: ScreenContext) -> Component:
    """Who is signed in, and the way out."""
    role = ROLE_WORDS.get(context.role, context.role)
    return html.Div(
        [
            html.Span(context.name or context.username, className="who"),
            html.Span(role, className="role"),
            html.Button("退出", type="button", className="quiet", **attrs({"data-act": "logout"})),
        ],
        className="person",
    )


def number(row: Gauge, now: Any, label: str = "") -> Component:
    """A figure with unit, threshold and age; stale is grey and hatched and says since when."""
    classes = ["gauge", "is-stale" if row.stale else "", f"at-{row.level}" if row.level else ""]
    age = age_text(row.observed_at, now)
    parts: list[Component] = [
        html.Span(label or short_name(row.name), className="name", title=f"{row.name} · 来源 {row.sensor}"),
        html.Span(
            [
                html.B(number_text(row.value, DIGITS[row.kind]), className="num"),
                html.Span(f" {row.unit}", className="u"),
            ],
            className="value",
        ),
        html.Span(silent_text(row) if row.stale else age, className="age", **age_data(row)),
    ]
    if row.marks:
        parts.append(html.Span(row.marks, className="marks"))
    if row.ratio is not None:
        parts.append(html.Progress(value=f"{row.ratio:.3f}", max="1", className="bar"))
    data = attrs({"data-sensor": row.sensor, "data-kind": row.kind})
    return html.Div(parts, className=" ".join(part for part in classes if part), **data)


def silent_text(row: Gauge) -> str:
    """Since when a gauge is silent (assets/stream.js says the same)."""
    return f"自 {short_clock(row.observed_at)[:5]} 起无数据"


def short_name(name: str) -> str:
    """A station's name without its bracketed remark, which stands in the tooltip."""
    return name.split("(")[0].split("(")[0]


def age_data(row: Gauge) -> dict[str, Any]:
    """The time an age counts from and the seconds after which it is stale, for the browser to keep both true."""
    limit = attrs({"data-stale": f"{STALE_AFTER[row.kind].total_seconds():.0f}"}) if row.kind in STALE_AFTER else {}
    return since_data(row.observed_at) | limit


def since_data(moment: datetime | None) -> dict[str, Any]:
    """The attribute that assets/stream.js keeps an age by; none when there is no time."""
    return attrs({"data-since": moment.isoformat()}) if moment else {}


def boot(screen: str, services: Services, shot: Snapshot, context: ScreenContext, **more: Any) -> list[Component]:
    """What starts the browser functions: the state as JSON in an attribute, and an element that fires once."""
    state = for_browser(
        shot,
        screen=screen,
        city=services.city_name,
        at=context.at.isoformat() if context.at else None,
        role=context.role,
        may_call=context.may_call,
        username=context.username,
        counties=county_names(services),
        layers=[{**layer.for_browser(), "data": layer.source in services.city.versions} for layer in BUILTIN_LAYERS],
        **more,
    )
    return [
        html.Div(id=ids.STATE, hidden=True, **attrs({"data-state": state})),
        html.Div(id=ids.BOOT, hidden=True, **attrs({"data-screen": screen})),
        dcc.Store(id=ids.BOOTED),
    ]


def county_names(services: Services) -> dict[str, str]:
    """Name by code, from the city's own boundaries; empty when none are imported."""
    if "counties" not in services.city.versions:
        return {}
    frame = services.city.frame("counties")
    return {str(code): str(name) for code, name in zip(frame["id"], frame["name"], strict=True)}


def map_for(services: Services) -> Component:
    """The map; without a base map in the data it says so, and what to do."""
    made = city_map(is_sample(services))
    if not set(services.city.versions) & {"counties", "roads"}:
        command = html.Code("python app.py import 文件 --layer counties")
        words: list[str | Component] = ["还没有地图数据", html.Br(), "请导入区县、道路等图层:", html.Br(), command]
        made.children.append(html.P(words, className="map-empty", role="status"))
    return made


def city_map(sample: bool, zoom: float = 9.0) -> Component:
    """The dash-leaflet map; everything on it is drawn by `citybrain.attachMap` (assets/map.js)."""
    note = "示例数据 · 位置为示意" if sample else ""
    return html.Div(
        [
            dl.Map(
                [
                    dl.LayerGroup(id=ids.MAP_LAYERS, eventHandlers={"add": {"variable": "citybrain.attachMap"}}),
                    dl.ScaleControl(position="bottomleft", imperial=False, metric=True),
                ],
                id=ids.MAP,
                className="city-map",
                center=list(CENTRE),
                zoom=zoom,
                minZoom=7,
                maxZoom=18,
                zoomSnap=0.25,
                zoomControl=False,
                attributionControl=False,
                keyboard=False,
            ),
            html.Div(note, id=ids.MAP_NOTE, className="map-note" if note else "map-note empty"),
        ],
        id=ids.MAP_FRAME,
        className="map-frame",
    )


def is_sample(services: Services) -> bool:
    """Whether the city on the map is the schematic sample one."""
    index = services.city.points.get("waterlogging_points") or services.city.points.get("city_components")
    if index is None or "sample" not in index.others or not len(index):
        return services.demo
    return bool(index.others["sample"][0].as_py())


def plain_json(value: Any) -> str:
    """JSON for a `data-` attribute."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
