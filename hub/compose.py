"""Building one web process: stores → desks → services → hub. Called from `app.py` only."""

import threading

from flask import Flask

from alerts.desk import AlertDesk
from alerts.handling import load_handling
from alerts.sightings import SightingDesk
from alerts.silence_desk import SilenceDesk
from dispatch.channels import build_channels
from dispatch.city_teams import CityTeams
from dispatch.desk import DispatchDesk
from dispatch.plans import load_plans
from geodata.city import City
from geodata.clock import utc_now
from geodata.live_roads import LiveRoads
from geodata.tiles import TileService
from geodata.tiles import warm_up as warm_up_tiles
from hub.alert_queue import AlertQueue
from hub.alert_store import DbAlertStore
from hub.api.deps import Hub
from hub.audit import Audited
from hub.bus import RedisReadingBus, exercise_label
from hub.cap_store import CapShelf
from hub.compose_incidents import (
    INCIDENT_ACTIONS,
    RESPONSE_ACTIONS,
    build_incidents,
    build_responses,
    dispatch_parts,
)
from hub.compose_stores import ROOT, Stores, redis_client, rule_book
from hub.computed import Computed
from hub.database import Database
from hub.dispatch_store import DbDispatchStore
from hub.feeds.book import FeedsBook
from hub.feeds.desk import FeedsDesk
from hub.health import Health
from hub.live import LatestReadings
from hub.load_store import LoadDesk, chatter_rules
from hub.metrics import Metrics
from hub.open_alerts import CachedAlertStore
from hub.outbox import last_seq
from hub.push import Push
from hub.reading_store import DbReadingStore
from hub.render import Renderer
from hub.rule_activity import RuleActivity
from hub.rule_trial import RuleTrials
from hub.sensors import county_codes
from hub.services import Services
from hub.sighting_store import DbSightingStore
from hub.silence_store import DbSilenceStore
from layers.builtin import BUILTIN_LAYERS

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
