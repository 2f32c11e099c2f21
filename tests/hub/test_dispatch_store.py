"""What the dispatch store promises about incidents, presses and the roster, the same on SQLite and PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from dispatch.model import PersonState
from geodata.errors import Conflict
from hub.tables.dispatch import CALL_ATTEMPTS, CALLS
from tests.dispatch.house import T0, House, at_once, later, people


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    made = House(database_url)
    yield made
    made.database.close()


def test_an_alert_is_in_one_open_incident(house: House) -> None:
    made = at_once(6, lambda n: house.desk.open_incident(["A1", "A2"] if n % 2 else ["A2", "A1"], f"officer{n}", T0))
    assert len({incident.id for incident in made}) == 1
    assert house.desk.incidents("open") == [made[0]]
    assert made[0].alert_ids == ("A1", "A2")
    assert [kind for kind, _ in house.events()].count("incident.opened") == 1


def test_a_new_alert_joins_the_open_incident_and_leaves_with_it(house: House) -> None:
    first = house.desk.open_incident(["A1"], "duty", T0)
    assert house.desk.open_incident(["A2", "A1"], "duty", later(60)).id == first.id
    assert house.desk.incident(first.id).alert_ids == ("A1", "A2")
    assert house.desk.close_incident(first.id, "duty", later(90)).status == "closed"
    again = house.desk.open_incident(["A1"], "duty", later(120))
    assert again.id != first.id
    with pytest.raises(Conflict):
        house.desk.call(first.id, "late", "duty", later(130))


def test_a_drill_never_mixes_with_the_real(house: House) -> None:
    with pytest.raises(Conflict, match="演练"):
        house.desk.open_incident(["A1", "A3"], "duty", T0)


def test_double_press_from_eight_threads_calls_once(house: House) -> None:
    incident = house.desk.open_incident(["A1"], "duty", T0)
    key = house.desk.preview(incident.id, "duty", T0).idempotency_key
    calls = at_once(8, lambda n: house.desk.call(incident.id, key, f"officer{n}", T0))
    assert len({call.id for call in calls}) == 1, calls
    assert house.count(CALLS) == 1
    assert house.count(CALL_ATTEMPTS) == 12
    assert [kind for kind, _ in house.events()].count("call.started") == 1


def test_the_call_is_what_the_officer_saw(house: House) -> None:
    incident = house.desk.open_incident(["A1"], "duty", T0)
    preview = house.desk.preview(incident.id, "duty", T0)
    house.roster.upsert([replace(people()[5], id="p9", name="新来的", username=None)])
    call = house.desk.call(incident.id, preview.idempotency_key, "duty", later(30))
    assert [row.person_id for row in call.rows] == [entry.person.id for entry in preview.people]
    fresh = house.desk.call(incident.id, "never-previewed", "duty", later(40))
    assert fresh.id != call.id
    assert any("重新计算" in line["text"] for line in house.desk.timeline(incident.id))
    expired = house.desk.preview(incident.id, "duty", later(60))
    house.desk.call(incident.id, expired.idempotency_key, "duty", later(60 + 901))
    assert sum("重新计算" in line["text"] for line in house.desk.timeline(incident.id)) == 2


def test_everything_is_stored_before_anything_is_sent(house: House) -> None:
    call = house.started()
    assert house.phone.took == []
    assert {row.state for row in house.desk.ledger(call.id).rows} == {PersonState.QUEUED}
    started = next(body for kind, body in house.events() if kind == "call.started")
    assert len(started["call"]["rows"]) == 6
    assert "p***@example.invalid" in str(started)
    assert "p1@" not in str(started), "addresses are masked in what is told"


def test_timeline_tells_everything_in_order(house: House) -> None:
    call = house.started()
    worker = house.worker()
    worker.run_due(later(1), 50)
    house.desk.answer_task(house.desk.tasks("field")[0]["row_id"], "field", "confirmed", later(5))
    worker.escalate(later(301), 50)
    house.desk.close_incident(call.incident_id, "duty", later(400))
    lines = house.desk.timeline(call.incident_id)
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    kinds = [line["kind"] for line in lines]
    for kind in ("alert.fired", "incident.opened", "call.started", "call.sent", "call.answered", "call.escalated"):
        assert kind in kinds
    assert kinds[-1] == "incident.closed"
    worker.close()


def test_roster_keeps_real_people_when_the_sample_is_replaced(house: House) -> None:
    sample = [replace(person, id=f"s-{person.id}", username=None) for person in people()]
    house.roster.replace_sample(sample)
    house.roster.replace_sample(sample[:2])
    assert [person.id for person in house.roster.all()] == ["p1", "p2", "p3", "p4", "p5", "p6", "s-p1", "s-p2"]
    assert house.roster.get("p1") == people()[0]
    assert house.roster.by_username("field") == people()[0]
    assert house.roster.by_username("nobody") is None


def test_an_alert_says_which_incident_handles_it_now(house: House) -> None:
    first = house.desk.open_incident(["A1"], "duty", T0)
    assert house.alerts.items["A1"].incident_id == first.id
    house.desk.close_incident(first.id, "duty", later(60))
    second = house.desk.open_incident(["A1", "A2"], "duty", later(120))
    assert second.id != first.id
    assert {house.alerts.items[key].incident_id for key in ("A1", "A2")} == {second.id}
