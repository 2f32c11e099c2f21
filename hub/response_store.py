"""Responses in the database: the newest version in the row, every earlier one inside it."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dispatch.model import to_plain
from dispatch.responses import Response
from geodata.errors import NotFound
from hub.database import Database
from hub.dispatch_incidents import family
from hub.tables.dispatch import RESPONSES

_COLUMNS = tuple(column.name for column in RESPONSES.columns if column.name != "body")


class DbResponseStore:
    """`dispatch.response_desk.ResponseKeeper` on SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, response: Response) -> Response:
        """The unique index lets one in; whoever comes second waits, then reads the first."""
        table = RESPONSES.c
        insert = self._database.insert(RESPONSES).on_conflict_do_nothing().values(**_row(response))
        live = sa.select(RESPONSES).where(table.alert_id == response.alert_id, table.status != "withdrawn")
        with self._database.write() as connection:
            if connection.execute(insert.returning(table.id)).scalar() is not None:
                return response
            found = connection.execute(live).first()
        if found is None:
            raise NotFound("这条预警的响应刚刚被撤回;请再起草一次")
        return _response(found)

    def response(self, response_id: str) -> Response | None:
        with self._database.read() as connection:
            found = connection.execute(sa.select(RESPONSES).where(RESPONSES.c.id == response_id)).first()
        return _response(found) if found else None

    def responses(self, alert_id: str | None, limit: int) -> list[Response]:
        query = sa.select(RESPONSES).order_by(RESPONSES.c.id.desc()).limit(limit)
        if alert_id is not None:
            query = query.where(RESPONSES.c.alert_id == alert_id)
        with self._database.read() as connection:
            return [_response(row) for row in connection.execute(query)]

    def change_response(self, response_id: str, decide: Callable[[Response], Response]) -> Response:
        query = sa.select(RESPONSES).where(RESPONSES.c.id == response_id)
        with self._database.write() as connection:
            found = connection.execute(query.with_for_update()).first()
            if found is None:
                raise NotFound(f"没有响应 {response_id[:40]};它可能写错了,请回到预警查看")
            before = _response(found)
            after = decide(before)
            if after != before:
                change = sa.update(RESPONSES).where(RESPONSES.c.id == response_id).values(**_row(after))
                connection.execute(change)
            return after

    def signed_of(self, incident_id: str) -> Response | None:
        with self._database.read() as connection:
            return _signed(connection, family(connection, incident_id))


def _signed(connection: Connection, incident_ids: list[str]) -> Response | None:
    table = RESPONSES.c
    query = sa.select(RESPONSES).where(table.incident_id.in_(incident_ids), table.status == "signed")
    found = connection.execute(query.order_by(table.signed_at.desc(), table.id.desc())).first()
    return _response(found) if found else None


def _row(response: Response) -> dict[str, Any]:
    values = {name: getattr(response, name) for name in _COLUMNS}
    body = {name: to_plain(getattr(response, name)) for name in response.__dataclass_fields__ if name not in _COLUMNS}
    return values | {"body": body}


def _response(row: Any) -> Response:
    values: dict[str, Any] = {name: getattr(row, name) for name in _COLUMNS}
    body = dict(row.body)
    return Response(**values, **{**body, "history": tuple(body["history"])})
