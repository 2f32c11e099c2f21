"""What can be computed again is computed once a version, and without Redis each time."""

from flask import Flask

from hub.computed import Computed
from hub.redis_server import EmbeddedRedis


def test_once_a_version_for_all_processes(redis_url: str) -> None:
    made: list[str] = []

    def make() -> list[str]:
        made.append("x")
        return ["value", str(len(made))]

    one, other = Computed(Flask("one"), redis_url), Computed(Flask("other"), redis_url)
    assert one("thing", "v1", make) == ["value", "1"]
    assert other("thing", "v1", make) == ["value", "1"]
    assert one("thing", "v2", make) == ["value", "2"]


def test_without_redis_it_is_computed_each_time(tmp_path) -> None:  # type: ignore[no-untyped-def]
    server = EmbeddedRedis(tmp_path)
    server.start()
    computed = Computed(Flask("one"), server.url)
    server.stop()
    assert [computed("thing", "v", lambda: 7) for _ in range(2)] == [7, 7]
