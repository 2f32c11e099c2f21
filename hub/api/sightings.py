"""Positioned reports: fire points, hazards, vehicles, seen by patrols, satellites and cameras."""

import asyncio
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request

from alerts.sightings import sighting_to_plain
from hub.api.deps import Hub, Json, bounded, identity_of, json_body, parse_time, require

SIGHTINGS_DOC = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["sightings"],
                    "properties": {
                        "sightings": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["id", "kind", "lon", "lat", "observed_at"],
                                "properties": {
                                    "id": {"type": "string", "maxLength": 64},
                                    "kind": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_.-]{0,31}$"},
                                    "lon": {"type": "number", "minimum": -180, "maximum": 180},
                                    "lat": {"type": "number", "minimum": -90, "maximum": 90},
                                    "observed_at": {"type": "string", "format": "date-time"},
                                    "confidence": {"type": "number", "minimum": 0, "maximum": 1},
                                    "datum": {"type": "string", "enum": ["wgs84", "gcj02", "bd09"]},
                                    "note": {"type": "string", "maxLength": 1000},
                                    "exercise": {"type": "string", "maxLength": 64},
                                },
                            },
                        }
                    },
                }
            }
        },
    }
}


def router(hub: Hub) -> APIRouter:
    """`/api/v1/sightings`"""
    api = APIRouter(prefix="/api/v1", tags=["intake"])
    desk, clock = hub.services.sightings, hub.services.clock

    def take(who: str, payload: Any) -> dict[str, Any]:
        received = desk.receive(who, payload, who, clock())
        rejected = [{"index": one.index, "reason": one.reason} for one in received.rejects]
        return {"accepted": received.accepted, "rejected": rejected}

    @api.post("/sightings", status_code=202, openapi_extra=SIGHTINGS_DOC, dependencies=[Depends(require("ingest"))])
    async def post_sightings(request: Request) -> Json:
        """Accept reports. 202 means that they are stored; each refused one is named with its reason."""
        payload = await json_body(request)
        return Json(await asyncio.to_thread(take, identity_of(request).username, payload), status_code=202)

    @api.get("/sightings", dependencies=[Depends(require("see"))])
    def list_sightings(since: str = "", kind: str = "", limit: int = 500) -> Json:
        """Observed since then (default: the last 24 hours), newest first."""
        bounded(limit, 1, 5_000, "limit")
        begin = parse_time(since, "since") if since else clock() - timedelta(days=1)
        found = desk.since(begin, kind[:32], limit)
        return Json({"items": [sighting_to_plain(one) for one in found], "next": None})

    return api
