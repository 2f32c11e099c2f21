"""What every process of an installation opens first: the database, the map data, Redis, the rule book."""

from dataclasses import dataclass
from pathlib import Path

import redis
import sqlalchemy as sa
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from geodata.catalog import Catalog
from geodata.clock import utc_now
from geodata.errors import NotConfigured
from hub.audit import AuditLog
from hub.auth import Auth
from hub.database import Database
from hub.migrate import migrate
from hub.reject_store import DbRejectStore
from hub.roster_store import DbRoster
from hub.rule_book import RuleBook
from hub.rule_versions import RuleVersions
from hub.sensor_registry import DbSensorRegistry
from hub.settings import Settings

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Stores:
    """The durable side, as every command needs it."""

    settings: Settings
    database: Database
    catalog: Catalog
    registry: DbSensorRegistry
    rejects: DbRejectStore
    roster: DbRoster
    auth: Auth
    audit: AuditLog


def open_stores(settings: Settings) -> Stores:
    """Open the database (bringing its schema up to date) and the map data of `settings`."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.sqlalchemy_url)
    try:
        migrate(database, settings.data_dir)
    except sa.exc.OperationalError as problem:
        raise NotConfigured(f"数据库连不上:{problem.orig};请检查 CITYBRAIN_DATABASE_URL 与数据库服务") from None
    return Stores(
        settings, database, Catalog(settings.data_dir), DbSensorRegistry(database), DbRejectStore(database),
        DbRoster(database), Auth(database, settings.session_hours), AuditLog(database),
    )  # fmt: skip


def redis_client(settings: Settings) -> redis.Redis:
    if not settings.redis_url:
        raise NotConfigured("没有 CITYBRAIN_REDIS_URL;单独运行 web 或 engine 时需要它,serve 会自带一个")
    # once again at once: a Redis that was started anew has closed the old connections; longer waiting is the caller's
    retry = Retry(ConstantBackoff(0.05), 1)
    return redis.Redis.from_url(settings.redis_url, socket_timeout=5, socket_connect_timeout=2, retry=retry)


def rule_book(stores: Stores) -> RuleBook:
    """The rules' versions, and the operator's file that new ones may come from."""
    versions = RuleVersions(stores.database, stores.audit)
    kept = stores.settings.data_dir / "rules.last-good.yaml"
    return RuleBook(versions, ROOT / stores.settings.rules_file, kept, utc_now)
