"""All open alerts at once, for lists that fold and filter in the browser: made once for however many screens ask."""

import threading
import time
from typing import Any

import orjson
from fastapi import APIRouter, Depends
from starlette.responses import Response

from alerts.columns import FIELDS, held_back, rows_of
from geodata.errors import BadInput
from hub.api.deps import Hub, require

STANDINGS_S = 2.0  # a silence ends by time alone: what is derived with `now` is made again after this long


class _Made:
    """The encoded rows and standings of one state of the city's alerts, for all the screens that ask meanwhile."""

    def __init__(self, hub: Hub) -> None:
        self._services, self._lock = hub.services, threading.Lock()
        self._seq, self._rows = -1, b""
        self._held: tuple[int, float, bytes] = (-1, 0.0, b"")

    def rows(self) -> tuple[int, bytes]:
        """(number of the newest event they contain, rows as JSON)."""
        with self._lock:
            seq = self._services.last_event()  # before the alerts: what comes after it is told by the stream
            if seq != self._seq:
                self._rows = orjson.dumps(rows_of(self._services.alerts.open()))
                self._seq = seq
            return self._seq, self._rows

    def held(self) -> bytes:
        """What is held back, as JSON."""
        with self._lock:
            seq, made_at = self._services.last_event(), time.monotonic()
            if seq != self._held[0] or made_at - self._held[1] > STANDINGS_S:
                held = orjson.dumps(held_back(self._services.alerts.standings(self._services.clock())))
                self._held = (seq, made_at, held)
            return self._held[2]


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
        body: dict[str, Any] = {
            "seq": seq,
            "fields": FIELDS,
            "rows": orjson.Fragment(rows),
            "standings": orjson.Fragment(made.held()),
            "guarded": services.alerts.guarded(services.clock()),
        }
        return Response(orjson.dumps(body), media_type="application/json")

    return api
