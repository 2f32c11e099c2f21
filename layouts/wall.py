"""The wall: read from ten metres, no controls. Numbers on top, map in the middle, alerts and calls at the side."""

from dash import html
from dash.development.base_component import Component

from hub.services import Services
from layouts import ids
from layouts.attrs import attrs
from layouts.model import ScreenContext
from layouts.parts import (
    age_data,
    boot,
    head_clock,
    link_dot,
    map_for,
    mode_badge,
    response_badge,
    short_name,
    silent_text,
    since_data,
)
from layouts.situation_data import Gauge
from layouts.snapshot import Snapshot, take
from layouts.words import age_text, number_text

KPI_ORDER = (("red", "红色告警"), ("orange", "橙色告警"), ("yellow", "黄色告警"), ("blue", "蓝色告警"))


def layout(services: Services, context: ScreenContext) -> Component:
    """The whole wall; assets/wall.js keeps it awake, live, and on the worst alert."""
    shot = take(services, context)
    return html.Div(
        [
            *boot("wall", services, shot, context),
            html.Header(
                [
                    html.H1(f"{services.city_name}城市运行态势", className="city"),
                    mode_badge(shot.mode),
                    response_badge(shot),
                    link_dot(),
                    head_clock(shot),
                ],
                className="head",
            ),
            html.Div(id=ids.LINK_BANNER, className="link-banner", hidden=True, role="alert"),
            kpis(shot),
            html.Main([map_for(services), focus()], className="stage"),
            html.Aside(
                [
                    board("告警", ids.ALERT_LIST, "alert-list", "目前没有未结束的告警"),
                    board("叫应", ids.CALL_BOARD, "call-board", "目前没有进行中的呼叫"),
                ],
                className="boards",
            ),
        ],
        className="wall",
    )


def kpis(shot: Snapshot) -> Component:
    """One band: alerts by level, waterlogging, the fullest river, the heaviest rain; each with its age."""
    cells = [
        kpi(word, number_text(shot.counts[level]), "条", f"at-{level}" if shot.counts[level] else "", "alerts-" + level)
        for level, word in KPI_ORDER
    ]
    points = shot.points
    state = "at-red" if points.closed else "at-yellow" if points.slow else ""
    silent = f"无数据 {points.silent} 处" if points.silent else age_text(points.observed_at, shot.moment)
    cells.append(kpi("积水封路 / 慢行", f"{points.closed} / {points.slow}", "处", state, "points", silent))
    if not points.silent:
        cells[-1].children[2] = html.Span(silent, className="age", **since_data(points.observed_at))
    cells += [gauge_kpi("河道流量", shot.rivers[:1], shot, 0), gauge_kpi("最大雨强", shot.rain[:1], shot, 1)]
    return html.Section(cells, id=ids.KPIS, className="kpis")


def kpi(word: str, value: str, unit: str, state: str, key: str, note: str = "") -> Component:
    """A figure to be read from afar."""
    return html.Div(
        [
            html.Span(word, className="name"),
            html.Span([html.B(value, className="num"), html.Span(unit, className="u")], className="value"),
            html.Span(note, className="age"),
        ],
        className=f"kpi {state}",
        **attrs({"data-kpi": key}),
    )


def gauge_kpi(word: str, rows: tuple[Gauge, ...], shot: Snapshot, digits: int) -> Component:
    """The first gauge of a kind; without one it says that nothing has come."""
    if not rows:
        return kpi(word, "—", "", "is-stale", "none", "尚未收到数据")
    row = rows[0]
    state = "is-stale" if row.stale else f"at-{row.level}" if row.level else ""
    cell = kpi(f"{short_name(row.name)} {word}", number_text(row.value, digits), row.unit, state, row.kind)
    age = silent_text(row) if row.stale else age_text(row.observed_at, shot.moment)
    cell.children[2] = html.Span(age, className="age", **age_data(row))
    return html.Div(
        cell.children, className=f"gauge kpi {state}", **attrs({"data-sensor": row.sensor, "data-kind": row.kind})
    )


def board(title: str, element: str, kind: str, nothing: str) -> Component:
    """A board filled by the browser; what it says while empty stands in `data-empty`."""
    return html.Section(
        [html.H2(title), html.Ol(id=element, className=kind, **attrs({"data-empty": nothing}))], className="panel board"
    )


def focus() -> Component:
    """The alert the wall looks at now."""
    return html.Div(id=ids.FOCUS, className="focus", hidden=True, **attrs({"aria-live": "polite"}))
