"""What waits for its hold: told with since when and until when, and nothing else."""

from datetime import UTC, datetime, timedelta

import numpy as np

from alerts.engine import RuleEngine
from alerts.model import Level
from alerts.pending import waiting, waiting_to_plain
from alerts.ports import ReadingBatch
from alerts.rules import parse_rules
from alerts.sensors import SensorInfo
from geodata.clock import epoch_ms
from hub.alert_store import DbAlertStore
from hub.database import Database
from hub.reading_store import DbReadingStore

T0 = datetime(2026, 7, 1, tzinfo=UTC)
RULES = parse_rules("""
rules:
  - id: depth
    title: 积水
    event: 积水
    quantity: depth_m
    sensors: {all: true}
    levels:
      - {level: yellow, at: 0.2, native: 慢行}
      - {level: red, at: 0.5, native: 封闭, hold_s: 120}
    source: 测试
""")
SENSORS = {n: SensorInfo(n, f"g{n}", f"水尺{n}", "gauge") for n in (1, 2, 3)}


def test_what_waits_of_a_real_engine(room_database: Database) -> None:
    store = DbAlertStore(room_database)
    engine = RuleEngine(RULES, SENSORS, store, DbReadingStore(room_database), lambda: T0)

    def read(second: int, *values: float) -> None:
        now = T0 + timedelta(seconds=second)
        numbers = np.arange(1, len(values) + 1, dtype=np.int32)
        times = np.full(len(values), epoch_ms(now))
        engine.step(ReadingBatch("depth_m", numbers, np.array(values), times, epoch_ms(now)), now)

    names = {1: "g1", 2: "g2"}  # the third is not on the map any more
    read(0, 0.6, 0.3, 0.6)
    (one,) = waiting(store.rule_states(), RULES, names)
    assert (one.sensor, one.level, one.native) == ("g1", Level.RED, "封闭")
    assert (one.since, one.due_at) == (T0, T0 + timedelta(seconds=120))
    plain = waiting_to_plain(one, T0 + timedelta(seconds=60))
    assert (plain["state"], plain["age_s"], plain["level"]) == ("pending", 60, "red")
    read(60, 0.1, 0.7)
    assert [one.sensor for one in waiting(store.rule_states(), RULES, names)] == ["g2"]
    read(200, 0.1, 0.7)
    assert waiting(store.rule_states(), RULES, names) == []
    assert {alert.level for alert in store.open_alerts() if alert.sensor == "g2"} == {Level.RED}
