"""Building one engine process and its notifier. Called from `app.py` only."""

from collections.abc import Callable, Sequence

import redis

from alerts.engine import RuleEngine
from alerts.handling import load_handling
from alerts.inhibition import Inhibition
from alerts.rule_evaluators import build_evaluators
from alerts.rule_resolved import resolved, unresolved
from dispatch.channels import build_channels
from dispatch.worker import CallWorker
from geodata.city import City
from geodata.clock import utc_now
from hub.alert_handling import build_upkeep
from hub.alert_store import DbAlertStore
from hub.bus import RedisReadingBus
from hub.compose_stores import ROOT, Stores, open_stores, redis_client, rule_book
from hub.dispatch_store import DbDispatchStore
from hub.engine import Engine
from hub.holders import own_name
from hub.lease import Leases
from hub.live import LivePublisher
from hub.memory import settle_memory
from hub.muting import Muting
from hub.notifier import Notifier
from hub.notify_store import NotifyStore
from hub.open_alerts import CachedAlertStore
from hub.reading_store import DbReadingStore
from hub.receivers import parse_receivers
from hub.relay import Relay
from hub.routing_file import RoutingFile
from hub.rule_places import RulePlaces
from hub.sensors import sensor_infos
from hub.settings import Settings
from hub.sighting_store import DbSightingStore
from hub.silence_store import DbSilenceStore


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
    unplaced: list[str] = []

    def rules() -> RuleEngine:
        infos = sensor_infos(city, stores.registry)
        names.clear()
        names.update({number: info.id for number, info in infos.items()})
        written = rules_now.rules()
        layers = places.of(written)
        in_force = resolved(written, infos, layers)
        unplaced[:] = unresolved(written, infos, layers)
        evaluators = build_evaluators(in_force, infos, layers, sightings)
        return RuleEngine(in_force, infos, alerts, readings, utc_now, evaluators, handling)

    def stale() -> bool:
        return any([bool(city.refresh()), rules_now.changed(), places.changed()])

    relay = Relay(stores.database, client)
    relay.start()
    notifier = build_notifier(stores, client, holder, lambda: handling.inhibitions)
    settle_memory()
    worker = CallWorker(DbDispatchStore(stores.database), channels, holder, utc_now)
    Engine(
        rules=rules, stale=stale, worker=worker,
        rules_problem=lambda: "\n".join(filter(None, (rules_now.problem, *unplaced))),
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
