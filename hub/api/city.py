"""The city by URL: vector tiles, small layers as GeoJSON, sensors, features, the 3-D view's data."""

from typing import Any

import orjson
import pydeck
from fastapi import APIRouter, Depends, Request
from starlette.responses import FileResponse, Response

from geodata.city import City
from geodata.errors import BadInput, NotFound
from geodata.query import features_at, search
from hub.api.deps import Hub, Json, bounded, require
from hub.api.tiles import cached, tile_answer
from layers.deck_waterlogging import deck_json, density

SMALL_LAYERS = frozenset({"counties", "rivers", "hills", "waterlogging_points", "teams", "warehouses"})


def router(hub: Hub) -> APIRouter:
    """`/tiles…`, `/data/…`, `/api/v1/sensors`, `/api/v1/features`, `/api/v1/search`, `/api/v1/deck/…`"""
    api = APIRouter(tags=["city"], dependencies=[Depends(require("see"))])
    services = hub.services
    city, tiles, small = services.city, services.tiles, _SmallLayers(services.city)

    @api.get("/tiles/{layer}.json")
    def tilejson(layer: str) -> Json:
        return Json(tiles.tilejson(layer, services.base_url))

    @api.get("/tiles/{layer}/{z}/{x}/{y}.pbf")
    async def tile(layer: str, z: int, x: int, y: int, request: Request) -> Response:
        """A Mapbox Vector Tile, version 2."""
        return await tile_answer(tiles, layer, z, x, y, request)

    @api.get("/data/{layer}.geojson")
    def geojson(layer: str, request: Request) -> Response:
        if layer not in SMALL_LAYERS:
            raise NotFound(f"图层 {layer} 不提供整层下载;请用 /tiles/{layer}/…")
        body, etag = small.get(layer)
        return cached(request, body, etag, "application/geo+json")

    @api.get("/api/v1/sensors")
    def sensors(quantity: str | None = None, ids: str | None = None, limit: int = 1000, after: str = "") -> Json:
        """Sensors with their last readings, by id."""
        bounded(limit, 1, 10_000, "limit")
        wanted = set(ids.split(",")) if ids else None
        latest, items = services.latest(), []
        frame = city.frame("sensors") if "sensors" in city.versions else None
        if frame is None:
            return Json({"items": [], "next": None})
        for row in frame.sort_values("id").itertuples(index=False):
            quantities = [word.strip() for word in str(row.quantities).split(",")]
            skip = (wanted is not None and row.id not in wanted) or (quantity and quantity not in quantities)
            if skip or row.id <= after:
                continue
            last = {
                name: {"value": value, "observed_at": at.isoformat()}
                for name, (value, at) in latest.get(row.id, {}).items()
            }
            point = row.geometry
            items.append({"id": row.id, "name": row.name, "kind": row.kind, "quantities": quantities,
                          "lon": point.x, "lat": point.y, "last": last})  # fmt: skip
            if len(items) == limit:
                break
        return Json({"items": items, "next": items[-1]["id"] if len(items) == limit else None})

    @api.get("/api/v1/features")
    def features(lon: float, lat: float, zoom: float = 14.0, layers: str = "") -> Json:
        if not (-180 <= lon <= 180 and -85 <= lat <= 85 and 0 <= zoom <= 24):
            raise BadInput("lon、lat、zoom 超出范围")
        names = [name for name in layers.split(",") if name] or sorted(city.versions)
        return Json({"items": features_at(city, lon, lat, zoom, names), "next": None})

    @api.get("/api/v1/search")
    def find(q: str, limit: int = 20) -> Json:
        return Json({"items": search(city, q[:100], bounded(limit, 1, 100, "limit")), "next": None})

    @api.get("/api/v1/deck/waterlogging")
    def deck() -> Response:
        version = city.versions.get("city_components", "")
        cells = services.computed("component-density", version, lambda: density(city))
        body: Any = deck_json(city, services.latest(), services.clock(), cells)
        return Response(body, media_type="application/json")

    @api.get("/vendor/pydeck.js")
    def pydeck_bundle() -> Response:
        """deck.gl as it lies in the pydeck wheel: nothing comes from outside."""
        path = f"{pydeck.__path__[0]}/nbextension/static/index.js"
        return FileResponse(path, media_type="text/javascript", headers={"Cache-Control": "private, max-age=86400"})

    return api


class _SmallLayers:
    """Whole small layers as GeoJSON bytes, made once a data version."""

    def __init__(self, city: City) -> None:
        self.city = city
        self._made: dict[str, tuple[str, bytes]] = {}

    def get(self, layer: str) -> tuple[bytes, str]:
        version = self.city.versions.get(layer, "")
        kept = self._made.get(layer)
        if kept is None or kept[0] != version:
            collection = orjson.loads(self.city.frame(layer).to_json(drop_id=True, to_wgs84=False))
            for number, feature in enumerate(collection["features"], start=1):  # Leaflet takes 0 for "no id"
                feature["id"] = number
            kept = self._made[layer] = (version, orjson.dumps(collection))
        return kept[1], f'"{version}"'
