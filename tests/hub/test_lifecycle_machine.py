"""The whole life of alerts under readings, people, time, restarts and a jumping clock, over the real store."""

import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alerts.chatter import KEPT_ONSETS
from alerts.desk import AlertDesk
from alerts.engine import RuleEngine
from alerts.handling import parse_handling
from alerts.matchers import parse_matchers
from alerts.model import OVER, Alert, AlertState, Level, state_of
from alerts.ports import ReadingBatch
from alerts.rules import parse_rules
from alerts.sensors import SensorInfo
from alerts.silences import new_silence
from geodata.clock import epoch_ms
from geodata.errors import BadInput, Conflict
from hub.alert_handling import build_upkeep
from hub.alert_store import DbAlertStore
from hub.database import Database, metadata
from hub.open_alerts import CachedAlertStore
from hub.reading_store import DbReadingStore
from hub.reject_store import DbRejectStore
from hub.silence_store import DbSilenceStore
from hub.tables.alerts import ALERTS

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
HANDLING = parse_handling("""
source: 测试
reopen_within_s: 120
close_after_s: 600
close_standing_after_s: 86400
shelve_max_s: {red: 60, orange: 120, yellow: 240, blue: 480}
chatter: [{count: 3, within_s: 300, quiet_s: 200}]
escalation: {red: [{after_s: 60, to: [甲]}, {after_s: 120, to: [乙]}], yellow: [{after_s: 300, to: [甲]}]}
inhibitions: [{id: i, source: [level=red], target: [level=yellow], why: 更重}]
""")
SENSORS = {n: SensorInfo(n, f"g{n}", f"水尺{n}", "gauge", county="兰山区") for n in (1, 2)}
SAME = (
    "level", "resolved_at", "acknowledged_at", "acknowledged_by", "shelved_until", "closed_at", "closed_by",
    "incident_id", "reopened", "chattering_since", "escalation",
)  # fmt: skip


class Life(RuleBasedStateMachine):
    """Readings, an officer, time and crashes in any order."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="life-")
        self.database = Database(f"sqlite:///{Path(self.folder.name) / 'db'}")
        metadata.create_all(self.database.engine)
        self.now, self.steady_s, self.worst = T0, 0.0, Counter[str]()
        self.silences = DbSilenceStore(self.database)
        self.restart()

    @rule()
    def restart(self) -> None:
        """A new engine and a new web process, with nothing but the database."""
        self.store = CachedAlertStore(self.database)
        self.engine = RuleEngine(
            RULES, SENSORS, self.store, DbReadingStore(self.database), lambda: self.now, handling=HANDLING
        )
        self.upkeep = build_upkeep(self.database, self.store, HANDLING, lambda: HANDLING.inhibitions)
        object.__setattr__(self.upkeep._around, "steady_s", lambda: self.steady_s)
        self.desk = AlertDesk(
            CachedAlertStore(self.database), DbRejectStore(self.database), lambda: self.now, self.silences,
            lambda: HANDLING.inhibitions, HANDLING,
        )  # fmt: skip

    def _pass(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.steady_s += seconds

    @rule(sensor=st.sampled_from([1, 2]), value=st.sampled_from([0.0, 0.0, 0.25, 0.6]), seconds=st.integers(1, 90))
    def reading(self, sensor: int, value: float, seconds: int) -> None:
        self._pass(seconds)
        batch = ReadingBatch(
            "depth_m", np.array([sensor], np.int32), np.array([value]), np.array([epoch_ms(self.now)]),
            epoch_ms(self.now),
        )  # fmt: skip
        try:
            self.engine.step(batch, self.now)
        except Conflict:  # somebody reopened it: the engine begins again from what is stored, as its loop does
            self.engine.step(batch, self.now)
        self.level = getattr(self, "level", {}) | {sensor: 2 if value == 0.25 else 4 if value > 0.5 else 0}

    @rule(sensor=st.sampled_from([1, 2]), values=st.lists(st.sampled_from([0.0, 0.25, 0.6]), min_size=6, max_size=9))
    def flapping(self, sensor: int, values: list[float]) -> None:
        """Up and down within seconds, as a float switch on a wave."""
        for number, value in enumerate(values):
            self.reading(sensor, value if number % 2 else 0.0, 15)

    @rule(seconds=st.integers(1, 400))
    def time_passes(self, seconds: int) -> None:
        self._pass(seconds)
        self.engine.tick(self.now)
        self.engine.adopt(self.upkeep.tick(self.now))

    @rule(which=st.integers(0, 9), what=st.sampled_from(["ack", "shelve", "unshelve", "close", "reopen"]))
    def officer(self, which: int, what: str) -> None:
        alerts = self._all()
        if not alerts:
            return
        alert = alerts[which % len(alerts)]
        before = state_of(alert, self.now)
        try:
            match what:
                case "ack":
                    self.desk.acknowledge(alert.id, "duty", "", self.now)
                case "shelve":
                    self.desk.shelve(alert.id, self.now + timedelta(seconds=55), "duty", "复核", self.now)
                case "unshelve":
                    self.desk.unshelve(alert.id, "duty", "", self.now)
                case "close":
                    self.desk.close(alert.id, "duty", "处置完毕", self.now)
                case _:
                    self.desk.reopen(alert.id, "duty", "仍有疑问", self.now)
        except Conflict:
            return
        assert not (what in ("ack", "shelve", "unshelve") and before in OVER), "what is over was changed"
        assert not (what == "reopen" and before not in OVER)

    @rule(text=st.sampled_from(["event=积水", "level=yellow", "sensor=g1"]))
    def silence(self, text: str) -> None:
        until = self.now + timedelta(seconds=100)
        self.silences.add(new_silence(parse_matchers([text]), self.now, until, "duty", "检修", self.now))

    def _all(self) -> list[Alert]:
        with self.database.read() as connection:
            ids = list(connection.execute(sa.select(ALERTS.c.id).order_by(ALERTS.c.id)).scalars())
        return [alert for name in ids if (alert := self.store.get(name))]

    @invariant()
    def one_condition_one_open_alert(self) -> None:
        held = Counter(alert.dedup_key for alert in self._all() if alert.resolved_at is None)
        assert not [key for key, count in held.items() if count > 1]

    @invariant()
    def no_condition_is_without_its_alert(self) -> None:
        opened = {alert.sensor: alert for alert in self.desk.open(self.now)}
        for sensor, level in getattr(self, "level", {}).items():
            if level:
                assert f"g{sensor}" in opened, "a condition that stands has no open alert"
                assert opened[f"g{sensor}"].level >= level, "the screen shows less than there is"

    @invariant()
    def red_is_never_hidden(self) -> None:
        for alert, standing in zip(self.desk.open(self.now), self._standings(), strict=True):
            assert not (alert.level is Level.RED and standing.hides)
            assert standing.why or not standing.mutes

    def _standings(self) -> list[Any]:
        found = self.desk.standings(self.now)
        return [found[alert.id] for alert in self.desk.open(self.now)]

    @invariant()
    def history_ends_where_the_alert_is(self) -> None:
        plain_store = DbAlertStore(self.database)
        for alert in self._all():
            history = plain_store.history(alert.id)
            versions = [step["version"] for step in history]
            assert versions == sorted(set(versions))
            last = history[-1]["alert"]
            for name in SAME:
                now = getattr(alert, name)
                told = last.get(name) or (0 if isinstance(now, int) else None)
                shown = now.isoformat() if isinstance(now, datetime) else now
                assert (now.name.lower() if isinstance(now, Level) else shown) == told, name

    @invariant()
    def every_step_has_its_person_and_comes_once(self) -> None:
        for alert in self._all():
            before = 0
            for step in DbAlertStore(self.database).history(alert.id):
                assert step["who"]
                reached = step["alert"].get("escalation", 0)
                assert reached in (0, before, before + 1), "an escalation was left out or done twice"
                assert (step["kind"] == "escalated") == (reached == before + 1)
                before = reached
            assert len(alert.onsets_ms) <= KEPT_ONSETS

    @invariant()
    def what_is_over_is_over(self) -> None:
        for alert in self._all():
            if alert.resolved_at is not None:
                assert state_of(alert, self.now) in OVER
            if alert.closed_at is not None:
                assert alert.resolved_at is not None
                assert state_of(alert, self.now) is AlertState.CLOSED

    @precondition(lambda self: hasattr(self, "desk"))
    @rule(seconds=st.sampled_from([0, 30, 300]))
    def the_past_stays_as_it_was(self, seconds: int) -> None:
        """What the time machine shows of now is what is open now."""
        open_now = {alert.id: state_of(alert, self.now) for alert in self.desk.open(self.now)}
        assert {alert.id: state_of(alert, self.now) for alert in self.desk.as_of(self.now)} == open_now
        self._pass(seconds)

    @rule()
    def shelving_has_a_limit(self) -> None:
        for alert in self.desk.open(self.now)[:1]:
            with pytest.raises(BadInput, match="分钟之内"):
                self.desk.shelve(alert.id, self.now + timedelta(hours=3), "duty", "太久", self.now)

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.folder.cleanup()


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
