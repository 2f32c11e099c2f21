"""Reopening, chattering and escalation on both databases: once each, in time, and worse is always told."""

import pytest

from alerts.inhibition import Inhibition
from alerts.matchers import parse_matchers
from alerts.model import AlertState, Level
from alerts.silence_desk import SilenceDesk
from hub.database import Database
from tests.hub.handling_house import DEEP, DRY, WET, City, at


@pytest.fixture
def database(room_database: Database) -> Database:
    """Both kinds, instead of the hub tests' own."""
    return room_database


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
    city.read(13, DRY)
    assert city.read(14, WET + 0.01) == ["value"]
    standing = city.only()
    assert (standing.value, standing.held) == (WET + 0.01, None), "what is there now, not the calm moment before"
    assert f"{WET + 0.01:g} m" in standing.headline
    assert city.tick(29) == ["quiet"]
    assert city.only().chattering_since is None
    assert city.read(30, DRY) == ["resolved"]


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
