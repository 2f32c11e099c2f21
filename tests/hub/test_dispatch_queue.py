"""What the message queue promises, the same on SQLite and PostgreSQL: one message each, deputies, receipts."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from dispatch.model import PersonState
from dispatch.ports import Message, SendResult
from dispatch.stores import LogEntry, Outcome
from dispatch.worker import MAX_TRIES
from geodata.errors import BadInput, Conflict, Forbidden, NotFound
from hub.tables.dispatch import CALL_ATTEMPTS, RECEIPTS
from tests.dispatch.house import T0, House, at_once, later, people


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    made = House(database_url)
    yield made
    made.database.close()


def test_one_message_a_person_and_channel_with_two_workers(house: House) -> None:
    call = house.started()
    workers = [house.worker("w1"), house.worker("w2"), house.worker("w3")]
    sent = at_once(3, lambda n: workers[n].run_due(T0, 5) + workers[n].run_due(T0, 5))
    assert sum(sent) == 12, sent
    assert len({(message.address) for message in house.phone.took}) == len(house.phone.took) == 12
    assert house.desk.ledger(call.id).totals["sent"] == 6
    for worker in workers:
        worker.close()


def test_killed_between_send_and_result_sends_again_under_the_same_id(house: House) -> None:
    house.started()
    dead = house.store.claim(T0, 3, "dead", 30.0)
    for due in dead:  # it was sent, and then the process was killed
        house.phone.send(Message(due.id, due.address, due.title, due.message, due.link, due.exercise))
    worker = house.worker("w2")
    assert worker.run_due(later(1), 50) == 9, "the held ones stay held until the lease ends"
    assert worker.run_due(later(31), 50) == 3
    ids = [message.attempt_id for message in house.phone.took]
    assert len(ids) == 15
    assert len(set(ids)) == 12, "a gateway that knows Idempotency-Key tells each person once"
    links = {message.link for message in house.phone.took}
    assert all(house.desk.receipt(link.rsplit("/", 1)[1]) for link in links), "every link that was sent works"
    worker.close()


def test_a_stale_holder_cannot_report_a_failure_but_a_sent_message_counts(house: House) -> None:
    house.started()
    first = house.store.claim(T0, 2, "slow", 10.0)
    second = house.store.claim(later(11), 2, "quick", 10.0)
    assert {item.id for item in first} == {item.id for item in second}
    house.store.finish([Outcome(item, False, "慢") for item in first], later(12))
    with house.database.read() as connection:
        states = connection.execute(sa.select(CALL_ATTEMPTS.c.state, CALL_ATTEMPTS.c.holder)).all()
    assert [tuple(row) for row in states if row.state == "sending"] == [("sending", "quick")] * 2
    house.store.finish([Outcome(first[0], True, "")], later(13))
    house.store.finish([Outcome(second[0], False, "")], later(14))
    row = house.store.row(first[0].row_id)
    assert row is not None
    assert row.row.state is PersonState.SENT


def test_failures_are_retried_with_growing_waits_then_given_up(house: House) -> None:
    call = house.started()
    house.phone.fault = lambda message: SendResult(False, "网关返回 500")
    worker, now, waits = house.worker(), T0, []
    for _ in range(MAX_TRIES):
        assert worker.run_due(now, 50) == 12
        with house.database.read() as connection:
            due = connection.execute(sa.select(sa.func.max(CALL_ATTEMPTS.c.due_at))).scalar_one()
        due = datetime.fromtimestamp(due / 1000, UTC) if isinstance(due, int) else due
        waits.append((due - now).total_seconds())
        now = max(due, now)
    assert waits[:4] == [5, 10, 20, 40]
    assert worker.run_due(later(100_000), 50) == 0
    assert house.desk.ledger(call.id).totals["failed"] == 6
    assert house.phone.took == []
    worker.close()


def test_escalates_to_the_deputy_once_and_says_when_there_is_none(house: House) -> None:
    house.roster.upsert([replace(people()[5], id="p7", name="副职七", deputy_id=None, on_duty=False)])
    house.roster.upsert([replace(people()[5], deputy_id="p7")])
    call = house.started()
    worker = house.worker()
    worker.run_due(T0, 50)
    row = house.desk.ledger(call.id).rows[0]
    house.store.advance(
        row.id, PersonState.CONFIRMED, later(10), "test", LogEntry(later(10), "p1", "call.answered", "")
    )
    assert worker.escalate(later(299), 50) == 0
    assert sum(at_once(4, lambda n: worker.escalate(later(301), 50))) == 5
    rows = {row.person_id: row for row in house.desk.ledger(call.id).rows}
    assert rows["p1"].state is PersonState.CONFIRMED
    assert rows["p6"].escalated_to == rows["p7"].id
    assert rows["p7"].escalated_from == rows["p6"].id
    assert "不重复发送" in rows["p2"].note
    assert rows["p2"].escalated_to == rows["p3"].id
    assert len(rows["p7"].attempts) == 2
    assert len(rows["p3"].attempts) == 2, "no second message to a deputy who was called already"
    assert worker.run_due(later(301), 50) == 2
    assert worker.escalate(later(700), 50) == 1
    seven = next(row for row in house.desk.ledger(call.id).rows if row.person_id == "p7")
    assert "没有副职" in seven.note
    assert worker.escalate(later(5000), 50) == 0
    worker.close()


def test_nobody_reachable_goes_to_the_deputy_at_once(house: House) -> None:
    house.roster.upsert([replace(people()[0], contacts={}, deputy_id="p8")])
    house.roster.upsert([replace(people()[5], id="p8", name="副职八", roles=("替补",), deputy_id=None)])
    call = house.started()
    first = house.desk.ledger(call.id).rows[0]
    assert (first.person_id, first.state, first.attempts) == ("p1", PersonState.FAILED, ())
    worker = house.worker()
    assert worker.escalate(later(1), 50) == 1
    assert {row.person_id for row in house.desk.ledger(call.id).rows} >= {"p1", "p8"}
    worker.close()


def test_receipts_open_one_row_go_forward_only_and_expire(house: House) -> None:
    call = house.started()
    worker = house.worker()
    worker.run_due(T0, 50)
    message = next(item for item in house.phone.took if item.address == "000-0001")
    token = message.link.rsplit("/", 1)[1]
    view = house.desk.receipt(token)
    assert view["actions"] == ["confirmed", "en_route", "on_site"]
    assert house.desk.answer_receipt(token, "en_route", later(20), "link").state is PersonState.EN_ROUTE
    again = house.desk.answer_receipt(token, "en_route", later(25), "link")
    assert again.since == later(20), "the same answer again changes nothing"
    assert house.desk.answer_receipt(token, "confirmed", later(30), "link").state is PersonState.EN_ROUTE
    assert house.desk.answer_receipt(token, "on_site", later(40), "link").state is PersonState.ON_SITE
    with pytest.raises(NotFound, match="链接无效"):
        house.desk.answer_receipt("x" * 43, "confirmed", later(50), "link")
    with pytest.raises(Conflict, match="过期"):
        house.desk.answer_receipt(token, "confirmed", later(25 * 3600), "link")
    with house.database.read() as connection:
        stored = connection.execute(sa.select(RECEIPTS.c.token_hash)).scalars().all()
    assert token not in str(stored)
    assert len(stored) == 12
    told = [body for kind, body in house.events() if kind == "call.row" and body["row"]["state"] == "en_route"]
    assert len(told) == 1
    assert told[0]["totals"]["answered"] == 1
    house.desk.stand_down(call.id, "duty", later(60))
    other = next(item for item in house.phone.took if item.address == "000-0002").link.rsplit("/", 1)[1]
    with pytest.raises(Conflict, match="解除"):
        house.desk.answer_receipt(other, "confirmed", later(70), "link")
    worker.close()


def test_recall_and_stand_down(house: House) -> None:
    call = house.started()
    worker = house.worker()
    worker.run_due(T0, 50)
    row = house.desk.tasks("field")[0]
    assert house.desk.answer_task(row["row_id"], "field", "confirmed", later(5)).state is PersonState.CONFIRMED
    at_once(3, lambda n: house.desk.recall_unanswered(call.id, "duty", later(60)))
    assert worker.run_due(later(60), 50) == 10, "five people, two channels, once for three presses"
    house.desk.recall_unanswered(call.id, "duty", later(120))
    done = house.desk.stand_down(call.id, "duty", later(121))
    assert done.status == "done"
    assert done.totals["stood_down"] == 6
    assert worker.run_due(later(200), 50) == 0
    assert worker.escalate(later(9999), 50) == 0
    assert house.desk.stand_down(call.id, "duty", later(300)) == done
    with pytest.raises(Conflict):
        house.desk.recall_unanswered(call.id, "duty", later(301))
    assert house.desk.active_calls() == []
    worker.close()


def test_a_message_of_a_dead_worker_is_not_sent_after_the_answer_or_the_stand_down(house: House) -> None:
    call = house.started()
    house.store.claim(T0, 12, "dead", 30.0)
    house.desk.answer_task(house.desk.tasks("field")[0]["row_id"], "field", "confirmed", later(5))
    worker = house.worker()
    assert worker.run_due(later(31), 2) == 2
    assert "000-0001" not in {message.address for message in house.phone.took}
    house.store.claim(later(32), 12, "dead", 30.0)
    house.desk.stand_down(call.id, "duty", later(40))
    assert worker.run_due(later(100), 50) == 0
    worker.close()


def test_one_cannot_answer_for_another(house: House) -> None:
    call = house.started()
    with pytest.raises(Forbidden):
        house.desk.answer_task(call.rows[1].id, "field", "confirmed", later(5))
    with pytest.raises(NotFound):
        house.desk.answer_task("ROW-none", "field", "confirmed", later(5))
    with pytest.raises(BadInput):
        house.desk.answer_task(call.rows[0].id, "field", "stood_down", later(5))
