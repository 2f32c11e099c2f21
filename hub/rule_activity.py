"""How often each rule fired lately, from the alerts' history; drills are counted apart."""

from collections import defaultdict
from datetime import datetime, timedelta

import sqlalchemy as sa

from hub.database import Database
from hub.tables.alerts import HISTORY

COUNTED = ("fired", "reopened")
Counts = dict[str, dict[str, int]]


class RuleActivity:
    """`activity(now)` → rule id → day, week, drill_day, drill_week. What a silent sensor raised counts for its rule."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(self, now: datetime) -> Counts:
        day = sa.func.sum(sa.case((HISTORY.c.at >= now - timedelta(days=1), 1), else_=0))
        query = (
            sa.select(HISTORY.c.topic, HISTORY.c.exercise, sa.func.count().label("week"), day.label("day"))
            .where(HISTORY.c.at >= now - timedelta(days=7), HISTORY.c.at <= now)
            .where(HISTORY.c.kind.in_(COUNTED), HISTORY.c.topic.like("rule:%"))
            .group_by(HISTORY.c.topic, HISTORY.c.exercise)
        )
        found: Counts = defaultdict(lambda: {"day": 0, "week": 0, "drill_day": 0, "drill_week": 0})
        with self._database.read() as connection:
            for row in connection.execute(query):
                counts = found[row.topic.split(":")[1].partition("/")[0]]
                mark = "drill_" if row.exercise else ""
                counts[f"{mark}week"] += int(row.week)
                counts[f"{mark}day"] += int(row.day)
        return dict(found)
