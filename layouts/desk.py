"""The duty officer's desk: the city on the left, the map in the middle, what needs doing on the right."""

from dash import dcc, html
from dash.development.base_component import Component

from hub.services import Services
from layers.deck_waterlogging import METRES_A_METRE
from layers.waterlogging import WATERLOGGING
from layouts import ids, rules
from layouts.attrs import attrs
from layouts.desk_rails import (
    alert_panel,
    alert_sheet,
    call_panel,
    incident_panel,
    layer_panel,
    legend_line,
    situation_panel,
)
from layouts.model import ScreenContext
from layouts.parts import boot, head_clock, link_dot, map_for, mode_badge, person, response_badge
from layouts.snapshot import Snapshot, take
from layouts.timeline import timeline

KEYS = (
    ("↑ ↓", "在告警列表中移动"),
    ("← →", "收起、展开成组的告警"),
    ("回车", "对选中的告警一键调度;再按一次回车呼叫"),
    ("A", "确认选中的告警,或整组确认"),
    ("M", "搁置、静默、看经过"),
    ("/", "搜索"),
    ("Esc", "关闭面板、离开搜索"),
    ("?", "显示或隐藏本说明"),
)


def layout(services: Services, context: ScreenContext) -> Component:
    """The whole desk, with the state of this moment already in it."""
    shot = take(services, context)
    return html.Div(
        [
            *boot("desk", services, shot, context),
            header(services, shot, context),
            html.Aside([situation_panel(shot), layer_panel(services.city.versions)], className="rail rail-left"),
            html.Main([map_for(services), map_tools(), *rail_toggles(), dossier(), deck()], className="stage"),
            html.Aside([call_panel(), alert_sheet(), incident_panel(), alert_panel(shot)], className="rail rail-right"),
            timeline(services, shot, context, "/desk/"),
            html.Div(id=ids.LINK_BANNER, className="link-banner desk-banner", hidden=True, role="alert"),
            key_map(),
            html.Div(id=ids.TOAST, className="toast", role="alert"),
        ],
        className="desk",
    )


def header(services: Services, shot: Snapshot, context: ScreenContext) -> Component:
    """City, time, mode, link, search, person: the line an officer reads first."""
    return html.Header(
        [
            html.H1(services.city_name, className="city"),
            mode_badge(shot.mode),
            response_badge(shot),
            rules.badge(),
            link_dot(),
            html.Span("天气 未接入", className="weather", title="没有接入气象数据源;不作无天气论"),
            search_box(),
            head_clock(shot),
            html.Nav(
                [
                    html.A("大屏", href="/wall/", target="_blank", className="quiet"),
                    html.A("快报", href="/brief/", target="_blank", className="quiet"),
                    html.A("事件", href="/incident/", target="_blank", className="quiet"),
                    html.A("规则", href="/rules/", target="_blank", className="quiet"),
                    html.A("负荷", href="/load/", target="_blank", className="quiet"),
                    html.A("接入", href="/feeds/", target="_blank", className="quiet"),
                ],
                className="ways",
            ),
            person(context),
        ],
        className="head",
    )


def search_box() -> Component:
    """`/` focuses it; arrows walk the results; Esc leaves.

    The field is a plain one made in the browser: a component's own field mixes up letters that are typed fast.
    """
    return html.Div(
        [
            dcc.Store(id=ids.SEARCH_TEXT),
            html.Div(id=ids.SEARCH_BOX, **attrs({"data-words": "搜索部件编码、摄像机、积水点、队伍"})),
            html.Div(id=ids.SEARCH_RESULTS, className="search-results", role="listbox"),
        ],
        className="search",
        role="search",
    )


def map_tools() -> Component:
    """Buttons over the map; assets/map.js and assets/deck.js act on `data-act`."""
    tools = (
        ("zoom-in", "+", "放大"),
        ("zoom-out", "−", "缩小"),
        ("home", "全市", "看全市"),
        ("circle", "圈选", "画圆查询里面有什么"),
        ("deck", "三维", "三维:积水深度与部件密度"),
    )
    return html.Div(
        [
            html.Button(
                word, type="button", title=title, className="tool", **attrs({"data-act": act, "aria-label": title})
            )
            for act, word, title in tools
        ],
        className="map-tools",
    )


def rail_toggles() -> list[Component]:
    """Fold a rail away or bring it back; which are folded is remembered on this machine (assets/desk.js)."""
    return [
        html.Button(
            "‹" if side == "left" else "›",
            type="button",
            title=f"收起或展开{word}",
            className=f"rail-toggle rail-toggle-{side}",
            **attrs({"data-act": f"rail-{side}", "aria-expanded": "true", "aria-label": f"收起或展开{word}"}),
        )
        for side, word in (("left", "左栏"), ("right", "右栏"))
    ]


def dossier() -> Component:
    """What was pressed on the map, by Dash callback from the store of the selection."""
    return html.Div(
        [
            dcc.Store(id=ids.SELECTION),
            dcc.Store(id=ids.CIRCLE),
            html.Div(id=ids.DOSSIER, className="dossier", **attrs({"aria-live": "polite"})),
            html.Div(id=ids.CIRCLE_RESULT, className="dossier circle-result", **attrs({"aria-live": "polite"})),
        ],
        className="dossiers",
    )


def deck() -> Component:
    """The 3-D view; its library is loaded when it is first opened."""
    return html.Div(
        [
            html.Div(id=ids.DECK, className="deck-canvas"),
            html.Button("返回地图", type="button", className="button", **attrs({"data-act": "deck"})),
            html.Div(
                [
                    html.P(
                        f"三维视图 · 柱高为积水深度(放大 {METRES_A_METRE:,} 倍)· 底面为部件密度 · 无数据的水尺不画柱"
                    ),
                    html.Ul([legend_line(entry) for entry in WATERLOGGING.legend[:3]], className="legend"),
                ],
                className="deck-legend",
            ),
        ],
        className="deck-view",
        hidden=True,
        id=ids.DECK_TOGGLE,
    )


def key_map() -> Component:
    """The keyboard, on `?`."""
    rows = [html.Tr([html.Th(html.Kbd(key)), html.Td(word)]) for key, word in KEYS]
    box = [html.H2("键盘"), html.Table(html.Tbody(rows))]
    return html.Div(
        box, id=ids.KEYS, className="key-map", hidden=True, role="dialog", **attrs({"aria-label": "键盘说明"})
    )
