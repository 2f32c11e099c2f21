"""Shelves, closing, reopening by hand, many at once: by whom, why, what cannot be, and the past as it stood."""

from dataclasses import replace
from typing import Any

import pytest

from alerts.model import AlertChange, AlertState, Level, revised, state_of
from alerts.silence_desk import SilenceDesk
from geodata.errors import BadInput, Conflict
from hub.alert_store import DbAlertStore
from hub.audit import Audited, AuditLog
from hub.compose import ALERT_ACTIONS, SILENCE_ACTIONS
from hub.database import Database
from tests.hub.handling_house import DEEP, DRY, WET, City, at


@pytest.fixture
def database(room_database: Database) -> Database:
    """Both kinds, instead of the hub tests' own."""
    return room_database


@pytest.fixture
def city(database: Database) -> City:
    return City(database)


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
