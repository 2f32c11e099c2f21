"""The operator load, read from the alert history by its index and kept until something happens."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa

from alerts.handling import Handling
from alerts.load import ANSWERED, BIN_MS, COUNTED, STALE_AFTER, Load, Step, first_bin, load_of
from alerts.load_lists import ISA_CHATTER, ChatterRule
from alerts.load_view import LoadView, newest_ids, officers_of, period_of, stale_of
from alerts.model import Alert
from alerts.model_json import alert_from_plain
from hub.database import Database
from hub.tables.alerts import ALERTS, HISTORY

BEFORE = timedelta(hours=24)  # what began within this time before the period is known at its beginning
FRESH_S = 120
Kept = Callable[[str, str, Callable[[], Any], int], Any]


def chatter_rules(handling: Handling) -> tuple[ChatterRule, ...]:
    """ISA-18.2's, and those by which this system holds an alert open, where they differ from it."""
    ours = {(limit.count, limit.within_s) for limit in handling.chatter}
    ours -= {(ISA_CHATTER.count, ISA_CHATTER.within_s)}
    return (ISA_CHATTER, *(ChatterRule(count, within_s, "本系统的处置设置") for count, within_s in sorted(ours)))


class LoadDesk:
    """`view` is what the page and the API show. `kept` is `hub.computed.Computed`; `rules` say what chatter is."""

    def __init__(self, database: Database, kept: Kept, rules: Sequence[ChatterRule] = (ISA_CHATTER,)) -> None:
        self._database, self._kept, self._rules = database, kept, rules

    def view(self, period: str, now: datetime, *, exercise: bool = False) -> LoadView:
        """The load of the `period` that ends at `now`: of real alerts, or of drills alone. At most a minute old."""
        span = period_of(period)
        with self._database.read() as connection:
            newest = connection.execute(sa.select(sa.func.max(HISTORY.c.seq))).scalar() or 0
        version = f"{period}:{exercise:d}:{newest}:{now.timestamp() // 60:.0f}"
        found: LoadView = self._kept("load", version, lambda: self._read(period, span, now, exercise), FRESH_S)
        return found

    def _read(self, period: str, span: timedelta, now: datetime, exercise: bool) -> LoadView:
        start = first_bin(now, span)
        with self._database.read() as connection:
            steps = self._steps(connection, start - BEFORE, now, exercise)
            recorded_from = connection.execute(sa.select(sa.func.min(HISTORY.c.at))).scalar()
            load = load_of(steps, start, now, recorded_from, self._rules)
            seen = self._acknowledgements(connection, start, now, exercise)
            stale = [one for one in self._long_open(connection, now) if (one.status != "Actual") == exercise]
            names = self._names(connection, load)
        return LoadView(period, exercise, load, stale_of(stale, now), officers_of(seen), names)

    @staticmethod
    def _steps(connection: sa.Connection, start: datetime, now: datetime, exercise: bool) -> list[Step]:
        """Only columns of the index `alert_history_at`, so that no row is opened; times as the database keeps them."""
        columns = HISTORY.c
        query = (
            sa.select(
                sa.type_coerce(columns.at, sa.BigInteger), columns.kind, columns.level, columns.was_level,
                columns.topic, columns.alert_id,
            )
            .where(columns.at >= start, columns.at <= now, columns.kind.in_((*COUNTED, *ANSWERED)))
            .where(columns.exercise == sa.literal(exercise, sa.Boolean), columns.level.is_not(None))
            .order_by(columns.at)
        )  # fmt: skip
        return connection.execute(query).all()  # type: ignore[return-value]

    @staticmethod
    def _acknowledgements(
        connection: sa.Connection, start: datetime, now: datetime, exercise: bool
    ) -> list[tuple[str, int, int]]:
        """(who, bin, how many)."""
        columns = HISTORY.c
        number = sa.type_coerce(columns.at, sa.BigInteger) // sa.literal_column(str(BIN_MS))
        query = (
            sa.select(columns.who, number, sa.func.count())
            .where(columns.at >= start, columns.at <= now, columns.kind == "acknowledged")
            .where(columns.exercise == sa.literal(exercise, sa.Boolean))
            .group_by(columns.who, number)
        )
        return [(row[0], row[1], row[2]) for row in connection.execute(query)]

    @staticmethod
    def _long_open(connection: sa.Connection, now: datetime) -> list[Alert]:
        query = sa.select(ALERTS.c.body).where(
            ALERTS.c.fired_at < now - STALE_AFTER,
            sa.or_(ALERTS.c.resolved_at.is_(None), ALERTS.c.resolved_at > now),
        )
        return [alert_from_plain(orjson.loads(row.body)) for row in connection.execute(query)]

    @staticmethod
    def _names(connection: sa.Connection, load: Load) -> dict[str, Alert]:
        wanted = newest_ids(load)
        ids = sorted(set(wanted.values()))[:500]
        query = sa.select(ALERTS.c.id, ALERTS.c.body).where(ALERTS.c.id.in_(ids))
        found = {row.id: alert_from_plain(orjson.loads(row.body)) for row in connection.execute(query)}
        return {topic: found[alert_id] for topic, alert_id in wanted.items() if alert_id in found}
