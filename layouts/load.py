"""告警负荷: what the alerts ask of the people at the desk, for a shift leader to judge in five seconds."""

import json
from typing import Any
from urllib.parse import urlencode

from dash import dcc, html
from dash.development.base_component import Component

from alerts.load import BAND_IDS, BANDS, FLOOD_SHARE, PEAK, STALE_MOST, STEADY, TOP_SHARE, Load
from alerts.load_view import LoadView
from alerts.load_words import MEASURE, seconds_words, verdict_words
from alerts.model import Level
from geodata.clock import SHANGHAI
from hub.services import Services
from layouts import ids
from layouts.attrs import attrs
from layouts.load_lists import chatter_list, level_list, officer_list, stale_list, top_list, wait_list
from layouts.model import ScreenContext
from layouts.parts import is_sample, person, plain_json
from layouts.words import SAMPLE

PERIOD_WORDS = {"1h": "1 小时", "8h": "8 小时", "24h": "24 小时", "7d": "7 天", "30d": "30 天"}
DEFAULT = "8h"
REFRESH_MS = 30_000


def layout(services: Services, context: ScreenContext) -> Component:
    """The whole page, with this moment's numbers already in it."""
    found = asked(services, context)
    at = context.asked.isoformat() if context.asked else None
    return html.Div(
        [
            *boot(services, context),
            header(services, context, found, at),
            html.Div(body(found), id=ids.LOAD_BODY, className="load-body"),
            dcc.Store(id=ids.LOAD_DATA, data=chart_data(found)),
            dcc.Store(id=ids.LOAD_DRAWN),
            dcc.Interval(id=ids.LOAD_TICK, interval=REFRESH_MS, disabled=at is not None),
            html.Div(id=ids.TOAST, className="toast", role="alert"),
        ],
        className="load",
    )


def asked(services: Services, context: ScreenContext) -> LoadView:
    """What the page's address asks for: `?period=8h&exercise=1&at=…`."""
    query = context.query or {}
    drills = query.get("exercise", "1" if services.demo else "0") == "1"  # what a demonstration has are drills
    return services.load.view(query.get("period", DEFAULT), context.asked or context.now, exercise=drills)


def boot(services: Services, context: ScreenContext) -> list[Component]:
    """What starts the browser's part (assets/load.js)."""
    state = {
        "screen": "load", "city": services.city_name, "server_now": context.now.isoformat(), "mode": "live",
        "at": context.asked.isoformat() if context.asked else None,
    }  # fmt: skip
    return [
        html.Div(id=ids.STATE, hidden=True, **attrs({"data-state": json.dumps(state, ensure_ascii=False)})),
        html.Div(id=ids.BOOT, hidden=True, **attrs({"data-screen": "load"})),
        dcc.Store(id=ids.BOOTED),
    ]


def header(services: Services, context: ScreenContext, view: LoadView, at: str | None) -> Component:
    """City, what this page is, the period, and the ways out."""
    here = {"period": view.period, "exercise": "1" if view.exercise else "0"} | ({"at": at} if at else {})
    periods = [(value, {**here, "period": value}, word) for value, word in PERIOD_WORDS.items()]
    kinds = [("0", {**here, "exercise": "0"}, "真实告警"), ("1", {**here, "exercise": "1"}, "演练")]
    files: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("load.csv", "明细 CSV", {}),
        ("load.csv", "前十 CSV", {"table": "top"}),
        ("load.png", "图片 PNG", {}),
    )
    return html.Header(
        [
            html.H1(services.city_name, className="city"),
            html.H2("告警负荷"),
            *([html.Span(SAMPLE, className="badge")] if is_sample(services) else []),
            chips(periods, view.period, "时段"),
            chips(kinds, here["exercise"], "真实或演练"),
            html.Nav(
                [
                    html.A(word, href=f"/api/v1/{name}?{urlencode(here | more)}", className="quiet", download="")
                    for name, word, more in files
                ]
                + [html.A("值班席", href="/desk/", className="quiet")],
                className="ways",
            ),
            person(context),
        ],
        className="head",
    )


def chips(options: list[tuple[str, dict[str, str], str]], chosen: str, label: str) -> Component:
    """One link for each choice; the chosen one says so."""
    links = [
        html.A(word, href=f"?{urlencode(query)}", className="chip",
               **attrs({"aria-current": "true" if value == chosen else "false"}))
        for value, query, word in options
    ]  # fmt: skip
    return html.Nav(links, className="chips", **attrs({"aria-label": label}))


def body(view: LoadView) -> list[Component]:
    """Verdict, numbers, chart, lists."""
    load = view.load
    return [
        verdict(view),
        html.Section(tiles(view), className="tiles"),
        html.Section(
            [
                html.Div(
                    [html.H3("每 10 分钟的呼叫"), html.P(chart_note(view), className="note")], className="bar-top"
                ),
                html.Div(id=ids.LOAD_CHART, className="load-chart", role="img",
                         **attrs({"aria-label": f"{verdict_words(load)};洪峰 {len(load.floods)} 次"})),
            ],
            className="panel chart-panel",
        ),
        html.Div(
            [
                html.Div([top_list(view)], className="col"),
                html.Div([stale_list(view), chatter_list(view)], className="col"),
                html.Div([wait_list(view), level_list(view), officer_list(view)], className="col"),
            ],
            className="load-lists",
        ),
    ]  # fmt: skip


def verdict(view: LoadView) -> Component:
    """One sentence: the band, the number that decides, and its limit."""
    load = view.load
    band = BAND_IDS[load.verdict.band]
    measure = MEASURE[load.verdict.measure]
    _, _, rest = verdict_words(load).partition(":")
    said = [html.B(BANDS[load.verdict.band], className="word"), html.Span(rest, className="why")]
    if view.exercise:
        said.insert(0, html.Span("演练", className="badge mode mode-exercise"))
    return html.Section(
        [html.P(said, className="say"), html.P(f"{span_text(view)} · 依据 {measure.source}", className="source")],
        className=f"panel verdict band-{band}",
        role="status",
    )


def span_text(view: LoadView) -> str:
    """From when to when, and since when there is a record if that is shorter."""
    load = view.load
    start, end = (moment.astimezone(SHANGHAI).strftime("%m-%d %H:%M") for moment in (load.start, load.end))
    text = f"{start} 至 {end}(北京时间)"
    if load.recorded_from is None:
        return f"{text},还没有任何告警记录"
    if load.recorded_from > load.start:
        return f"{text},{load.recorded_from.astimezone(SHANGHAI):%m-%d %H:%M} 起才有记录,平均与占比只按有记录的时间算"
    return text


def tiles(view: LoadView) -> list[Component]:
    """The numbers, each with its limit; pressed, it opens its definition and source."""
    load, floods = view.load, len(view.load.floods)
    busiest, waiting = load.busiest, load.waits[0]
    peak = busiest.count if busiest else 0
    when = f",{busiest.begin.astimezone(SHANGHAI):%m-%d %H:%M}" if busiest else ""
    chattering = len({one.topic for one in load.chattering})
    return [
        tile("steady", f"{load.average:.1f}", f"宜 ≤ {STEADY[0]:g} · 共 {load.total:,} 次", load.average > STEADY[0]),
        tile("peak", f"{peak:,}", f"宜 ≤ {PEAK[0]}{when}", peak > PEAK[0]),
        tile("share", percent(load.flood_share), f"应 < 1% · 洪峰 {floods} 次", load.flood_share >= FLOOD_SHARE),
        tile("top", percent(load.top_share), f"宜 ≤ 5% · {load.topics:,} 个来源", top_bad(load)),
        tile("stale", f"{len(view.stale):,}", f"应 < {STALE_MOST} 条", len(view.stale) >= STALE_MOST),
        tile("chatter", f"{chattering:,}", "应为 0 个来源", chattering > 0),
        tile("wait", seconds_words(waiting.median_s), f"九成 {seconds_words(waiting.p90_s)}", False),
        tile("wait", f"{waiting.waiting:,}", f"未确认已结束 {waiting.unseen:,}", False, "等待确认"),
    ]


def top_bad(load: Load) -> bool:
    """Ten sources of ten are always all: the share says something only when there are more."""
    return load.topics > len(load.top) and load.top_share > TOP_SHARE


def tile(measure_id: str, value: str, beside: str, over: bool, title: str = "") -> Component:
    """`over`: the limit is broken, said by a word and a border as well as by colour."""
    measure = MEASURE[measure_id]
    definition = f"{measure.means}。限值:{measure.limit}。出处:{measure.source}"
    head = [html.Span(title or measure.title, className="name")]
    head += [html.Span("超限", className="over")] if over else []
    summary = html.Summary(
        [html.Span(head, className="tile-head"), html.B(value, className="num"), html.Span(beside, className="beside")],
        title=definition,
    )
    return html.Details(
        [summary, html.P(definition, className="definition")], className="tile is-over" if over else "tile"
    )


def percent(share: float) -> str:
    """`0%`, `0.7%`, `35%`."""
    return f"{share:.0%}" if share == 0 or share >= 0.1 else f"{share:.1%}"


def chart_note(view: LoadView) -> str:
    """How to read the bars."""
    if not view.load.total:
        return "本时段没有告警呼叫"
    return "虚线:1 次(平稳)与 10 次(异常后)· 底纹:洪峰 · 最后一格还没有过完"


def chart_data(view: LoadView) -> dict[str, Any]:
    """What assets/load.js draws: epoch ms of the first bin, and the bins by level, packed."""
    bins = view.load.bins
    return {
        "first": int(bins[0].begin.timestamp() * 1000) if bins else 0,
        "levels": [list(one.levels) if one.count else 0 for one in bins],
        "floods": plain_json([place for place, one in enumerate(bins) if one.flood]),
        "names": [Level(level).name.lower() for level in (1, 2, 3, 4)],
        "limits": [STEADY[0], PEAK[0]],
    }
