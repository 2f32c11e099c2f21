"""接入: every way in, failing ones first; filled and kept live by assets/feeds.js."""

from dash import dcc, html
from dash.development.base_component import Component

from hub.services import Services
from layouts import ids
from layouts.attrs import attrs
from layouts.model import ScreenContext
from layouts.parts import is_sample, link_dot, mode_badge, person, plain_json
from layouts.words import SAMPLE

HEADS = ("状态", "接入", "最后消息", "延迟", "每分钟", "接收", "拒收", "丢弃", "说明")


def layout(services: Services, context: ScreenContext) -> Component:
    """The whole page; its rows stand in the state, so that nothing is asked for twice."""
    mode = "exercise" if services.demo or services.exercise() else "live"
    return html.Div(
        [
            *boot(services, context, mode),
            header(services, context, mode),
            html.Div(id=ids.LINK_BANNER, className="link-banner", hidden=True, role="alert"),
            html.Div(id=ids.FEEDS_TROUBLE, className="feeds-trouble", hidden=True, role="alert"),
            html.P(id=ids.FEEDS_SUMMARY, className="feeds-summary", role="status"),
            html.Main(
                html.Table(
                    [
                        html.Thead(html.Tr([html.Th(word, scope="col") for word in HEADS])),
                        html.Tbody(id=ids.FEEDS_ROWS),
                    ]
                ),
                className="panel feeds-list",
            ),
            html.Section(nothing(), id=ids.FEEDS_EMPTY, className="panel feeds-empty", hidden=True),
            html.Div(id=ids.TOAST, className="toast", role="alert"),
        ],
        className="feeds",
    )  # fmt: skip


def boot(services: Services, context: ScreenContext, mode: str) -> list[Component]:
    """What starts the browser's part."""
    state = {
        "screen": "feeds", "city": services.city_name, "server_now": context.now.isoformat(), "mode": mode, "at": None,
        "last_event": services.last_event(), "topics": "feeds,system", "feeds": services.feeds.rows(),
        "problem": services.feeds.book.problem,
        "refused": context.role in ("admin", "duty"),
    }  # fmt: skip
    return [
        html.Div(id=ids.STATE, hidden=True, **attrs({"data-state": plain_json(state)})),
        html.Div(id=ids.BOOT, hidden=True, **attrs({"data-screen": "feeds"})),
        dcc.Store(id=ids.BOOTED),
    ]


def header(services: Services, context: ScreenContext, mode: str) -> Component:
    """City, page, link, and the way back."""
    sample = [html.Span(SAMPLE, className="badge")] if is_sample(services) else []
    return html.Header(
        [
            html.H1(f"{services.city_name} · 接入", className="city"),
            mode_badge(mode),
            *sample,
            link_dot(),
            html.Nav(html.A("值班席", href="/desk/", className="quiet"), className="ways"),
            person(context),
        ],
        className="head",
    )


def nothing() -> list[Component]:
    """What stands here while nothing comes in, and what to do about it."""
    return [
        html.H2("还没有任何读数进来,也没有配置接入"),
        html.P("接上数据有四条路,写法和例子在 docs/feeds.md:"),
        html.Ul(
            [
                html.Li(
                    [html.B("HTTP JSON"), " 用接入账号的令牌向 ", html.Code("POST /api/v1/observations"), " 送读数"]
                ),
                html.Li([html.B("SensorThings"), " 标准设备指向 ", html.Code("/api/v1/sensorthings/v1.1")]),
                html.Li([html.B("MQTT"), " 在接入文件 ", html.Code("alerts/feeds.yaml"), " 里写代理地址和主题对照"]),
                html.Li([html.B("文件夹"), " 在接入文件里写文件夹路径,把 CSV、JSON 或 CAP 文件移进去"]),
            ]
        ),
        html.P("接入文件改好后数秒内生效,这里会出现它的一行。"),
    ]
