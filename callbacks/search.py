"""The search box: ids, names, codes over every layer."""

from dash import Dash, Input, Output
from dash.development.base_component import Component

from geodata.query import search
from hub.services import Services
from layouts import ids
from layouts.dossier import search_rows

LIMIT = 12


def register(app: Dash, services: Services) -> None:
    @app.callback(Output(ids.SEARCH_RESULTS, "children"), Input(ids.SEARCH_TEXT, "data"), prevent_initial_call=True)
    def show_results(text: str | None) -> list[Component]:
        wanted = (text or "").strip()
        return search_rows(search(services.city, wanted, LIMIT), wanted) if wanted else []
