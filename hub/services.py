"""What screens and API may use: one frozen value, built once in `app.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.desk import AlertDesk
from alerts.ports import ReadingStore, RejectStore, SensorRegistry
from alerts.sightings import SightingDesk
from alerts.silence_desk import SilenceDesk
from dispatch.desk import DispatchDesk
from dispatch.incident_desk import IncidentDesk
from dispatch.response_desk import ResponseDesk
from geodata.city import City
from geodata.live_roads import LiveRoads
from geodata.tiles import TileService
from hub.cap_store import CapShelf
from hub.computed import Computed
from hub.feeds.desk import FeedsDesk
from hub.load_store import LoadDesk
from hub.rule_activity import RuleActivity
from hub.rule_book import RuleBook
from hub.rule_trial import RuleTrials
from layers.model import Layer

Latest = Mapping[str, Mapping[str, tuple[float, datetime]]]  # sensor id → quantity → (value, observed at)


@dataclass(frozen=True, slots=True)
class Services:
    """The application without its server. `latest()` is at most a second old."""

    city_name: str
    base_url: str
    demo: bool
    clock: Callable[[], datetime]
    city: City
    tiles: TileService
    layers: tuple[Layer, ...]
    alerts: AlertDesk
    silences: SilenceDesk
    sightings: SightingDesk
    dispatch: DispatchDesk
    incidents: IncidentDesk
    responses: ResponseDesk
    roads: LiveRoads
    readings: ReadingStore
    registry: SensorRegistry
    rejects: RejectStore
    latest: Callable[[], Latest]
    health: Callable[[], Mapping[str, Any]]
    last_event: Callable[[], int]  # number of the newest committed event: a screen resumes from where it was drawn
    exercise: Callable[[], str]  # the running drill's label, "" when none runs
    rules: RuleBook
    rule_activity: RuleActivity
    rule_trials: RuleTrials
    computed: Computed
    load: LoadDesk
    cap: CapShelf
    feeds: FeedsDesk
