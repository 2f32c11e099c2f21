"""The HTML page around a screen: language, theme, manifest. No inline script, so the CSP can be strict."""

from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids
from layouts.attrs import attrs
from layouts.model import Screen

PAGE = """<!DOCTYPE html>
<html lang="zh-CN" data-theme="{theme}" class="screen-{id}">
<head>
{{%metas%}}
<meta name="theme-color" content="{colour}">
<title>{{%title%}}</title>
<link rel="icon" type="image/svg+xml" href="/{id}/assets/icon.svg">{manifest}
{{%css%}}
</head>
<body>
{{%app_entry%}}
<footer>{{%config%}}{{%scripts%}}{{%renderer%}}</footer>
</body>
</html>
"""
MANIFEST = '\n<link rel="manifest" href="/{id}/assets/{id}.webmanifest">'


def page(screen: Screen) -> str:
    """The page of `screen` with Dash's places left open."""
    manifest = MANIFEST.format(id=screen.id) if screen.installable else ""
    colour = "#0a1220" if screen.theme == "dark" else "#f4f6f8"
    return PAGE.format(theme=screen.theme, id=screen.id, manifest=manifest, colour=colour)


def outline() -> Component:
    """What callbacks may name, as Dash checks it in the browser; without it every page would carry a whole layout."""
    stores = [dcc.Store(id=one) for one in (ids.BOOTED, ids.SELECTION, ids.CIRCLE, ids.SEARCH_TEXT)]
    boxes: list[Component] = [
        html.Div(id=one) for one in (ids.BOOT, ids.DOSSIER, ids.CIRCLE_RESULT, ids.SEARCH_RESULTS)
    ]
    stores += [dcc.Store(id=one) for one in (ids.LOAD_DATA, ids.LOAD_DRAWN)]
    boxes += [html.Div(id=ids.LOAD_BODY), dcc.Interval(id=ids.LOAD_TICK)]
    return html.Div([*stores, *boxes])


def refused(text: str) -> Component:
    """What stands in place of a screen that cannot be shown."""
    return html.Main(
        [
            html.Div(id=ids.BOOT, hidden=True, **attrs({"data-screen": "refused"})),
            dcc.Store(id=ids.BOOTED),
            html.Div(
                [html.H1("无法显示"), html.P(text), html.A("返回实时", href="?", className="button")], className="panel"
            ),
        ],
        className="refused",
    )
