"""The roster in the database."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from dispatch.model import Person
from hub.database import Database
from hub.tables.dispatch import PEOPLE

_COLUMNS = [column for column in PEOPLE.columns if column.name != "sample"]


class DbRoster:
    """People who can be called. Sample people (示例数据) are marked and are replaced as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace_sample(self, people: Sequence[Person]) -> int:
        """Put `people` in the place of all sample people; real ones stay, also against an equal id. How many stored."""
        with self._database.write() as connection:
            connection.execute(sa.delete(PEOPLE).where(PEOPLE.c.sample.is_(True)))
            rows = [{**_row(person), "sample": True} for person in people]
            insert = self._database.insert(PEOPLE).on_conflict_do_nothing()
            for start in range(0, len(rows), 500):
                connection.execute(insert, rows[start : start + 500])
        return len(rows)

    def upsert(self, people: Iterable[Person]) -> int:
        """Store real people, replacing those of the same id."""
        rows = [{**_row(person), "sample": False} for person in people]
        insert = self._database.insert(PEOPLE)
        changes = {name: insert.excluded[name] for name in PEOPLE.columns.keys() if name != "id"}  # noqa: SIM118
        with self._database.write() as connection:
            for start in range(0, len(rows), 500):
                statement = insert.on_conflict_do_update(index_elements=["id"], set_=changes)
                connection.execute(statement, rows[start : start + 500])
        return len(rows)

    def get(self, person_id: str) -> Person | None:
        return self._one(PEOPLE.c.id == person_id)

    def by_username(self, username: str) -> Person | None:
        return self._one(PEOPLE.c.username == username)

    def all(self) -> list[Person]:
        """Everybody, in the order of their ids."""
        with self._database.read() as connection:
            return [person_of(row) for row in connection.execute(sa.select(*_COLUMNS).order_by(PEOPLE.c.id))]

    def _one(self, condition: Any) -> Person | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(*_COLUMNS).where(condition)).first()
        return person_of(row) if row else None


def person_by_id(connection: sa.Connection, person_id: str) -> Person | None:
    """The person, read in the caller's transaction."""
    row = connection.execute(sa.select(*_COLUMNS).where(PEOPLE.c.id == person_id)).first()
    return person_of(row) if row else None


def person_of(row: Any) -> Person:
    """A row of `people` as a `Person`."""
    values = dict(row._mapping)
    return Person(**{**values, "roles": tuple(values["roles"]), "duties": tuple(values["duties"])})


def _row(person: Person) -> dict[str, Any]:
    return {
        **{name: getattr(person, name) for name in person.__dataclass_fields__},
        "roles": list(person.roles),
        "duties": list(person.duties),
        "contacts": dict(person.contacts),
    }
