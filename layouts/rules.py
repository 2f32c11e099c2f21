"""规则: the rules in force, their text with checking and trying, and every version. Filled by assets/rules.js."""

from dash import dcc, html
from dash.development.base_component import Component

from hub.services import Services
from layouts import ids
from layouts.attrs import attrs
from layouts.model import ScreenContext
from layouts.parts import is_sample, link_dot, mode_badge, person, plain_json
from layouts.words import SAMPLE


def layout(services: Services, context: ScreenContext) -> Component:
    """The page's frame; what stands in it is asked for by the browser, so that it is never older than the rules."""
    mode = "exercise" if services.demo or services.exercise() else "live"
    return html.Div(
        [
            *boot(services, context, mode),
            header(services, context, mode),
            html.Div(id=ids.LINK_BANNER, className="link-banner", hidden=True, role="alert"),
            html.Div(id=ids.RULES_TROUBLE, className="rules-trouble", hidden=True, role="alert"),
            column(ids.RULES_LIST, "现行规则", "rules-left"),
            html.Main(html.P("正在载入…", className="skeleton"), id=ids.RULES_EDITOR, className="panel rules-middle"),
            column(ids.RULES_HISTORY, "历史版本", "rules-right"),
            html.Div(id=ids.RULES_DIALOGS),
            html.Div(id=ids.TOAST, className="toast", role="alert"),
        ],
        className="rules",
    )


def boot(services: Services, context: ScreenContext, mode: str) -> list[Component]:
    """What starts the browser's part."""
    state = {
        "screen": "rules", "city": services.city_name, "server_now": context.now.isoformat(), "mode": mode, "at": None,
        "username": context.username,
    }  # fmt: skip
    return [
        html.Div(id=ids.STATE, hidden=True, **attrs({"data-state": plain_json(state)})),
        html.Div(id=ids.BOOT, hidden=True, **attrs({"data-screen": "rules"})),
        dcc.Store(id=ids.BOOTED),
    ]


def header(services: Services, context: ScreenContext, mode: str) -> Component:
    """City, page, which version is in force and whether the engine goes by it."""
    sample = [html.Span(SAMPLE, className="badge")] if is_sample(services) else []
    return html.Header(
        [
            html.H1(f"{services.city_name} · 告警规则", className="city"),
            mode_badge(mode),
            *sample,
            link_dot(),
            html.Span(id=ids.RULES_IN_FORCE, className="rules-in-force", role="status"),
            html.Nav(html.A("值班席", href="/desk/", className="quiet"), className="ways"),
            person(context),
        ],
        className="head",
    )


def badge() -> Component:
    """For other screens' headers: hidden until the rules file is wrong (assets/rules_badge.js), then the way here."""
    return html.A(
        "规则文件有误", id=ids.RULES_BADGE, href="/rules/", target="_blank", hidden=True, className="badge rules-badge",
        role="alert",
    )  # fmt: skip


def column(name: str, title: str, side: str) -> Component:
    """A column with its heading; the list in it scrolls by itself and can be reached with the keyboard."""
    box = html.Div(html.P("正在载入…", className="skeleton"), id=name, className="rules-scroll", tabIndex="0")
    return html.Section([html.H2(title), box], className=f"panel {side}", **attrs({"aria-label": title}))
