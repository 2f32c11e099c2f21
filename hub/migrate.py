"""The schema, brought up to date by Alembic: forwards on start, back by `alembic downgrade`."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from geodata.errors import NotConfigured
from hub.database import Database

FOLDER = Path(__file__).resolve().parent / "migrations"
_LOCK = 7_113_000_003


def configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return config


def migrate(database: Database, data_dir: Path) -> None:
    """Upgrade to the newest revision; processes that start together wait for one another.

    A database that is newer than this program raises `NotConfigured`: an older program must not write into it.
    """
    script = ScriptDirectory.from_config(configuration())
    newest = script.get_current_head()
    with _one_at_a_time(database, data_dir), database.engine.connect() as connection:
        now = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
        if now == newest:
            return
        if now is not None and now not in {revision.revision for revision in script.walk_revisions()}:
            raise NotConfigured(f"数据库的版本 {now} 比本程序新;请升级程序,不要用旧程序写新库")
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


@contextmanager
def _one_at_a_time(database: Database, data_dir: Path) -> Iterator[None]:
    if database.is_sqlite:
        with (data_dir / "migrate.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    with database.engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(_LOCK)))
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))
            connection.commit()
