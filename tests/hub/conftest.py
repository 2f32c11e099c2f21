"""Databases with every table of the alerts room."""

from collections.abc import Iterator

import pytest

import hub.tables.alerts  # noqa: F401  (declares the tables)
from hub.database import Database, metadata


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    metadata.create_all(database.engine)
    yield database
    database.close()
