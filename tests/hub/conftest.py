"""Parts of the hub, real ones: a database file and a Redis of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from hub.database import Database
from hub.migrate import migrate
from hub.redis_server import EmbeddedRedis


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'test.sqlite'}")
    migrate(made, tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = EmbeddedRedis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as made:
        made.flushall()
        yield made
