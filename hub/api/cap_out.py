"""CAP out: the feed of what stands and what ended lately, and one alert's document."""

import hashlib
from datetime import datetime

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from alerts.cap_publish import CANCELS_FOR, atom_feed, document_of, message_key, published
from hub.api.deps import Hub, require

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def router(hub: Hub) -> APIRouter:
    """Before the router of `/api/v1/alerts/{alert_id}`, which would take `….cap` for an id."""
    api = APIRouter(prefix="/api/v1", tags=["alerts"], dependencies=[Depends(require("see"))])
    desk, shelf, clock = hub.services.alerts, hub.services.cap, hub.services.clock

    @api.get("/alerts.cap")
    def feed(request: Request) -> Response:
        """What stands, and for 24 hours what was cancelled or ended, as an Atom feed of CAP 1.2 messages. `ETag`."""
        now = clock()
        standing, since = desk.open(now), now - CANCELS_FOR
        ended, cancels = shelf.ended_since(since), shelf.cancels(since)
        names = [message_key(one, cancels.get(one.id)) for one in (*standing, *ended) if one.source == "cap"]
        body = atom_feed(published(standing, ended, cancels, shelf.originals(names)), hub.settings.base_url)
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/atom+xml", headers=headers)

    @api.get("/alerts/{alert_id}.cap")
    def one(alert_id: str) -> Response:
        """The alert as a CAP 1.2 document: the received message unchanged, ours in our own name."""
        alert = desk.get(alert_id)
        ended = alert.resolved_at is not None and alert.source == "cap"
        cancelled_by = shelf.cancels(alert.resolved_at or EPOCH).get(alert_id) if ended else None
        document = document_of(alert, shelf.originals([message_key(alert, cancelled_by)]), cancelled_by)
        return Response(document, media_type="application/cap+xml")

    return api
