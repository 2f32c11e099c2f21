"""Building everything, once a process: settings → adapters → services → application. Called from `app.py` only."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import redis
import sqlalchemy as sa
from flask import Flask
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from alerts.desk import AlertDesk
from alerts.engine import RuleEngine
from alerts.handling import load_handling
from alerts.inhibition import Inhibition
from alerts.rule_evaluators import build_evaluators
from alerts.sightings import SightingDesk
from alerts.silence_desk import SilenceDesk
from dispatch.channels import build_channels
from dispatch.city_teams import CityTeams
from dispatch.desk import DispatchDesk
from dispatch.plans import load_plans
from dispatch.worker import CallWorker
from geodata.catalog import Catalog
from geodata.city import City
from geodata.clock import utc_now
from geodata.errors import NotConfigured
from geodata.live_roads import LiveRoads
from geodata.tiles import TileService
from geodata.tiles import warm_up as warm_up_tiles
from hub.alert_handling import build_upkeep
from hub.alert_queue import AlertQueue
from hub.alert_store import DbAlertStore
from hub.api.deps import Hub
from hub.audit import Audited, AuditLog
from hub.auth import Auth
from hub.bus import RedisReadingBus, exercise_label
from hub.cap_store import CapShelf
from hub.compose_incidents import (
    INCIDENT_ACTIONS,
    RESPONSE_ACTIONS,
    build_incidents,
    build_responses,
    dispatch_parts,
)
from hub.computed import Computed
from hub.database import Database
from hub.dispatch_store import DbDispatchStore
from hub.engine import Engine
from hub.feeds.book import FeedsBook
from hub.feeds.desk import FeedsDesk
from hub.health import Health
from hub.holders import own_name
from hub.lease import Leases
from hub.live import LatestReadings, LivePublisher
from hub.load_store import LoadDesk, chatter_rules
from hub.memory import settle_memory
from hub.metrics import Metrics
from hub.migrate import migrate
from hub.muting import Muting
from hub.notifier import Notifier
from hub.notify_store import NotifyStore
from hub.open_alerts import CachedAlertStore
from hub.outbox import last_seq
from hub.push import Push
from hub.reading_store import DbReadingStore
from hub.receivers import parse_receivers
from hub.reject_store import DbRejectStore
from hub.relay import Relay
from hub.render import Renderer
from hub.roster_store import DbRoster
from hub.routing_file import RoutingFile
from hub.rule_activity import RuleActivity
from hub.rule_book import RuleBook
from hub.rule_places import RulePlaces
from hub.rule_trial import RuleTrials
from hub.rule_versions import RuleVersions
from hub.sensor_registry import DbSensorRegistry
from hub.sensors import county_codes, sensor_infos
from hub.services import Services
from hub.settings import Settings
from hub.sighting_store import DbSightingStore
from hub.silence_store import DbSilenceStore
from layers.builtin import BUILTIN_LAYERS

ROOT = Path(__file__).resolve().parents[1]

ALERT_ACTIONS = {
    "acknowledge": "alert.acknowledge",
    "acknowledge_many": "alert.acknowledge",
    "shelve": "alert.shelve",
    "unshelve": "alert.unshelve",
    "close": "alert.close",
    "reopen": "alert.reopen",
    "receive_cap": "alert.receive",
    "receive_json": "alert.receive",
}
SIGHTING_ACTIONS = {"receive": "sighting.receive"}
SILENCE_ACTIONS = {"silence": "silence.create", "end": "silence.end"}
DISPATCH_ACTIONS = {
    "open_incident": "incident.open",
    "close_incident": "incident.close",
    "preview": "call.preview",
    "call": "call.start",
    "stand_down": "call.stand-down",
    "recall_unanswered": "call.recall",
    "answer_receipt": "receipt.answer",
    "answer_task": "task.answer",
}


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


def build_dispatch(stores: Stores, city: City, roads: LiveRoads, alerts: AlertDesk) -> DispatchDesk:
    """The dispatch desk over the city's teams and roads."""
    settings = stores.settings
    channels = build_channels(settings.smtp_url.get_secret_value(), settings.webhook_url.get_secret_value())
    return DispatchDesk(
        DbDispatchStore(stores.database), stores.roster, load_plans(ROOT / settings.plans_file), CityTeams(city),
        roads, alerts, channels, lambda token: f"{settings.base_url}/r/{token}", utc_now,
        drills_only=settings.demo, **dispatch_parts(settings, stores.database, alerts),
    )  # fmt: skip


def build_services(stores: Stores, bus: RedisReadingBus, flask_app: Flask, chromium: str | None) -> Services:
    """The application of one web process."""
    settings, city, roads = stores.settings, City.load(stores.catalog), LiveRoads(stores.catalog)
    readings, computed = DbReadingStore(stores.database), Computed(flask_app, settings.redis_url)
    book = rule_book(stores)
    silences, handling = DbSilenceStore(stores.database), load_handling(ROOT / settings.alert_handling_file)
    alerts = AlertDesk(
        CachedAlertStore(stores.database), stores.rejects, utc_now, silences, lambda: handling.inhibitions, handling,
        lambda: county_codes(city), CapShelf(stores.database),
    )  # fmt: skip
    dispatch = build_dispatch(stores, city, roads, alerts)
    incidents = build_incidents(settings, stores.database, stores.roster, alerts, dispatch)
    responses = build_responses(settings, stores.database, alerts, dispatch, incidents)
    feeds = FeedsDesk(bus.client, FeedsBook(ROOT / settings.feeds_file), stores.rejects, utc_now)
    return Services(
        city_name=settings.city_name,
        base_url=settings.base_url,
        demo=settings.demo,
        clock=utc_now,
        city=city,
        tiles=TileService(city),
        layers=BUILTIN_LAYERS,
        alerts=Audited(alerts, stores.audit, ALERT_ACTIONS),  # type: ignore[arg-type]
        sightings=Audited(  # type: ignore[arg-type]
            SightingDesk(DbSightingStore(stores.database), stores.rejects), stores.audit, SIGHTING_ACTIONS
        ),
        silences=Audited(SilenceDesk(silences, alerts.open), stores.audit, SILENCE_ACTIONS),  # type: ignore[arg-type]
        dispatch=Audited(dispatch, stores.audit, DISPATCH_ACTIONS),  # type: ignore[arg-type]
        incidents=Audited(incidents, stores.audit, INCIDENT_ACTIONS),  # type: ignore[arg-type]
        responses=Audited(responses, stores.audit, RESPONSE_ACTIONS),  # type: ignore[arg-type]
        roads=roads,
        readings=readings,
        registry=stores.registry,
        rejects=stores.rejects,
        latest=LatestReadings(
            readings, lambda: {number: name for name, number in stores.registry.numbers().items()}
        ),
        last_event=lambda: newest_event(stores.database),
        exercise=lambda: exercise_label(bus.client),
        health=Health(stores.database, bus, city, utc_now, chromium, feeds.part),
        rules=book,
        rule_activity=RuleActivity(stores.database),
        rule_trials=RuleTrials(stores.database, readings, city, stores.registry, book, utc_now),
        computed=computed,
        cap=CapShelf(stores.database),
        load=LoadDesk(stores.database, computed, chatter_rules(handling)),
        feeds=feeds,
    )  # fmt: skip


def newest_event(database: Database) -> int:
    with database.read() as connection:
        return last_seq(connection)


def build_hub(stores: Stores, flask_app: Flask) -> Hub:
    """Services and the server's own parts, for one web process."""
    settings, client = stores.settings, redis_client(stores.settings)
    bus, renderer = RedisReadingBus(client), Renderer(settings.chromium)
    services = build_services(stores, bus, flask_app, renderer.executable)
    return Hub(
        settings, services, stores.auth, stores.audit, bus, Push(settings.redis_url), renderer, Metrics(),
        AlertQueue(DbAlertStore(stores.database)), load_handling(ROOT / settings.alert_handling_file),
    )  # fmt: skip


def warm_up(services: Services) -> None:
    """Compile or load the hot kernels beside the first requests, so that no officer waits for a compiler."""

    def work() -> None:
        warm_up_tiles()
        services.tiles.is_warm = True
        seats = services.city.frame("counties") if "counties" in services.city.versions else None
        if seats is not None and len(seats):
            place = seats.geometry.iloc[0].representative_point()
            services.roads.travel_to(place.x, place.y, [(place.x, place.y)])

    threading.Thread(target=work, name="warm-up", daemon=True).start()


def rule_book(stores: Stores) -> RuleBook:
    """The rules' versions, and the operator's file that new ones may come from."""
    versions = RuleVersions(stores.database, stores.audit)
    kept = stores.settings.data_dir / "rules.last-good.yaml"
    return RuleBook(versions, ROOT / stores.settings.rules_file, kept, utc_now)


def build_notifier(
    stores: Stores, client: redis.Redis, holder: str, inhibitions: Callable[[], Sequence[Inhibition]]
) -> Notifier:
    """Who is told of which alerts, by the routing file; what is silenced, inhibited or shelved is left out."""
    settings = stores.settings
    muting = Muting(DbSilenceStore(stores.database).active, inhibitions)
    return Notifier(
        store=NotifyStore(stores.database), alerts=DbAlertStore(stores.database), leases=Leases(stores.database),
        client=client, holder=holder, clock=utc_now, routes=RoutingFile(ROOT / settings.routing_file),
        receivers=parse_receivers(settings.receivers.get_secret_value()), muting=muting, base_url=settings.base_url,
    )  # fmt: skip


def engine(settings: Settings) -> int:
    """One engine process."""
    stores, client = open_stores(settings), redis_client(settings)
    city = City.load(stores.catalog, ("sensors", "waterlogging_points", "counties"))
    channels = build_channels(settings.smtp_url.get_secret_value(), settings.webhook_url.get_secret_value())
    holder = own_name()
    readings, names = DbReadingStore(stores.database), dict[int, str]()
    rules_now, alerts = rule_book(stores), CachedAlertStore(stores.database)
    handling = load_handling(ROOT / settings.alert_handling_file)
    places, sightings = RulePlaces(stores.catalog), DbSightingStore(stores.database)

    def rules() -> RuleEngine:
        infos = sensor_infos(city, stores.registry)
        names.clear()
        names.update({number: info.id for number, info in infos.items()})
        in_force = rules_now.rules()
        evaluators = build_evaluators(in_force, infos, places.of(in_force), sightings)
        return RuleEngine(in_force, infos, alerts, readings, utc_now, evaluators, handling)

    def stale() -> bool:
        return any([bool(city.refresh()), rules_now.changed(), places.changed()])

    relay = Relay(stores.database, client)
    relay.start()
    notifier = build_notifier(stores, client, holder, lambda: handling.inhibitions)
    settle_memory()
    worker = CallWorker(DbDispatchStore(stores.database), channels, holder, utc_now)
    Engine(
        rules=rules, stale=stale, worker=worker, rules_problem=lambda: rules_now.problem,
        rules_version=lambda: rules_now.version_no,
        upkeep=build_upkeep(stores.database, alerts, handling, lambda: handling.inhibitions).tick,
        bus=RedisReadingBus(client), client=client, leases=Leases(stores.database),
        live=LivePublisher(client, names.get), holder=holder, clock=utc_now,
        housekeeping=lambda now: (
            readings.prune(now, settings.reading_days),
            sightings.prune(now, settings.reading_days),
        ),
        notify=notifier.run,
    ).run()  # fmt: skip
    worker.close()
    relay.stop()
    return 0
