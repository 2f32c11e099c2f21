"""A minimal server of tiles as the product serves them, with one Dash page around a map. Used by two benchmarks.

python -m bench.tile_server DATA_DIR PORT
"""

import json
import sys
from pathlib import Path
from typing import Any

import anyio.to_thread
import dash_leaflet as dl
import uvicorn
from a2wsgi import WSGIMiddleware
from dash import Dash, html
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from geodata.catalog import Catalog
from geodata.city import City
from geodata.errors import CityError
from geodata.tiles import TileService, warm_up

ASSETS = Path(__file__).resolve().parents[1] / "assets"
COLORS = {"01": "#5aa9ff", "02": "#ffd166", "03": "#c792ea", "04": "#5ddb8a", "05": "#ff9f6e", "06": "#9fb3c8"}
BAD = {"damaged": "#ff4d4f", "missing": "#ff4d4f", "offline": "#ff4d4f"}
LAYERS: list[dict[str, Any]] = [
    {
        "layer": "counties",
        "style": {"type": "polygon", "default": "#13202f", "outline": "#4b6584", "weight": 1.2, "opacity": 1},
    },
    {
        "layer": "forest_grid",
        "minZoom": 9,
        "style": {"type": "polygon", "colors": {"4": "#7a5c20", "5": "#7a2a20"}, "default": "#1d3b2a", "hatch": ["5"]},
    },
    {"layer": "rivers", "style": {"type": "line", "default": "#2f6fb0", "weight": {"0": 1.5, "12": 4}}},
    {
        "layer": "roads",
        "style": {
            "type": "line",
            "colors": {"motorway": "#e0a458", "trunk": "#c9b25f", "primary": "#9aa7b8", "secondary": "#7d8a9c"},
            "default": "#566475",
            "casing": "#0b1220",
            "widths": {"motorway": {"0": 1.6, "12": 3, "15": 6}, "trunk": {"0": 1.2, "12": 2.4, "15": 5}},
            "weight": {"0": 0.7, "14": 1.5, "16": 4},
            "labels": {"min_zoom": 14},
        },
    },
    {
        "layer": "city_components",
        "style": {"type": "point", "colors": COLORS, "state_colors": BAD, "radius": {"0": 1, "15": 1.5, "17": 4}},
    },
]


def tile_routes(service: TileService) -> list[Route]:
    """`/tiles/{layer}/{z}/{x}/{y}.pbf` and `/tiles/{layer}.json`; only tiles not at hand go to a thread."""

    async def tile(request: Request) -> Response:
        at = request.path_params
        place = at["layer"], at["z"], at["x"], at["y"]
        try:
            found = service.cached(*place) or await anyio.to_thread.run_sync(service.tile, *place)
        except CityError as error:
            return JSONResponse({"detail": str(error)}, 404 if error.code == "not-found" else 400)
        headers = {"etag": found.etag, "cache-control": "private, max-age=60"}
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=304, headers=headers)
        return Response(found.body, media_type="application/vnd.mapbox-vector-tile", headers=headers)

    def about(request: Request) -> Response:
        return JSONResponse(service.tilejson(request.path_params["layer"], str(request.base_url)))

    return [Route("/tiles/{layer}/{z:int}/{x:int}/{y:int}.pbf", tile), Route("/tiles/{layer}.json", about)]


def page(service: TileService) -> Dash:
    """The smallest Dash page with our canvas layers in a dash-leaflet map."""
    city = service.city
    app = Dash(__name__, assets_folder=str(ASSETS), title="tiles", assets_ignore=r"^(?!mvt_).*")
    there = [{"id": each["layer"], **each} for each in LAYERS if each["layer"] in city.versions]
    for order, config in enumerate(there):
        config |= {"order": order, "version": city.versions[config["layer"]]}
        config["about"] = service.tilejson(config["layer"], "")
    hook = dl.LayerGroup(eventHandlers={"add": {"variable": "citybrain.addCanvasLayers"}})
    view = {"center": [35.06, 118.35], "zoom": 10, "preferCanvas": True, "zoomControl": False}
    size = {"height": "900px", "width": "1440px", "background": "#0b1220"}
    app.layout = html.Div(
        [
            html.Div(hidden=True, **{"data-citybrain-layers": json.dumps(there)}),
            dl.Map([hook], id="map", style=size, **view),
        ]
    )
    return app


def application(data_dir: Path) -> Starlette:
    """Load the city, warm the kernels up, serve."""
    city = City.load(Catalog(data_dir))
    warm_up()
    service = TileService(city)
    return Starlette(routes=[*tile_routes(service), Mount("/", app=WSGIMiddleware(page(service).server))])


if __name__ == "__main__":
    uvicorn.run(application(Path(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
