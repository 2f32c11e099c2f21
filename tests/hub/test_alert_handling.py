"""Reopening, chattering, shelves, escalation and closing on both databases: once each, by whom, why, and in time."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alerts.desk import AlertDesk
from alerts.engine import RuleEngine
from alerts.handling import parse_handling
from alerts.inhibition import Inhibition
from alerts.lifecycle import merged, resolved
from alerts.matchers import parse_matchers
from alerts.model import Alert, AlertChange, AlertState, Level, revised, state_of
from alerts.ports import ReadingBatch
from alerts.rules import parse_rules
from alerts.sensors import SensorInfo
from alerts.silence_desk import SilenceDesk
from alerts.upkeep import Surroundings, Upkeep
from geodata.clock import epoch_ms
from geodata.errors import BadInput, Conflict
from hub.alert_store import DbAlertStore
from hub.audit import Audited, AuditLog
from hub.compose import ALERT_ACTIONS, SILENCE_ACTIONS
from hub.database import Database, metadata
from hub.lease import Leases
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


@pytest.fixture
def database(room_database: Database) -> Database:
    """Both kinds, instead of the hub tests' own."""
    return room_database


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


@pytest.fixture
def city(database: Database) -> City:
    return City(database)


def test_the_same_condition_back_soon_is_the_same_alert(city: City) -> None:
    city.read(0, WET)
    first = city.only()
    city.desk.acknowledge(first.id, "duty", "", at(1))
    assert city.read(2, DRY) == ["resolved"]
    assert city.read(11, WET) == ["reopened"]
    again = city.only()
    assert (again.id, again.reopened, again.fired_at) == (first.id, 1, first.fired_at)
    assert again.acknowledged_by == "duty", "not worse than what was seen"
    assert (again.resolved_at, again.resolved_why, again.county) == (None, None, "371302")
    city.read(12, DRY)
    assert city.read(13, DEEP) == ["reopened"]
    worse = city.only()
    assert (worse.id, worse.level, worse.acknowledged_at) == (first.id, Level.RED, None)
    city.read(14, DRY)
    assert city.read(24.1, WET) == ["fired"], "after the time it is a new one"
    assert city.only().id != first.id
    assert city.kinds(first) == [
        "fired", "acknowledged", "resolved", "reopened", "resolved", "reopened", "resolved",
    ]  # fmt: skip


def test_a_new_engine_knows_what_ended_lately(city: City) -> None:
    city.read(0, WET)
    first = city.only()
    city.read(2, DRY)
    city.engine, city.upkeep = city.new_engine()
    assert city.read(5, WET) == ["reopened"]
    assert city.only().id == first.id


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_crash_around_a_reopening_leaves_one_open_alert(city: City, call: int) -> None:
    """Whatever had been committed: the step that is made again ends in the same place."""
    city.read(0, WET)
    first = city.only()
    city.read(2, DRY)
    engine = city.engine
    for _ in range(call):  # the same reading again and again, each time by another engine that knows only the database
        city.engine, city.upkeep = city.new_engine()
        city.read(5, WET)
    assert city.only().id == first.id
    assert city.only().reopened == 1
    city.engine = engine  # the engine that was thought dead does it too
    city.read(5, WET)
    assert city.only().id == first.id
    assert city.kinds(first).count("fired") == 1


def test_two_engines_reopen_at_once(database: Database) -> None:
    one, other = City(database), City(database)
    one.read(0, WET)
    first = one.only()
    one.read(2, DRY)
    for city in (one, other):
        city.engine.load()
    for city in (one, other):
        city.read(5, WET)
    assert one.only().id == other.only().id == first.id


def test_chattering_is_held_open_until_it_is_quiet(city: City) -> None:
    for minute in (0, 4, 8):
        city.read(minute, WET)
        city.read(minute + 2, DRY)
    assert city.read(12, WET) == ["reopened", "chattering"]
    alert = city.only()
    assert alert.chattering_since == at(12)
    city.desk.acknowledge(alert.id, "duty", "", at(13))
    alert = city.only()
    before = city.kinds(alert)
    for minute in range(14, 30, 2):  # its flapping is no change of state any more
        assert set(city.read(minute, DRY if minute % 4 == 2 else WET)) <= {"value"}
        assert city.tick(minute) == []
        assert city.only().id == alert.id
    assert city.kinds(alert) == before
    assert city.read(30, DRY) == ["value"]
    assert city.tick(44.9) == []
    assert city.tick(45) == ["resolved"]
    assert city.store.open_alerts() == []
    over = city.desk.get(alert.id)
    assert "抖动已停止" in str(over.resolved_why)
    assert over.chattering_since is None
    assert city.read(50, WET) == ["reopened"]


def test_worse_is_told_even_while_chattering_and_the_worst_is_kept_until_quiet(city: City) -> None:
    for minute in (0, 4, 8, 12):
        city.read(minute, WET)
        city.read(minute + 2, DRY)
    assert city.read(16, DEEP) == ["level"]
    assert city.only().level is Level.RED
    assert city.read(17, WET) == ["value"]
    assert city.only().level is Level.RED, "held at its worst"
    assert city.tick(32) == ["level"]
    calm = city.only()
    assert (calm.level, calm.native_level, calm.chattering_since, calm.held) == (Level.YELLOW, "慢行", None, None)
    assert city.read(33, DRY) == ["resolved"], "the engine knows that it is quiet"


def test_chattering_that_stops_at_its_level_goes_on_as_an_alert(city: City) -> None:
    for minute in (0, 4, 8):
        city.read(minute, WET)
        city.read(minute + 2, DRY)
    city.read(12, WET)
    assert city.tick(27) == ["quiet"]
    assert city.only().chattering_since is None
    assert city.read(28, DRY) == ["resolved"]


def test_escalation_once_each_step(city: City) -> None:
    city.read(0, DEEP)
    assert city.tick(2.9) == []
    assert city.tick(3) == ["escalated"]
    assert city.tick(3.1) == []
    city.engine, city.upkeep = city.new_engine()  # an engine that died and one that begins
    assert city.tick(9.9) == []
    assert city.tick(10) == ["escalated"]
    assert city.tick(100) == []
    alert = city.only()
    assert (alert.escalation, alert.escalated_to, alert.escalated_at) == (2, "乙、丙", at(10))
    steps = [step for step in city.store.history(alert.id) if step["kind"] == "escalated"]
    assert [step["detail"] for step in steps] == [
        "3 分钟无人确认,第 1 步上报:甲", "10 分钟无人确认,第 2 步上报:乙、丙",
    ]  # fmt: skip


def test_nobody_is_told_twice_when_two_engines_and_an_officer_act_at_once(database: Database) -> None:
    cities = [City(database) for _ in range(4)]
    cities[0].read(0, DEEP)
    barrier = threading.Barrier(4)

    def work(city: City) -> None:
        barrier.wait()
        city.tick(3)

    threads = [threading.Thread(target=work, args=(city,)) for city in cities]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alert = cities[0].only()
    assert cities[0].kinds(alert).count("escalated") == 1
    stale = revised(alert, at(4), escalation=2)
    cities[0].desk.acknowledge(alert.id, "duty", "", at(4))
    DbAlertStore(database).apply([AlertChange(stale, "escalated", at(4), "engine")])
    assert cities[0].only().escalation == 1, "what is acknowledged is not escalated any more"


def test_a_fenced_engine_does_nothing(city: City) -> None:
    leases = Leases(city.database)
    old = leases.acquire("rules", "a", T0, 1.0)
    new = leases.acquire("rules", "b", at(1), 60.0)
    assert old
    assert new
    city.read(0, DEEP)
    with pytest.raises(Conflict):
        city.tick(3, ("rules", old))
    assert city.only().escalation == 0
    assert city.tick(3, ("rules", new)) == ["escalated"]


def test_acknowledging_stops_it_and_a_rise_begins_anew(city: City) -> None:
    city.read(0, WET)
    city.desk.acknowledge(city.only().id, "duty", "", at(1))
    assert city.tick(60) == []
    assert city.read(61, DEEP) == ["level"]
    alert = city.only()
    assert (alert.acknowledged_at, alert.waiting_since) == (None, at(61))
    assert city.tick(63.9) == []
    assert city.tick(64) == ["escalated"]


def test_silenced_and_inhibited_alerts_are_not_escalated_until_that_is_over(database: Database) -> None:
    worse = (Inhibition("i", parse_matchers(["level=red"]), parse_matchers(["level=yellow"]), ("county",), "更重"),)
    city = City(database, worse)
    city.read(0, WET, sensor=2)
    city.read(0, DEEP)
    silences = SilenceDesk(city.silences, city.desk.open)
    held, red = silences.preview(["event=积水"], at(1))
    assert (len(held), red) == (2, 1)
    made = silences.silence(["event=积水"], at(1), at(40), "王值班", "检修", at(1))
    assert city.tick(20) == []
    standing = city.desk.standings(at(20))
    assert {one.state for one in standing.values()} == {AlertState.SUPPRESSED}
    assert [one.hides for name, one in sorted(standing.items())].count(False) == 1, "the red one stays on the screen"
    assert all("检修" in one.why and "王值班" in one.why for one in standing.values())
    silences.end(made.id, "王值班", "修好了", at(21))
    assert city.tick(21.2) == ["escalated"], "the red one; the yellow one is inhibited by it"
    assert city.tick(31) == ["escalated"]
    assert city.tick(32) == []
    city.read(40, DRY)
    assert city.tick(40.2) == ["escalated"], "what inhibited it is over"


def test_shelving(city: City) -> None:
    city.read(0, WET)
    alert = city.only()
    for until, reason, wrong in ((at(242), "复核", "240 分钟"), (at(0), "复核", "现在之后"), (at(30), " ", "原因")):
        with pytest.raises(BadInput, match=wrong):
            city.desk.shelve(alert.id, until, "duty", reason, at(1))
    shelved = city.desk.shelve(alert.id, at(60), "duty", "等待复核", at(1))
    assert (state_of(shelved, at(59)), shelved.shelved_by) == (AlertState.SHELVED, "duty")
    assert city.desk.standings(at(2))[alert.id].why == "搁置:等待复核,至 09:00,duty"
    assert city.tick(59) == [], "no escalation meanwhile"
    assert city.tick(60) == ["unshelved"]
    assert city.tick(61) == []
    assert city.only().waiting_since == at(60)
    assert city.kinds(alert) == ["fired", "shelved", "unshelved"]
    city.desk.shelve(alert.id, at(100), "duty", "再看", at(61))
    assert city.desk.unshelve(alert.id, "duty", "看完了", at(62)).shelved_until is None
    with pytest.raises(Conflict, match="没有被搁置"):
        city.desk.unshelve(alert.id, "duty", "", at(63))


def test_a_rise_takes_it_off_the_shelf(city: City) -> None:
    city.read(0, WET)
    city.desk.shelve(city.only().id, at(120), "duty", "等待复核", at(1))
    city.read(5, DEEP)
    alert = city.only()
    assert (alert.level, alert.shelved_until, state_of(alert, at(5))) == (Level.RED, None, AlertState.FIRING)
    with pytest.raises(BadInput, match="15 分钟"):
        city.desk.shelve(alert.id, at(25), "duty", "等待复核", at(6))


def test_prolonging_a_shelf_as_it_runs_out_wins(city: City) -> None:
    city.read(0, WET)
    alert = city.desk.shelve(city.only().id, at(10), "duty", "一", at(1))
    back = revised(alert, at(10), shelved_until=None)
    city.desk.shelve(alert.id, at(30), "duty", "二", at(9))
    city.store.apply([AlertChange(back, "unshelved", at(10), "engine")])
    assert city.only().shelved_why == "二"


def test_closing(city: City) -> None:
    city.read(0, WET)
    alert = city.only()
    with pytest.raises(Conflict, match="条件仍然存在"):
        city.desk.close(alert.id, "duty", "误报", at(1))
    city.read(2, DRY)
    with pytest.raises(BadInput, match="原因"):
        city.desk.close(alert.id, "duty", "", at(3))
    done = city.desk.close(alert.id, "duty", "现场已处置", at(3))
    assert (state_of(done, at(3)), done.closed_why) == (AlertState.CLOSED, "现场已处置")
    with pytest.raises(Conflict, match="duty"):
        city.desk.close(alert.id, "leader", "再关", at(4))
    assert city.read(5, WET) == ["fired"], "what a person has closed is not opened by itself"


def test_what_nothing_is_heard_of_may_be_closed(city: City) -> None:
    city.read(0, WET)
    alert = city.only()
    done = city.desk.close(alert.id, "duty", "传感器已拆除", at(121))
    assert done.resolved_why == "人工关闭:传感器已拆除"
    assert city.read(130, DEEP) == ["fired"]
    assert city.conflicts == 1, "the engine thought it open: it is told, and begins again"
    assert city.only().level is Level.RED


def test_closing_by_itself_but_not_in_an_open_incident(city: City) -> None:
    for sensor in (1, 2):
        city.read(0, WET, sensor)
    one, two = sorted(city.store.open_alerts(), key=lambda alert: alert.sensor or "")
    city.desk.link_incident([one.id], "INC-1", "duty", at(1))
    city.incidents.append("INC-1")
    for sensor in (1, 2):
        city.read(2, DRY, sensor)
    assert city.tick(61.9) == []
    assert city.tick(63) == ["closed"]
    closed = city.store.get(two.id)
    assert closed is not None
    assert (closed.closed_by, closed.closed_why) == ("engine", "结束已满 1 小时")
    city.incidents.clear()
    assert city.tick(64) == ["closed"]
    assert city.tick(66) == []


def test_many_close_over_several_ticks(city: City) -> None:
    city.read(0, WET)
    like = city.only()
    city.desk.acknowledge(like.id, "duty", "", at(1))
    gone = [
        replace(like, id=f"AL-{n:04d}", dedup_key=f"k{n}", resolved_at=at(1), resolved_why="x") for n in range(1_100)
    ]
    DbAlertStore(city.database).apply([AlertChange(alert, "fired", at(0), "engine") for alert in gone])
    assert [len(city.tick(62 + n / 60)) for n in range(4)] == [500, 500, 100, 0]


def test_reopening_by_a_person(city: City) -> None:
    city.read(0, WET)
    alert = city.only()
    with pytest.raises(Conflict, match="没有结束"):
        city.desk.reopen(alert.id, "duty", "再看看", at(1))
    city.read(2, DRY)
    city.desk.close(alert.id, "duty", "处置完毕", at(3))
    back = city.desk.reopen(alert.id, "duty", "居民反映仍有积水", at(4))
    assert (back.resolved_at, back.closed_at, back.reopened) == (None, None, 1)
    assert city.read(5, DEEP) == ["level"]
    assert city.conflicts == 1, "the rule sees it again: its alert is there, and it begins again from that"
    assert city.only().id == alert.id
    assert city.read(6, DRY) == ["resolved"]
    city.desk.reopen(alert.id, "duty", "仍有疑问", at(7))
    assert city.desk.close(alert.id, "duty", "看过了", at(8)).closed_by == "duty", "who reopened it may close it"


def test_reopening_an_old_one_while_a_new_one_is_open(city: City) -> None:
    city.read(0, WET)
    old = city.only()
    city.read(2, DRY)
    city.read(20, WET)
    with pytest.raises(Conflict):  # by the database's own index
        city.desk.reopen(old.id, "duty", "合并看", at(21))
    assert city.only().id != old.id


def test_many_at_once(city: City) -> None:
    for sensor in (1, 2):
        city.read(0, WET, sensor)
    one, two = sorted(city.store.open_alerts(), key=lambda alert: alert.sensor or "")
    city.desk.acknowledge(one.id, "leader", "", at(1))
    outcomes = city.desk.acknowledge_many([one.id, two.id, two.id, "AL-none"], "duty", "批量", at(2))
    assert outcomes == {one.id: "already", two.id: "acknowledged", "AL-none": "unknown"}
    city.read(3, DRY, 2)
    assert city.desk.acknowledge_many([two.id], "duty", "", at(4)) == {two.id: "ended"}
    assert [step["who"] for step in city.store.history(two.id)] == ["engine", "duty", "engine"]


def test_what_a_person_does_is_in_the_audit_log_with_its_reason(city: City) -> None:
    log = AuditLog(city.database)
    desk: Any = Audited(city.desk, log, ALERT_ACTIONS)
    city.read(0, WET)
    name = city.only().id
    desk.shelve(name, at(20), "duty", "等待复核", at(1))
    desk.unshelve(name, "duty", "看完了", at(2))
    desk.acknowledge_many([name], "leader", "批量", at(3))
    with pytest.raises(Conflict):
        desk.close(name, "duty", "误报", at(4))  # what did not happen is not recorded as done
    silences: Any = Audited(SilenceDesk(city.silences, city.desk.open), log, SILENCE_ACTIONS)
    made = silences.silence(["event=积水"], at(5), at(9), "duty", "检修", at(5))
    silences.end(made.id, "leader", "修好了", at(6))
    rows = list(reversed(log.latest()))
    assert [(row["who"], row["action"]) for row in rows] == [
        ("duty", "alert.shelve"), ("duty", "alert.unshelve"), ("leader", "alert.acknowledge"),
        ("duty", "silence.create"), ("leader", "silence.end"),
    ]  # fmt: skip
    assert "等待复核" in rows[0]["detail"]
    assert "检修" in rows[3]["detail"]
    assert log.verify() is None


def test_unlinking(city: City) -> None:
    city.read(0, WET)
    alert = city.only()
    city.desk.link_incident([alert.id], "INC-1", "duty", at(1))
    city.desk.unlink_incident([alert.id], "INC-2", "duty", "分开处置", at(2))
    assert city.only().incident_id == "INC-1"
    city.desk.unlink_incident([alert.id], "INC-1", "duty", "分开处置", at(2))
    assert city.only().incident_id is None
    assert city.kinds(alert) == ["fired", "linked", "unlinked"]


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_jumps_neither_alarms_nor_forgets(city: City, jump: timedelta) -> None:
    city.read(0, DEEP)
    city.read(0, WET, 2)
    city.desk.shelve(
        next(one.id for one in city.store.open_alerts() if one.sensor == "g2"), at(30), "duty", "看", at(0)
    )
    city.tick(1)
    city.wall = jump
    assert city.tick(1.1) == [], "nothing is due that was not due before the jump"
    assert city.tick(2.9) == []
    assert city.tick(3) == ["escalated"], "and what is due comes in time"
    assert city.tick(10) == ["escalated"]
    assert city.tick(29.9) == []
    assert city.tick(30) == ["unshelved"]
    kinds = city.read(31, DRY)
    assert kinds == (["resolved"] if jump > timedelta() else [])  # a reading from before the last one changes nothing


def test_the_past_is_shown_as_it_stood(city: City) -> None:
    city.read(0, WET)
    alert = city.only()
    city.desk.shelve(alert.id, at(20), "duty", "复核", at(10))
    city.tick(20)
    city.desk.acknowledge(alert.id, "duty", "", at(30))
    city.read(40, DRY)
    city.desk.close(alert.id, "duty", "处置完毕", at(50))
    silences = SilenceDesk(city.silences, city.desk.open)
    silences.silence(["event=积水"], at(33), at(36), "王", "检修", at(33))
    expected = {
        5: AlertState.FIRING, 15: AlertState.SHELVED, 25: AlertState.FIRING, 31: AlertState.ACKNOWLEDGED,
        35: AlertState.SUPPRESSED, 37: AlertState.ACKNOWLEDGED,
    }  # fmt: skip
    for minute, state in expected.items():
        then = city.desk.as_of(at(minute))
        assert [one.id for one in then] == [alert.id], minute
        assert city.desk.standings(at(minute), among=then)[alert.id].state is state, minute
    assert city.desk.as_of(at(45)) == []


def test_a_rule_never_goes_on_with_what_was_ended_elsewhere(city: City) -> None:
    city.read(0, WET)
    over = resolved(city.only(), "x", at(1)).alert
    for kind in ("level", "value", "updated", "chattering"):
        with pytest.raises(Conflict):
            merged(over, AlertChange(revised(over, at(2), level=Level.RED), kind, at(2), "engine"))
    for kind in ("acknowledged", "shelved", "escalated", "resolved", "unshelved"):
        assert merged(over, AlertChange(revised(over, at(2)), kind, at(2), "engine")) is None


class Killed(BaseException):
    """A kill -9, as seen from inside."""


SCRIPT = [
    (0, WET),
    (2, DRY),
    (4, WET),
    (6, DRY),
    (8, DEEP),
    (11, DEEP),
    (11.8, DRY),
    (12, WET),
    (14, DRY),
    (16, WET),
    (29, WET),
]


def played(city: City, nth: int = 0, when: str = "") -> list[tuple[str, int, Level, int, list[str]]]:
    """The script with upkeep after each reading; the engine dies before or after the `nth` commit and another does the
    same again."""
    apply, count = city.store.apply, 0

    def struck(*args: Any, **kwargs: Any) -> None:
        nonlocal count
        count += 1
        if count == nth and when == "before":
            raise Killed
        apply(*args, **kwargs)
        if count == nth and when == "after":
            raise Killed

    city.store.apply = struck  # type: ignore[method-assign]
    for minute, value in SCRIPT:
        for act in (lambda m=minute, v=value: city.read(m, v), lambda m=minute: city.tick(m + 0.5)):
            try:
                act()
            except Killed:
                city.engine, city.upkeep = city.new_engine()
                act()
    alerts = sorted([*city.store.open_alerts(), *DbAlertStore(city.database).recently_resolved(T0)], key=lambda a: a.id)
    return [(one.dedup_key, one.reopened, one.level, one.escalation, city.kinds(one)) for one in alerts]


def calm(folder: Path, name: str) -> City:
    database = Database(f"sqlite:///{folder / name}")
    metadata.create_all(database.engine)
    return City(database)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_any_commit_changes_nothing(tmp_path: Path, when: str) -> None:
    undisturbed = calm(tmp_path, "calm")
    expected = played(undisturbed)
    undisturbed.database.close()
    assert expected[0][1] == 3
    assert {"reopened", "chattering", "escalated"} <= set(expected[0][4])
    for nth in range(1, 14):
        city = calm(tmp_path, f"{when}{nth}")
        assert played(city, nth, when) == expected, f"killed {when} commit {nth}"
        city.database.close()
