"""Prometheus posts its alerts here as it would to an Alertmanager; an Alertmanager may pass its own on."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.engine import Connection
from starlette.responses import Response

from alerts.feeds.alertmanager import SOURCE, Checked, parse_alerts, parse_webhook
from alerts.feeds.repeated import Decision, decide
from alerts.model import Alert
from alerts.ports import Reject
from geodata.errors import BadInput
from hub.alert_store import Settling
from hub.api.deps import Hub, Json, identity_of, parse_json, require

LARGE = 20_000  # bytes; reading more than this on the event loop would hold up every other request
FEED = "alertmanager"  # its kind on the feeds page
_SHOWN = 100  # rejects named in an answer; all of them are among the rejects
ALERTS_DOC = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["labels"],
                        "properties": {
                            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                            "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
                            "startsAt": {"type": "string", "format": "date-time"},
                            "endsAt": {"type": "string", "format": "date-time"},
                            "generatorURL": {"type": "string"},
                        },
                    },
                }
            }
        },
    }
}
WEBHOOK_DOC = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["alerts"],
                    "properties": {"version": {"type": "string"}, "alerts": {"type": "array"}},
                }
            }
        },
    }
}
Parse = Callable[[object, datetime], Checked]


def router(hub: Hub) -> APIRouter:
    """`POST /api/v2/alerts` and `POST /api/v1/feeds/alertmanager`."""
    api = APIRouter(tags=["intake"])
    services = hub.services

    def work(reports: Sequence[Alert], who: str, now: datetime) -> Settling:
        def audited(connection: Connection, decision: Decision) -> None:
            if decision.changes:
                kinds = [change.kind for change in decision.changes]
                detail = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
                first = decision.changes[0].alert.id
                hub.audit.append(connection, who, "alert.receive", f"{SOURCE}:{len(kinds)} · {first}", detail, now)

        keys = [report.dedup_key for report in reports]
        within_s = hub.handling.reopen_within_s
        since = now - timedelta(seconds=within_s) if within_s else None
        return Settling(keys, lambda known: decide(reports, known, who, now, hub.handling), now, audited, since)

    async def take(request: Request, parse: Parse) -> Checked:
        body, who, now = await request.body(), identity_of(request).username, services.clock()
        try:
            checked = await asyncio.to_thread(read, body, parse, now) if len(body) > LARGE else read(body, parse, now)
        except BadInput as refused:
            original = body[:4_000].decode("utf-8", "backslashreplace")
            whole = Reject(SOURCE, -1, str(refused)[:4_000], original, now)
            await asyncio.to_thread(services.rejects.add, [whole])
            services.feeds.heard(FEED, identity_of(request), 0, 1)
            raise
        if checked.rejects:
            await asyncio.to_thread(services.rejects.add, checked.rejects)
        if checked.reports:
            await asyncio.wrap_future(hub.alert_queue.submit(work(checked.reports, who, now)))
        services.feeds.heard(FEED, identity_of(request), len(checked.reports), len(checked.rejects))
        return checked

    @api.post("/api/v2/alerts", dependencies=[Depends(require("warn"))], openapi_extra=ALERTS_DOC)
    async def post_alerts(request: Request) -> Response:
        """Alerts as Prometheus sends them to an Alertmanager. 200 without a body once they are stored; 422 names what
        was refused, and the rest is stored."""
        checked = await take(request, parse_alerts)
        if checked.rejects:
            named = [f"第 {one.index} 条:{one.reason}" for one in checked.rejects[:_SHOWN]]
            stored = f"已保存 {len(checked.reports)} 条,拒收 {len(checked.rejects)} 条:{named[0]}"
            raise BadInput(stored, problems=named)
        return Response(status_code=200)

    @api.post("/api/v1/feeds/alertmanager", dependencies=[Depends(require("warn"))], openapi_extra=WEBHOOK_DOC)
    async def post_webhook(request: Request) -> Json:
        """What an Alertmanager sends to a webhook receiver (version 4)."""
        checked = await take(request, parse_webhook)
        rejected: list[dict[str, Any]] = [{"index": one.index, "reason": one.reason} for one in checked.rejects]
        return Json({"accepted": len(checked.reports), "rejected": rejected[:_SHOWN]})

    return api


def read(body: bytes, parse: Parse, now: datetime) -> Checked:
    return parse(parse_json(body), now)
