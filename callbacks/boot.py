"""Starts the browser's part of a screen, once its elements stand."""

from dash import ClientsideFunction, Dash, Input, Output

from hub.services import Services
from layouts import ids


def register(app: Dash, services: Services) -> None:  # noqa: ARG001 every callback module has this shape
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction(namespace="citybrain", function_name="boot"),
        Output(ids.BOOTED, "data"),
        Input(ids.BOOT, "data-screen"),
    )
