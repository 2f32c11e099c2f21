"""What the receivers were told, in the database: one row a group, and how far the events have been told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
import sqlalchemy as sa

from alerts.group_state import Record
from alerts.model import Alert
from alerts.routing import Place, Route
from geodata.clock import from_epoch_ms
from hub.alert_body import alert_of_plain, told_in
from hub.database import Database
from hub.lease import check_fence
from hub.outbox import last_seq
from hub.tables.alerts import NOTIFY_CURSOR, NOTIFY_LOG


@dataclass(frozen=True, slots=True)
class Logged:
    """A group as it was left by whoever told it last."""

    place: Place
    record: Record
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """A committed change of an alert: its number, its time, and the alert after it."""

    seq: int
    at: datetime
    alert: Alert


class NotifyStore:
    """Everything is written under the fence of the lease: a notifier that was taken over writes nothing any more."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def logged(self, root: Route) -> list[Logged]:
        """The groups of the log that the route tree still has; what belongs to no route any more is left out."""
        routes = {route.path: route for route in _all_routes(root)}
        found = []
        with self._database.read() as connection:
            rows = connection.execute(sa.select(NOTIFY_LOG)).all()
        for row in rows:
            body = orjson.loads(row.body)
            route = routes.get(body["route"])
            if route is not None and route.receiver == row.receiver:
                labels = tuple((name, value) for name, value in body["labels"])
                record = Record(body["told"], body["key"])
                found.append(Logged(Place(route, labels, row.group_key), record, row.sent_at))
        return found

    def save(
        self,
        sent: Sequence[tuple[Place, Record | None]],
        at: datetime,
        cursor: int | None,
        fence: tuple[str, int],
    ) -> None:
        """Remember what was sent (None: nothing is left of the group) and how far the events have been told."""
        with self._database.write() as connection:
            check_fence(connection, fence)
            rows = [_row(place, record, at) for place, record in sent if record is not None]
            if rows:
                put = self._database.insert(NOTIFY_LOG)
                fresh = {"sent_at": put.excluded.sent_at, "body": put.excluded.body}
                connection.execute(
                    put.on_conflict_do_update(index_elements=["receiver", "group_key"], set_=fresh), rows
                )
            gone = [{"r": place.route.receiver, "g": place.key} for place, record in sent if record is None]
            if gone:
                columns = NOTIFY_LOG.c
                where = sa.and_(columns.receiver == sa.bindparam("r"), columns.group_key == sa.bindparam("g"))
                connection.execute(NOTIFY_LOG.delete().where(where), gone)
            if cursor is not None:
                mark = self._database.insert(NOTIFY_CURSOR).values(one=1, seq=cursor)
                connection.execute(mark.on_conflict_do_update(index_elements=["one"], set_={"seq": cursor}))

    def cursor(self) -> int:
        """Every event up to this number has been told or needs no telling; before the first start, all there are."""
        with self._database.read() as connection:
            seq = connection.execute(sa.select(NOTIFY_CURSOR.c.seq)).scalar()
            return last_seq(connection) if seq is None else min(int(seq), last_seq(connection))

    def newest(self) -> int:
        with self._database.read() as connection:
            return last_seq(connection)

    def changes_after(self, seq: int, limit: int) -> tuple[list[Heard], int]:
        """Changes of alerts with a number above `seq`, in order, and the number up to which the events were read."""
        mark = "?" if self._database.is_sqlite else "%s"
        query = f"SELECT seq, topic, at, body FROM outbox WHERE seq > {mark} ORDER BY seq LIMIT {mark}"  # noqa: S608
        with self._database.read() as connection:
            rows = connection.exec_driver_sql(query, (seq, limit)).all()
        heard, moment, at = list[Heard](), -1, from_epoch_ms(0)
        for number, topic, at_ms, body in rows:
            if topic != "alerts":
                continue
            if at_ms != moment:
                moment, at = at_ms, from_epoch_ms(at_ms)
            heard += [Heard(number, at, alert_of_plain(plain)) for plain in told_in(body)]
        return heard, int(rows[-1][0]) if rows else seq


def _row(place: Place, record: Record, at: datetime) -> dict[str, object]:
    body = {"route": place.route.path, "labels": place.labels, "told": record.told, "key": record.last_key}
    return {"receiver": place.route.receiver, "group_key": place.key, "sent_at": at, "body": orjson.dumps(body)}


def _all_routes(root: Route) -> Iterable[Route]:
    yield root
    for route in root.routes:
        yield from _all_routes(route)
