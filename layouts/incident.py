"""事件处置 (`/incident/`): the list, one incident's printable sheet (`?id=`), one drafted response (`?response=`)."""

import json
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from dispatch.model import to_plain
from hub.services import Services
from layouts import ids
from layouts.attrs import attrs
from layouts.incident_list import list_body
from layouts.incident_sheet import sheet_body
from layouts.model import ScreenContext
from layouts.parts import is_sample, link_dot, person
from layouts.response_sheet import response_body


def layout(services: Services, context: ScreenContext) -> Component:
    """The page asked for; a wrong number raises `NotFound`, which the page around says."""
    query = context.query or {}
    if query.get("id"):
        body, view = sheet_body(services, context, query["id"])
    elif query.get("response"):
        body, view = response_body(services, query["response"])
    else:
        body, view = list_body(services, context)
    return html.Div(
        [
            *boot(services, context, view),
            bar(context),
            html.Div(
                "有新的变化", id=ids.INCIDENT_NEWS, className="incident-news no-print", hidden=True, role="status"
            ),
            html.Article(body, id=ids.INCIDENT_PAGE, className="page incident-page"),
            html.Div(id=ids.TOAST, className="toast", role="alert"),
        ],
        className="incident-screen",
    )


def boot(services: Services, context: ScreenContext, view: dict[str, Any]) -> list[Component]:
    """What starts assets/incident.js: who looks, at what."""
    state = {
        "screen": "incident",
        "server_now": context.now.isoformat(),
        "at": None,
        "mode": "exercise" if services.demo else "live",
        "alerts": [],
        "calls": [],
        "role": context.role,
        "username": context.username,
        "may_call": context.may_call,
        "may_sign": context.may_sign,
        "last_event": services.last_event(),
        "sample": is_sample(services),
        "view": to_plain(view),
    }
    text = json.dumps(state, ensure_ascii=False, separators=(",", ":"))
    return [
        html.Div(id=ids.STATE, hidden=True, **attrs({"data-state": text})),
        html.Div(id=ids.BOOT, hidden=True, **attrs({"data-screen": "incident"})),
        dcc.Store(id=ids.BOOTED),
    ]


def bar(context: ScreenContext) -> Component:
    """Where to go from here; not on paper."""
    return html.Header(
        [
            html.Nav([html.A("值班席", href="/desk/"), html.A("事件列表", href="/incident/")]),
            link_dot(),
            person(context),
        ],
        className="incident-bar no-print",
    )
