"""The desk over a real store: warnings by reference, acknowledgement, the past, the rejects list."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.desk import AlertDesk
from alerts.model import Level
from geodata.errors import BadInput, Conflict, NotFound
from hub.alert_store import DbAlertStore
from hub.database import Database
from hub.reject_store import DbRejectStore

T0 = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
HEAD = "37130041600000"


@pytest.fixture
def database(room_database: Database) -> Database:
    """Both kinds, instead of the hub tests' own."""
    return room_database


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def china(stamp: str, kind: str = "Alert", severity: str = "Blue", refers: str = "", expires: str = "") -> bytes:
    sent = f"2026-07-01T{stamp[:2]}:{stamp[2:4]}:00+08:00"
    references = (
        f"<references>{HEAD},{HEAD}_20260701{refers}00,2026-07-01T{refers[:2]}:{refers[2:]}:00+08:00</references>"
    )
    return f"""<alert xmlns="http://com.icss.amp"><identifier>{HEAD}_20260701{stamp}00</identifier>
<sender>{HEAD}</sender><sent>{sent}</sent><status>Actual</status><msgType>{kind}</msgType><scope>Public</scope>
{references if refers else ""}<info><category>Met</category><event>11B03</event><urgency>Expected</urgency>
<severity>{severity}</severity><certainty>Likely</certainty>{f"<expires>{expires}</expires>" if expires else ""}
<headline>暴雨</headline></info></alert>""".encode()


@pytest.fixture
def desk(database: Database) -> AlertDesk:
    return AlertDesk(DbAlertStore(database), DbRejectStore(database), lambda: T0)


def test_updates_and_cancel_refer_to_the_first_message(desk: AlertDesk) -> None:
    first = desk.receive_cap(china("0955"), "met", at(0))
    assert first.outcome == "new"
    assert desk.receive_cap(china("0955"), "met", at(1)) == type(first)(first.id, "duplicate", (first.id,))
    for minute, stamp, severity in ((2, "0957", "Orange"), (3, "0958", "Red")):
        outcome = desk.receive_cap(china(stamp, "Update", severity, refers="0955"), "met", at(minute))
        assert (outcome.outcome, outcome.id) == ("updated", first.id)
    late = desk.receive_cap(china("0956", "Update", "Yellow", refers="0955"), "met", at(4))
    assert late.outcome == "duplicate"
    (alert,) = desk.open(at(4))
    assert (alert.level, alert.native_level) == (Level.RED, "红色预警")
    assert desk.receive_cap(china("0957", "Update", "Orange", refers="0955"), "met", at(4)).outcome == "duplicate"
    cancel = china("0959", "Cancel", refers="0955")
    assert desk.receive_cap(cancel, "met", at(5)).outcome == "cancelled"
    assert desk.receive_cap(cancel, "met", at(6)).outcome == "cancelled"
    assert desk.open(at(6)) == []
    assert [step["kind"] for step in desk.history(first.id)] == ["fired", "level", "level", "cancelled"]
    assert [a.level for a in desk.as_of(at(2.5))] == [Level.ORANGE]
    assert desk.receive_cap(china("0955"), "met", at(7)).outcome == "duplicate"  # a replay does not raise the dead


def test_unknown_references_are_said_honestly(desk: AlertDesk) -> None:
    update = desk.receive_cap(china("0957", "Update", "Red", refers="0900"), "met", at(0))
    assert update.outcome == "new"
    assert "没有收到" in str(desk.history(update.id)[0]["detail"])
    with pytest.raises(BadInput, match="没有收到"):
        desk.receive_cap(china("0958", "Cancel", refers="0901"), "met", at(0))


def test_refused_messages_are_kept(desk: AlertDesk, database: Database) -> None:
    for body in (b"<x", china("0955", severity="Pink"), b"\xff\xfe\0"):
        with pytest.raises(BadInput):
            desk.receive_cap(body, "met", at(0))
    with pytest.raises(BadInput):
        desk.receive_json({"identifier": "\ud800\0"}, "met", at(0))
    kept = DbRejectStore(database).latest()
    assert [reject.source for reject in kept] == ["alert-json", "cap", "cap", "cap"]
    assert "severity 不能是 'Pink'" in kept[2].reason


def test_acknowledging_twice_keeps_the_first(desk: AlertDesk) -> None:
    outcome = desk.receive_cap(china("0955", expires="2026-07-01T11:00:00+08:00"), "met", at(0))
    seen = desk.acknowledge(outcome.id, "duty", "已看到", at(1))
    assert seen.acknowledged_by == "duty"
    assert desk.acknowledge(outcome.id, "leader", "", at(2)) == seen
    assert [a.id for a in desk.list("acknowledged", now=at(3))] == [outcome.id]
    assert desk.list("firing", now=at(3)) == []
    with pytest.raises(Conflict):
        desk.acknowledge(outcome.id, "duty", "", at(61))
    assert [a.id for a in desk.list("resolved", now=at(61))] == [outcome.id]
    with pytest.raises(NotFound):
        desk.acknowledge("AL-none", "duty", "", at(1))


def test_a_rise_asks_for_a_new_acknowledgement(desk: AlertDesk) -> None:
    outcome = desk.receive_cap(china("0955"), "met", at(0))
    desk.acknowledge(outcome.id, "duty", "", at(1))
    desk.receive_cap(china("0956", "Update", "Red", refers="0955"), "met", at(2))
    assert desk.get(outcome.id).acknowledged_at is None


def test_linking_is_all_or_nothing(desk: AlertDesk) -> None:
    one = desk.receive_cap(china("0955"), "met", at(0)).id
    two = desk.receive_cap(china("0956"), "met", at(1)).id
    desk.link_incident([one], "INC-1", "duty", at(2))
    desk.link_incident([one, one], "INC-1", "duty", at(3))
    with pytest.raises(Conflict):
        desk.link_incident([two, one], "INC-2", "duty", at(4))
    assert [desk.get(one).incident_id, desk.get(two).incident_id] == ["INC-1", None]


def test_a_new_incident_takes_the_alerts_of_a_closed_one(desk: AlertDesk) -> None:
    one = desk.receive_cap(china("0955"), "met", at(0)).id
    two = desk.receive_cap(china("0956"), "met", at(1)).id
    desk.link_incident([one], "INC-1", "duty", at(2))
    with pytest.raises(Conflict):
        desk.link_incident([one, two], "INC-2", "duty", at(3), over=["INC-0"])
    desk.link_incident([one, two], "INC-2", "duty", at(3), over=["INC-1"])
    desk.link_incident([one], "INC-2", "duty", at(4))
    assert [desk.get(one).incident_id, desk.get(two).incident_id] == ["INC-2", "INC-2"]
    assert [step["detail"] for step in desk.history(one) if step["kind"] == "linked"] == ["INC-1", "INC-2"]


def test_pages_go_back_in_time(desk: AlertDesk) -> None:
    ids = [desk.receive_cap(china(f"09{n:02d}"), "met", at(n)).id for n in range(10, 17)]
    first = desk.list("open", 3, now=at(30))
    second = desk.list("open", 3, first[-1].id, now=at(30))
    assert [a.id for a in first + second] == ids[:0:-1]
    with pytest.raises(BadInput):
        desk.list("half")
    with pytest.raises(BadInput):
        desk.list("open", 0)
