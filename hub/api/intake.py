"""What comes in: readings and warnings. A whole batch is checked at once; what is refused is kept with its reason."""

import asyncio
import time
from datetime import datetime
from typing import Any

import structlog
from fastapi import APIRouter, Depends, Request

from alerts.ports import Reject
from geodata.errors import BadInput
from hub.api.deps import Hub, Json, identity_of, json_body, object_body, require
from hub.bus import say_exercise
from hub.readings_in import ReadingCheck
from hub.rights import Identity

log = structlog.get_logger()

OBSERVATIONS_DOC = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        {
                            "type": "object",
                            "required": ["observations"],
                            "properties": {
                                "observations": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["sensor", "quantity", "value", "observed_at"],
                                        "properties": {
                                            "sensor": {"type": "string"},
                                            "quantity": {"type": "string"},
                                            "value": {"type": "number"},
                                            "observed_at": {"type": "string", "format": "date-time"},
                                        },
                                    },
                                },
                                "exercise": {"type": "string"},
                            },
                        },
                        {
                            "type": "object",
                            "required": ["quantity", "observed_at", "sensor", "value"],
                            "properties": {
                                "quantity": {"type": "string"},
                                "observed_at": {"type": "string", "format": "date-time"},
                                "sensor": {"type": "array", "items": {"type": "string"}},
                                "value": {"type": "array", "items": {"type": "number"}},
                                "exercise": {"type": "string"},
                            },
                        },
                    ]
                }
            }
        },
    }
}
WARNING_DOC = {
    "requestBody": {
        "required": True,
        "content": {
            "application/cap+xml": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "object"}},
        },
    }
}


def router(hub: Hub) -> APIRouter:
    """`POST /api/v1/observations` and `POST /api/v1/alerts`."""
    api = APIRouter(prefix="/api/v1", tags=["intake"])
    services = hub.services
    check = ReadingCheck(services.registry)

    def take(payload: Any, who: Identity) -> tuple[int, list[dict[str, Any]]]:
        now = services.clock()
        services.feeds.allow("http", who, rows_in(payload))
        try:
            checked = check(payload, now)
        except BadInput as refused:
            services.rejects.add([_whole(payload, str(refused), now)])
            services.feeds.heard("http", who, 0, 1)
            raise
        for batch in checked.batches:
            hub.bus.publish(batch)
        if checked.rejects:
            services.rejects.add(checked.rejects)
        newest = max((int(batch.observed_ms.max()) for batch in checked.batches), default=0)
        services.feeds.heard("http", who, checked.accepted, len(checked.rejects), newest)
        hub.metrics.readings_in.inc(checked.accepted)
        hub.metrics.readings_rejected.inc(len(checked.rejects))
        return checked.accepted, [{"index": item.index, "reason": item.reason} for item in checked.rejects]

    @api.post(
        "/observations", status_code=202, openapi_extra=OBSERVATIONS_DOC, dependencies=[Depends(require("ingest"))]
    )
    async def post_observations(request: Request) -> Json:
        """Accept readings, as rows or as columns of one quantity. Each refused one is named with its reason."""
        began = time.perf_counter()
        payload = await json_body(request)
        accepted, rejected = await asyncio.to_thread(take, payload, identity_of(request))
        hub.metrics.intake_seconds.observe(time.perf_counter() - began)
        return Json({"accepted": accepted, "rejected": rejected}, status_code=202)

    @api.post("/alerts", status_code=201, openapi_extra=WARNING_DOC, dependencies=[Depends(require("warn"))])
    async def post_alert(request: Request) -> Json:
        """Accept a warning: CAP 1.2, the China profile, or JSON with CAP's fields. 422 lists every problem."""
        who = identity_of(request).username
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind == "application/json":
            payload = await json_body(request)
            outcome = await asyncio.to_thread(services.alerts.receive_json, payload, who, services.clock())
        elif kind.endswith("xml"):
            body = await request.body()
            outcome = await asyncio.to_thread(services.alerts.receive_cap, body, who, services.clock())
        else:
            raise BadInput("Content-Type 应为 application/cap+xml 或 application/json")
        return Json({"id": outcome.id, "outcome": outcome.outcome}, status_code=201)

    @api.post("/exercise", dependencies=[Depends(require("ingest"))])
    async def post_exercise(request: Request) -> Json:
        """What a running drill says of itself (`id`, `label`); screens show it for 20 s."""
        body = await object_body(request)
        if not isinstance(body.get("label"), str) or not isinstance(body.get("id"), str):
            raise BadInput("需要 id 与 label 两个字符串")
        await asyncio.to_thread(say_exercise, hub.bus.client, body["id"][:64], body["label"][:200])
        return Json({"label": body["label"][:200]})

    @api.get("/rejects", dependencies=[Depends(require("rejects"))])
    def get_rejects(limit: int = 200, source: str | None = None) -> Json:
        """Every refused input with its reason, newest first."""
        items = services.rejects.latest(max(1, min(limit, 1000)), source)
        rows = [
            {"source": item.source, "index": item.index, "reason": item.reason, "original": item.original,
             "at": item.at.isoformat()}
            for item in items
        ]  # fmt: skip
        return Json({"items": rows, "next": None})

    return api


def rows_in(payload: Any) -> int:
    """How many rows a payload claims to have; 1 for what cannot be read."""
    found = payload.get("observations", payload.get("sensor")) if isinstance(payload, dict) else None
    return max(1, len(found)) if isinstance(found, list) else 1


def _whole(payload: Any, reason: str, now: datetime) -> Reject:
    return Reject("observations", -1, reason, repr(payload)[:4000], now)
