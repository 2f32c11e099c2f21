"""The desk's rails: layers and the situation on the left, alerts and the one key on the right."""

from collections.abc import Collection

from dash import html
from dash.development.base_component import Component

from layers.builtin import BUILTIN_LAYERS
from layers.model import Layer
from layouts import ids
from layouts.attrs import attrs
from layouts.parts import number, since_data
from layouts.snapshot import Snapshot
from layouts.words import age_text, number_text


def layer_panel(imported: Collection[str]) -> Component:
    """One card a layer: toggle, legend and filters; pressing is handled in assets/map.js, by delegation."""
    cards = [layer_card(layer, has_data=layer.source in imported) for layer in BUILTIN_LAYERS if not layer.base]
    base = [legend_line(entry) for layer in BUILTIN_LAYERS if layer.base for entry in layer.legend]
    footer = html.Details(
        [html.Summary("底图图例"), html.Ul(base, className="legend")], className="layer base", open=False
    )
    return html.Section([html.H2("图层"), *cards, footer], id=ids.LAYER_PANEL, className="panel layers")


def layer_card(layer: Layer, *, has_data: bool) -> Component:
    """The switch is a button with `aria-pressed`; the details hold legend and filters. No data: what to do."""
    switch = html.Button(
        [html.Span(className="switch"), html.Span(layer.title)],
        className="layer-switch",
        type="button",
        disabled=not has_data,
        **attrs({"data-layer": layer.id, "aria-pressed": "true" if layer.shown and has_data else "false"}),
    )
    if not has_data:
        words = f"没有数据;导入:python app.py import 文件 --layer {layer.source}"
        return html.Div([switch, html.P(words, className="note")], className="layer is-empty")
    inner: list[Component] = [html.Ul([legend_line(entry) for entry in layer.legend], className="legend")]
    for choice in layer.filters:
        chips = [
            html.Button(
                word,
                type="button",
                className="chip",
                **attrs(
                    {"data-filter": layer.id, "data-field": choice.field, "data-value": value, "aria-pressed": "true"}
                ),
            )
            for value, word in choice.options
        ]
        inner.append(html.Div([html.Span(choice.title, className="chips-title"), *chips], className="chips"))
    if layer.note:
        inner.append(html.P(layer.note, className="note"))
    return html.Div([switch, html.Details([html.Summary("图例与筛选"), *inner])], className="layer")


def legend_line(entry: object) -> Component:
    """A swatch (its class names the token) and its word."""
    shape, token = getattr(entry, "shape", "dot"), getattr(entry, "colour", "").removeprefix("--")
    return html.Li([html.Span(className=f"swatch swatch-{shape} c-{token}"), html.Span(getattr(entry, "label", ""))])


def situation_panel(shot: Snapshot) -> Component:
    """Rain, rivers and waterlogging in numbers; a part without data says so instead of showing nought."""
    return html.Section(
        [
            html.H2("城市态势"),
            html.H3("积水"),
            nothing(shot, "积水数据") if shot.mode == "replay" else points_block(shot),
            html.H3("河道流量"),
            *([number(row, shot.moment) for row in shot.rivers] or [nothing(shot, "河道数据")]),
            html.H3("降雨(最大的站)"),
            *([number(row, shot.moment) for row in shot.rain] or [nothing(shot, "雨量数据")]),
        ],
        id=ids.SITUATION,
        className="panel situation",
    )


def points_block(shot: Snapshot) -> Component:
    """Counts of waterlogging points by depth class and the deepest one; silent gauges are counted apart."""
    points = shot.points
    if not points.closed + points.slow + points.calm + points.silent:
        return empty("没有接入积水监测水尺;导入积水点并接入水尺后显示")
    cells = [
        ("封路", points.closed, "red" if points.closed else ""),
        ("慢行", points.slow, "yellow" if points.slow else ""),
        ("正常", points.calm, ""),
        ("无数据", points.silent, "stale" if points.silent else ""),
    ]
    tiles = [
        html.Div([html.B(number_text(count), className="num"), html.Span(word)], className=f"count count-{kind}")
        for word, count, kind in cells
    ]
    age = html.Span(
        age_text(points.observed_at, shot.moment),
        className="age",
        **since_data(points.observed_at),
    )
    deepest = [number(points.deepest, shot.moment, f"最深 {points.deepest.name}")] if points.deepest else []
    source = html.P(["来源:积水监测水尺 · 更新于 ", age], className="source")
    return html.Div([html.Div(tiles, className="counts"), *deepest, source], className="points-block")


def nothing(shot: Snapshot, what: str) -> Component:
    """Why there is no number: nothing came, or this is a replay and past readings are not kept by the panel."""
    words = f"回放时不显示{what};请在信息卡的趋势中查看" if shot.mode == "replay" else f"尚未收到{what}"
    return empty(words)


def empty(text: str) -> Component:
    """An empty state that says what it means."""
    return html.P(text, className="empty")


def alert_panel(shot: Snapshot) -> Component:
    """Filter, list and sound. The list is filled by assets/alerts.js, so that a new row never moves the scroll."""
    words = (("all", "全部"), ("red", "红"), ("orange", "橙"), ("yellow", "黄"), ("blue", "蓝"))
    chips = [
        html.Button(
            [word, html.Span(str(shot.alert_total if key == "all" else shot.counts[key]), className="n num")],
            type="button",
            className=f"chip level-{key}",
            **attrs({"data-level": key, "aria-pressed": "true" if key == "all" else "false"}),
        )
        for key, word in words
    ]
    sound = html.Button(
        "声音:关",
        id=ids.SOUND,
        type="button",
        className="quiet",
        **attrs({"data-act": "sound", "aria-pressed": "false"}),
    )
    return html.Section(
        [
            html.Div(
                [html.H2("告警"), html.Span(id=ids.ALERT_COUNTS, className="sum num"), sound], className="bar-top"
            ),
            html.Div(
                chips, id=ids.ALERT_FILTER, className="chips", role="group", **attrs({"aria-label": "按级别筛选"})
            ),
            view_chips(),
            html.Ol(
                id=ids.ALERT_LIST,
                className="alert-list",
                tabIndex="0",
                role="listbox",
                **attrs({"aria-label": "告警列表:上下键选择,左右键收起展开,回车一键调度,A 确认"}),
            ),
        ],
        className="panel alerts",
    )


def call_panel() -> Component:
    """Where incident, plan preview, confirm and the live ledger appear (assets/call.js)."""
    return html.Section(id=ids.CALL_PANEL, className="panel call", hidden=True, **attrs({"aria-live": "polite"}))


def view_chips() -> Component:
    """Ways to look at the list; pressing one again goes back to all that needs doing, folded."""
    words = (("unseen", "只看未确认"), ("flat", "逐条平铺"), ("held", "搁置·静默"))
    chips = [
        html.Button(
            [word, html.Span("", className="n num")] if key == "held" else word,
            type="button",
            className="chip",
            **attrs({"data-view": key, "aria-pressed": "false"}),
        )
        for key, word in words
    ]
    return html.Div(chips, id=ids.ALERT_VIEW, className="chips", role="group", **attrs({"aria-label": "列表方式"}))


def alert_sheet() -> Component:
    """One alert's facts, what can be done with it and what happened to it (assets/alert_acts.js)."""
    return html.Section(id=ids.ALERT_SHEET, className="panel sheet", hidden=True, **attrs({"aria-live": "polite"}))


def incident_panel() -> Component:
    """Open incidents and what seems to belong together (assets/incidents.js)."""
    head = html.Div([html.H2("事件"), html.Span(id=ids.INCIDENT_COUNT, className="sum num")], className="bar-top")
    return html.Section(
        [head, html.Ul(id=ids.INCIDENT_LIST, className="incidents"), html.Ul(id=ids.INCIDENT_HINTS, className="hints")],
        id=ids.INCIDENT_PANEL,
        className="panel",
        hidden=True,
    )
