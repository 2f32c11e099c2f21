"""What feeds must remember between two looks at their source, kept in the database."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from hub.database import Database
from hub.tables.alerts import FEED_CURSORS


class FeedCursors:
    """One plain JSON object for each feed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, feed_id: str) -> Mapping[str, Any] | None:
        with self._database.read() as connection:
            query = sa.select(FEED_CURSORS.c.body).where(FEED_CURSORS.c.feed == feed_id)
            found: Mapping[str, Any] | None = connection.execute(query).scalar()
            return found

    def put(self, feed_id: str, body: Mapping[str, Any]) -> None:
        statement = self._database.insert(FEED_CURSORS).values(feed=feed_id, body=dict(body))
        statement = statement.on_conflict_do_update(index_elements=["feed"], set_={"body": statement.excluded.body})
        with self._database.write() as connection:
            connection.execute(statement)
