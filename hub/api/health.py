"""Alive, ready, and the figures."""

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from hub.api.deps import Hub, Json
from hub.errors import problem

LOOPBACK = {"127.0.0.1", "::1", "testclient"}


def router(hub: Hub) -> APIRouter:
    """`/healthz` and `/readyz` are open to all; `/metrics` to this machine and to signed-in administrators."""
    api = APIRouter(tags=["health"])

    @api.get("/healthz")
    async def healthz() -> Json:
        return Json({"status": "alive"})

    @api.get("/readyz")
    async def readyz() -> Json:
        """200 when every part answers, 503 when one does not; either way each part's state."""
        parts: Mapping[str, Any] = await asyncio.to_thread(hub.services.health)
        ready = all(part["up"] for part in parts.values() if part.get("needed", True))
        body = {"status": "ready" if ready else "not-ready", "parts": dict(parts)}
        return Json(body, status_code=200 if ready else 503)

    @api.get("/metrics")
    async def metrics(request: Request) -> Response:
        identity = request.scope.get("citybrain.user")
        local = request.client is not None and request.client.host in LOOPBACK
        if not (local or (identity is not None and identity.role == "admin")):
            return problem("forbidden", "指标只对本机和系统管理员开放")
        parts: Mapping[str, Any] = await asyncio.to_thread(hub.services.health)
        for name, part in parts.items():
            hub.metrics.up.labels(name).set(1 if part["up"] else 0)
        for figure, value in parts.get("engine", {}).get("figures", {}).items():
            hub.metrics.engine.labels(figure).set(float(value))
        if parts["bus"]["up"]:
            hub.metrics.feeds(await asyncio.to_thread(hub.services.feeds.rows))
        hub.metrics.backlog.set(parts.get("bus", {}).get("backlog", 0))
        hub.metrics.listeners.set(len(hub.push.listeners))
        hub.metrics.cut.set(hub.push.cut_total)
        return Response(hub.metrics.text(), media_type="text/plain; version=0.0.4")

    return api
