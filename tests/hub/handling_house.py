"""A city of two gauges with an engine, its upkeep and a desk over one database, for tests of the handling of alerts."""

from datetime import UTC, datetime, timedelta

import numpy as np

from alerts.desk import AlertDesk
from alerts.engine import RuleEngine
from alerts.handling import parse_handling
from alerts.inhibition import Inhibition
from alerts.model import Alert
from alerts.ports import ReadingBatch
from alerts.rules import parse_rules
from alerts.sensors import SensorInfo
from alerts.upkeep import Surroundings, Upkeep
from geodata.clock import epoch_ms
from geodata.errors import Conflict
from hub.database import Database
from hub.open_alerts import CachedAlertStore
from hub.reading_store import DbReadingStore
from hub.reject_store import DbRejectStore
from hub.silence_store import DbSilenceStore

T0 = datetime(2026, 7, 1, tzinfo=UTC)
RULES = parse_rules("""
rules:
  - id: depth
    title: 积水
    event: 积水
    quantity: depth_m
    sensors: {all: true}
    levels: [{level: yellow, at: 0.2, native: 慢行}, {level: red, at: 0.5, native: 封闭}]
    source: 测试
""")
SENSORS = {n: SensorInfo(n, f"g{n}", f"水尺{n}", "gauge", county="371302") for n in (1, 2)}
HANDLING = parse_handling("""
source: 测试
reopen_within_s: 600
close_after_s: 3600
close_standing_after_s: 7200
shelve_max_s: {red: 900, orange: 3600, yellow: 14400, blue: 28800}
chatter: [{count: 4, within_s: 1800, quiet_s: 900}]
escalation:
  red: [{after_s: 180, to: [甲]}, {after_s: 600, to: [乙, 丙]}]
  yellow: [{after_s: 1800, to: [甲]}]
""")
DRY, WET, DEEP = 0.0, 0.25, 0.6


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


class City:
    """An engine, its upkeep and a desk over one database; `wall` is how far the clock on the wall has jumped."""

    def __init__(self, database: Database, inhibitions: tuple[Inhibition, ...] = ()) -> None:
        self.database, self.inhibitions, self.incidents = database, inhibitions, list[str]()
        self.store, self.silences = CachedAlertStore(database), DbSilenceStore(database)
        self.wall, self.minute, self.conflicts = timedelta(), 0.0, 0
        self.engine, self.upkeep = self.new_engine()
        self.desk = AlertDesk(
            self.store, DbRejectStore(database), lambda: T0, self.silences, lambda: inhibitions, HANDLING
        )

    def new_engine(self) -> tuple[RuleEngine, Upkeep]:
        engine = RuleEngine(
            RULES, SENSORS, self.store, DbReadingStore(self.database), lambda: at(self.minute) + self.wall,
            handling=HANDLING,
        )  # fmt: skip
        around = Surroundings(self.silences, lambda: self.inhibitions, lambda: self.incidents, self.steady_s)
        return engine, Upkeep(self.store, HANDLING, around)

    def steady_s(self) -> float:
        return self.minute * 60

    def read(self, minute: float, value: float, sensor: int = 1) -> list[str]:
        self.minute = minute
        now = at(minute) + self.wall
        batch = ReadingBatch(
            "depth_m", np.array([sensor], np.int32), np.array([value]), np.array([epoch_ms(now)]), epoch_ms(now)
        )
        try:
            return [change.kind for change in self.engine.step(batch, now).changes]
        except Conflict:  # as the engine's loop does: begin again from what is stored
            self.conflicts += 1
            return [change.kind for change in self.engine.step(batch, now).changes]

    def tick(self, minute: float, fence: tuple[str, int] | None = None) -> list[str]:
        self.minute = minute
        changes = self.upkeep.tick(at(minute) + self.wall, fence)
        self.engine.adopt(changes)
        return [change.kind for change in changes]

    def only(self) -> Alert:
        (alert,) = self.store.open_alerts()
        return alert

    def kinds(self, alert: Alert) -> list[str]:
        return [step["kind"] for step in self.store.history(alert.id)]
