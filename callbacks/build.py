"""The four Dash apps on one Flask server, one a screen: a screen loads only what it needs."""

from collections.abc import Callable
from pathlib import Path

from dash import Dash
from dash.development.base_component import Component
from flask import Flask, Response, send_from_directory

from callbacks import boot, circle, dossier, load, search
from callbacks.identity import context
from geodata.errors import CityError
from hub.services import Services
from layouts import brief, desk, field, incident, wall
from layouts import feeds as feeds_page
from layouts import load as load_page
from layouts import rules as rules_page
from layouts.model import Screen
from layouts.page import outline, page, refused

ASSETS = Path(__file__).resolve().parents[1] / "assets"


def register_desk(app: Dash, services: Services) -> None:
    """Everything a person can ask the desk."""
    for module in (boot, dossier, search, circle):
        module.register(app, services)


def register_load(app: Dash, services: Services) -> None:
    """What keeps the load page at this moment."""
    boot.register(app, services)
    load.register(app, services)


SCREENS: tuple[Screen, ...] = (
    Screen("desk", "值班席", desk.layout, register_desk),
    Screen("wall", "指挥大屏", wall.layout, boot.register),
    Screen("field", "我的任务", field.layout, boot.register, theme="light", installable=True),
    Screen("brief", "值班快报", brief.layout, boot.register, theme="light"),
    Screen("incident", "事件处置", incident.layout, boot.register, theme="light"),
    Screen("load", "告警负荷", load_page.layout, register_load),
    Screen("feeds", "接入", feeds_page.layout, boot.register),
    Screen("rules", "告警规则", rules_page.layout, boot.register),
)


def build_screens(flask_app: Flask, services: Services) -> dict[str, Dash]:
    """Every screen as a Dash app by its id, mounted at `/<id>/` of `flask_app`."""
    apps = {screen.id: build(flask_app, services, screen) for screen in SCREENS}
    flask_app.add_url_rule("/field/sw.js", "field_service_worker", service_worker)
    return apps


def build(flask_app: Flask, services: Services, screen: Screen) -> Dash:
    """One screen. The layout is a function, so that every load is fresh."""
    prefix = f"/{screen.id}/"
    app = Dash(
        f"screen_{screen.id}",
        server=flask_app,
        routes_pathname_prefix=prefix,
        requests_pathname_prefix=prefix,
        assets_folder=str(ASSETS),
        assets_ignore=r"^(sw\.js|.*\.webmanifest)$",
        serve_locally=True,
        title=f"{screen.title} · {services.city_name}",
        update_title=None,  # type: ignore[arg-type]  # None is what its documentation asks for
        index_string=page(screen),
        suppress_callback_exceptions=False,
    )
    app.validation_layout = outline()  # type: ignore[assignment]  # Dash declares it as None
    app.layout = fresh(services, screen)
    screen.register(app, services)
    return app


def fresh(services: Services, screen: Screen) -> Callable[[], Component]:
    """The layout function: this person's screen, now; a bad `?at=` says so instead of failing."""

    def layout() -> Component:
        try:
            return screen.layout(services, context(services))
        except CityError as error:
            return refused(str(error))

    return layout


def service_worker() -> Response:
    """Served beside the field screen, since a service worker rules only what lies below its own path."""
    reply = send_from_directory(ASSETS, "sw.js", mimetype="text/javascript")
    reply.headers["Cache-Control"] = "no-cache"
    return reply
