"""Shared real parts: a private PostgreSQL cluster, and an empty database of each kind."""

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

import hub.tables.alerts  # noqa: F401  (declares its tables)
from hub.database import Database, metadata

PG_BIN = Path("/usr/lib/postgresql/15/bin")


def _as_postgres(*command: str) -> list[str]:
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else list(command)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a private cluster's `postgres` database, without a database name at the end."""
    if not (PG_BIN / "initdb").exists():
        pytest.skip(f"PostgreSQL 15 is not installed ({PG_BIN}); apt-get install postgresql-15 postgresql-15-postgis-3")
    directory = Path(tempfile.mkdtemp(prefix="citybrain-pg-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(directory, "postgres", "postgres")
    data, port = directory / "data", _free_port()
    run = {"check": True, "cwd": directory, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(_as_postgres(str(PG_BIN / "initdb"), "-D", str(data), "-A", "trust", "-E", "UTF8"), **run)
    options = f"-p {port} -k {directory} -c listen_addresses=127.0.0.1 -c max_connections=200"
    options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"  # nobody pulls its plug
    control = str(PG_BIN / "pg_ctl")
    log = str(directory / "log")
    try:
        subprocess.run(_as_postgres(control, "-D", str(data), "-l", log, "-o", options, "-w", "start"), **run)
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}"
    finally:
        subprocess.run(
            _as_postgres(control, "-D", str(data), "-m", "immediate", "-w", "stop"), **run | {"check": False}
        )
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty database of its own in the private cluster."""
    name = f"t{uuid.uuid4().hex}"
    admin = sa.create_engine(f"{postgres_server}/postgres", isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield f"{postgres_server}/{name}"
    finally:
        with admin.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        admin.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind: contract tests run on both."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def room_database(database_url: str) -> Iterator[Database]:
    """A database of each kind with every table declared."""
    database = Database(database_url)
    metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture(scope="session")
def sample_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small sample city, made once a session; copy it with `tests.serving.sample_data`."""
    from tests.serving import sample_data

    source = tmp_path_factory.mktemp("sample")
    sample_data(source / "copy", source / "made")
    return source / "made"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sample_source: Path) -> Iterator[object]:
    """The whole product with the sample city, demo accounts and the message sink; no drill. One a module."""
    from tests.serving import sample_data, serving

    data = sample_data(tmp_path_factory.mktemp("server"), sample_source)
    with serving(data, CITYBRAIN_DEMO="true", CITYBRAIN_DRILL="") as made:
        yield made
