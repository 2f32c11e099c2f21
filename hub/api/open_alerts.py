"""All open alerts at once, for lists that fold and filter in the browser: made once for however many screens ask."""

import threading
from typing import Any

import orjson
from fastapi import APIRouter, Depends
from starlette.responses import Response

from alerts.columns import FIELDS, held_back, rows_of
from geodata.errors import BadInput
from hub.api.deps import Hub, require


class _Made:
    """The encoded rows of one state of the city's alerts; asked for by every screen that was away at the same moment."""

    def __init__(self, hub: Hub) -> None:
        self._hub, self._lock = hub, threading.Lock()
        self._seq, self._rows = -1, b""

    def rows(self) -> tuple[int, bytes]:
        """(number of the newest event they contain, rows as JSON)."""
        with self._lock:
            seq = self._hub.services.last_event()  # before the alerts: what comes after it is told by the stream
            if seq != self._seq:
                self._rows = orjson.dumps(rows_of(self._hub.services.alerts.open()))
                self._seq = seq
            return self._seq, self._rows


def router(hub: Hub) -> APIRouter:
    """`/api/v1/open-alerts`"""
    api = APIRouter(prefix="/api/v1", tags=["alerts"])
    made, services = _Made(hub), hub.services

    @api.get("/open-alerts", dependencies=[Depends(require("see"))])
    def open_alerts(only: str = "") -> Response:
        """Every open alert as columns (`fields`, `rows`), and `standings`: which of them a shelf, a silence or an
        inhibition holds back, and why. `only=standings` leaves the rows out."""
        if only not in ("", "standings"):
            raise BadInput("only 只能是 standings 或不写")
        seq, rows = made.rows() if not only else (services.last_event(), b"[]")
        now = services.clock()
        body: dict[str, Any] = {
            "seq": seq,
            "fields": FIELDS,
            "rows": orjson.Fragment(rows),
            "standings": held_back(getattr(services.alerts, "standings", lambda _: {})(now)),
            "guarded": getattr(services.alerts, "guarded", lambda _: False)(now),
        }
        return Response(orjson.dumps(body), media_type="application/json")

    return api
