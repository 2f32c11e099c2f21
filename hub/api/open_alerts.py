"""All open alerts at once, for lists that fold and filter in the browser: made once for however many screens ask."""

from typing import Any

import orjson
from fastapi import APIRouter, Depends
from starlette.responses import Response

from alerts.columns import FIELDS, held_back, rows_of
from geodata.errors import BadInput
from hub.api.deps import Hub, require
from hub.api.remembered import UntilNextEvent

STANDINGS_S = 2.0  # a silence ends by time alone


def router(hub: Hub) -> APIRouter:
    """`/api/v1/open-alerts`"""
    api = APIRouter(prefix="/api/v1", tags=["alerts"])
    services = hub.services
    rows = UntilNextEvent(services, lambda: orjson.dumps(rows_of(services.alerts.open())))
    held = UntilNextEvent(
        services, lambda: orjson.dumps(held_back(services.alerts.standings(services.clock()))), STANDINGS_S
    )

    @api.get("/open-alerts", dependencies=[Depends(require("see"))])
    def open_alerts(only: str = "") -> Response:
        """Every open alert as columns (`fields`, `rows`), and `standings`: which of them a shelf, a silence or an
        inhibition holds back, and why. `only=standings` leaves the rows out."""
        if only not in ("", "standings"):
            raise BadInput("only 只能是 standings 或不写")
        seq, found = rows.get() if not only else (services.last_event(), b"[]")
        body: dict[str, Any] = {
            "seq": seq,
            "fields": FIELDS,
            "rows": orjson.Fragment(found),
            "standings": orjson.Fragment(held.get()[1]),
            "guarded": services.alerts.guarded(services.clock()),
        }
        return Response(orjson.dumps(body), media_type="application/json")

    return api
