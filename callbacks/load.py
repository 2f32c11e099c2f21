"""Keeps the load page at this moment, and draws its bars in the browser."""

from dash import ClientsideFunction, Dash, Input, Output

from callbacks.identity import context
from hub.services import Services
from layouts import ids, load


def register(app: Dash, services: Services) -> None:
    @app.callback(
        Output(ids.LOAD_BODY, "children"),
        Output(ids.LOAD_DATA, "data"),
        Input(ids.LOAD_TICK, "n_intervals"),
        prevent_initial_call=True,
    )
    def look_again(_ticks: int) -> tuple[object, object]:
        found = load.asked(services, context(services))
        return load.body(found), load.chart_data(found)

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction(namespace="citybrain", function_name="drawLoad"),
        Output(ids.LOAD_DRAWN, "data"),
        Input(ids.LOAD_DATA, "data"),
    )
