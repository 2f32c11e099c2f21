"""The operator load: as JSON, as tables for spreadsheets, and its page as a picture."""

from datetime import datetime

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from alerts.load_out import TABLES, load_csv, load_to_plain
from alerts.load_view import LoadView, period_of
from geodata.clock import SHANGHAI
from geodata.errors import BadInput
from hub.api.deps import Hub, Json, parse_time, require
from hub.api.printing import document, page_of

DEFAULT = "8h"


def router(hub: Hub) -> APIRouter:
    api = APIRouter(prefix="/api/v1", tags=["load"], dependencies=[Depends(require("see-city"))])

    def moment(at: str | None) -> datetime:
        now = hub.services.clock()
        return min(parse_time(at, "at"), now) if at else now

    def view(period: str, exercise: bool, at: str | None) -> LoadView:
        return hub.services.load.view(period, moment(at), exercise=exercise)

    @api.get("/load")
    def load(period: str = DEFAULT, exercise: bool = False, at: str | None = None) -> Json:
        """Calls per 10 minutes against EEMUA 191 and ISA-18.2, floods, what calls most, is stale, chatters; waits."""
        return Json(load_to_plain(view(period, exercise, at)))

    @api.get("/load.csv")
    def spreadsheet(
        period: str = DEFAULT, exercise: bool = False, at: str | None = None, table: str = TABLES[0]
    ) -> Response:
        """`table=bins`: one row a bin of ten minutes; `table=top`: the ten that call most."""
        if table not in TABLES:
            raise BadInput(f"table 应为 {'、'.join(TABLES)}")
        found = view(period, exercise, at)
        return document(load_csv(found, table), "text/csv; charset=utf-8", f"load-{table}-{_stamp(found)}.csv")

    @api.get("/load.png")
    def picture(request: Request, period: str = DEFAULT, exercise: bool = False, at: str | None = None) -> Response:
        """The page as it stands at that moment."""
        period_of(period)
        asked = moment(at)
        query = {"period": period, "exercise": "1" if exercise else "0", "at": asked.isoformat()}
        url, cookie = page_of(hub, request, "/load/", query)
        name = f"load-{period}-{asked.astimezone(SHANGHAI):%Y%m%d-%H%M%S}.png"
        return document(hub.renderer.png(url, cookie, "16x9"), "image/png", name)

    return api


def _stamp(view: LoadView) -> str:
    return f"{view.period}-{view.load.end.astimezone(SHANGHAI):%Y%m%d-%H%M%S}"
