"""What can be computed again, kept for all web processes: Flask-Caching on Redis, keyed by name and data version."""

from collections.abc import Callable
from typing import Any

import redis
import structlog
from flask import Flask
from flask_caching import Cache

log = structlog.get_logger()


class Computed:
    """`computed(name, version, make)` is `make()`, remembered. Without Redis it is simply computed each time."""

    def __init__(self, flask_app: Flask, redis_url: str) -> None:
        self.flask_app = flask_app
        config = {"CACHE_TYPE": "RedisCache", "CACHE_REDIS_URL": redis_url, "CACHE_KEY_PREFIX": "city:computed:"}
        self.cache = Cache(flask_app, config=config)

    def __call__(self, name: str, version: str, make: Callable[[], Any], seconds: int = 3600) -> Any:
        key = f"{name}:{version}"
        with self.flask_app.app_context():
            try:
                found = self.cache.get(key)
                if found is None:
                    found = make()
                    self.cache.set(key, found, timeout=seconds)
                return found
            except redis.RedisError as problem:
                log.info("computed.redis-away", name=name, problem=type(problem).__name__)
        return make()
