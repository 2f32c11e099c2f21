"""The schema by Alembic: equal to the tables as written, on both databases, forwards and back."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from geodata.errors import NotConfigured
from hub import outbox
from hub.database import Database, metadata
from hub.migrate import configuration, migrate
from hub.tables import alerts, dispatch, hub

TABLES = (outbox, alerts, dispatch, hub)


def test_the_migrations_make_the_tables_as_written(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    migrate(database, tmp_path)
    migrate(database, tmp_path)  # again is nothing
    with database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
        connection.rollback()
    assert differences == []
    database.close()


def test_back_to_nothing_and_forwards_again(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    migrate(database, tmp_path)
    config = configuration()
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        connection.commit()
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version"}
        connection.rollback()
    migrate(database, tmp_path)
    assert "alerts" in sa.inspect(database.engine).get_table_names()
    database.close()


def test_an_older_program_leaves_a_newer_database_alone(database_url: str, tmp_path: Path) -> None:
    database = Database(database_url)
    migrate(database, tmp_path)
    with database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NotConfigured, match="9999"):
        migrate(database, tmp_path)
    database.close()
