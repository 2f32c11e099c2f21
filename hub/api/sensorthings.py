"""OGC SensorThings 1.1: standard devices and clients find their Datastreams and post Observations, without code."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Depends, Request

from alerts.feeds.model import Row
from alerts.feeds.sensorthings import array_rows, observation_row
from alerts.feeds.sensorthings_entities import ResourcePath, link, observation_id, resource_path, service_root
from alerts.ports import Reject
from alerts.times import parse_ms
from geodata.clock import epoch_ms
from geodata.errors import BadInput, Forbidden, NotFound
from hub.api.deps import Hub, Json, identity_of, json_body, require
from hub.api.sensorthings_lists import Things
from hub.readings_in import ReadingCheck
from hub.rights import Identity

BASE = "/api/v1/sensorthings/v1.1"
SOURCE = "sensorthings"
OBSERVATION_DOC = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["result"],
                    "properties": {
                        "result": {"type": "number"},
                        "phenomenonTime": {"type": "string", "format": "date-time"},
                        "Datastream": {"type": "object", "properties": {"@iot.id": {"type": "string"}}},
                    },
                }
            }
        },
    }
}


def may_read() -> Callable[[Request], Awaitable[None]]:
    """Those who look at the city, and the accounts that post to it."""

    async def check(request: Request) -> None:
        identity = identity_of(request)
        if not (identity.may("see") or identity.may("ingest")):
            raise Forbidden("当前身份没有此项权限(see 或 ingest)")

    return check


def router(hub: Hub) -> APIRouter:
    """`/api/v1/sensorthings/v1.1…`"""
    api = APIRouter(prefix=BASE, tags=["sensorthings"])
    services, check = hub.services, ReadingCheck(hub.services.registry)
    root = f"{services.base_url}{BASE}"
    things = Things(services, root)

    @api.get("", dependencies=[Depends(may_read())])
    async def get_root() -> Json:
        """The entity sets and the conformance classes that are met."""
        return Json(service_root(root))

    @api.get("/{path:path}", dependencies=[Depends(may_read())])
    def get_entities(path: str, request: Request) -> Json:
        """Things, Locations, Datastreams, Sensors, ObservedProperties, Observations; `$top`, `$skip`, `$count`."""
        if not path:
            return Json(service_root(root))
        return Json(things.answer(resource_path(path), dict(request.query_params)))

    @api.post("/{path:path}", status_code=201, openapi_extra=OBSERVATION_DOC, dependencies=[Depends(require("ingest"))])
    async def post_observations(path: str, request: Request) -> Json:
        """`Observations`, `Datastreams(id)/Observations` or `CreateObservations`."""
        where = resource_path(path)
        body = await json_body(request)
        who = identity_of(request)
        if where == ResourcePath("CreateObservations", None, ""):
            return Json(await asyncio.to_thread(take_array, body, who), status_code=201)
        if where.set == "Datastreams" and where.id is not None and where.then == "Observations":
            made = await asyncio.to_thread(take_one, body, where.id, who)
        elif where == ResourcePath("Observations", None, ""):
            made = await asyncio.to_thread(take_one, body, "", who)
        else:
            raise NotFound(
                "只能新建 Observations:POST Observations、Datastreams(id)/Observations 或 CreateObservations"
            )
        answer = Json(made, status_code=201)
        answer.headers["Location"] = made["@iot.selfLink"]
        return answer

    def take(rows: list[Row | str], who: Identity) -> list[str]:
        """A link or `error: why` for each row, in order; the good ones are on the bus."""
        services.feeds.allow(SOURCE, who, len(rows))
        now = services.clock()
        given = [(place, row) for place, row in enumerate(rows) if not isinstance(row, str)]
        checked = check({"observations": [row for _, row in given]}, now)
        for batch in checked.batches:
            hub.bus.publish(batch)
        wrong = {given[one.index][0]: one.reason for one in checked.rejects}
        wrong |= {place: row for place, row in enumerate(rows) if isinstance(row, str)}
        rejects = [Reject(SOURCE, place, why, str(rows[place])[:4000], now) for place, why in sorted(wrong.items())]
        services.rejects.add(rejects)
        newest = max((int(batch.observed_ms.max()) for batch in checked.batches), default=0)
        services.feeds.heard(SOURCE, who, len(rows) - len(wrong), len(wrong), newest)
        hub.metrics.readings_in.inc(len(rows) - len(wrong))
        hub.metrics.readings_rejected.inc(len(wrong))
        return [f"error: {wrong[place]}" if place in wrong else self_link(row) for place, row in enumerate(rows)]

    def self_link(row: Row | str) -> str:
        assert isinstance(row, dict)
        name = things.name_of(str(row["sensor"]), str(row["quantity"]))
        return link(root, "Observations", observation_id(name, parse_ms(row["observed_at"])[0]))

    def take_one(body: Any, datastream: str, who: Identity) -> dict[str, Any]:
        row, _ = told(lambda: observation_row(body, datastream, table(), epoch_ms(services.clock())), body, who)
        (made,) = take([row], who)
        if made.startswith("error: "):
            raise BadInput(made.removeprefix("error: "))
        return {"@iot.selfLink": made, "result": row["value"], "phenomenonTime": row["observed_at"]}

    def take_array(body: Any, who: Identity) -> list[str]:
        return take(told(lambda: array_rows(body, table(), epoch_ms(services.clock())), body, who), who)

    def told(read: Callable[[], Any], body: Any, who: Identity) -> Any:
        """What `read` makes of the body; what it cannot read is kept with its reason."""
        try:
            return read()
        except BadInput as problem:
            services.rejects.add([Reject(SOURCE, -1, str(problem), repr(body)[:4000], services.clock())])
            services.feeds.heard(SOURCE, who, 0, 1)
            raise

    def table() -> Any:
        return services.feeds.book.now().datastreams

    return api
