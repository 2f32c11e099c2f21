"""Who holds a message while it is sent, the same on SQLite and PostgreSQL: short leases, renewed, soon free again."""

import threading
from collections.abc import Iterator
from datetime import datetime

import pytest
import sqlalchemy as sa

from dispatch import worker as worker_module
from dispatch.model import PersonState
from dispatch.ports import Message
from dispatch.stores import MAX_CLAIMS, Outcome
from dispatch.worker import LEASE_S, CallWorker
from hub.tables.dispatch import CALL_ATTEMPTS
from tests.dispatch.house import T0, House, later


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    made = House(database_url)
    yield made
    made.database.close()


def leases(house: House) -> dict[str, datetime]:
    columns = (CALL_ATTEMPTS.c.id, CALL_ATTEMPTS.c.lease_until)
    with house.database.read() as connection:
        rows = connection.execute(sa.select(*columns).where(CALL_ATTEMPTS.c.state == "sending"))
        return {row.id: row.lease_until for row in rows}


def test_renewing_keeps_what_is_held_and_nothing_else(house: House) -> None:
    house.started()
    mine = house.store.claim(T0, 3, "w1", LEASE_S)
    lost = house.store.claim(T0, 2, "w1", 1.0)
    took = house.store.claim(later(2), 9, "w2", LEASE_S)
    assert {item.id for item in lost} <= {item.id for item in took}
    assert house.store.renew([*mine, *lost], "w1", later(8), LEASE_S) == 3
    held = leases(house)
    assert {held[item.id] for item in mine} == {later(18)}
    assert {held[item.id] for item in lost} == {later(12)}
    assert house.store.renew(mine, "w1", later(1), LEASE_S) == 0, "a lease never gets shorter"
    house.store.finish([Outcome(item, True, "") for item in mine], later(9))
    assert house.store.renew(mine, "w1", later(9), LEASE_S) == 0


def test_a_worker_renews_while_a_gateway_hangs(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "RENEW_S", 0.01)
    house.started()
    answer, asked, clock = threading.Event(), threading.Event(), [T0]

    def hang(message: Message) -> None:
        asked.set()
        answer.wait(20)

    house.phone.fault = hang
    worker = CallWorker(house.store, house.channels, "w1", lambda: clock[0])
    sending = threading.Thread(target=worker.run_due, args=(T0, 50))
    sending.start()
    assert asked.wait(20)
    clock[0] = later(8)
    renewed = threading.Event()
    for _ in range(2000):
        if set(leases(house).values()) == {later(18)}:
            renewed.set()
            break
        threading.Event().wait(0.01)
    assert renewed.is_set()
    assert house.store.claim(later(11), 50, "w2", LEASE_S) == [], "past the first lease, within the renewed one"
    answer.set()
    sending.join(20)
    worker.close()
    assert len({message.attempt_id for message in house.phone.took}) == len(house.phone.took) == 12


def test_what_the_dead_held_is_free_at_once(house: House) -> None:
    house.started()
    house.store.claim(T0, 5, "dead", LEASE_S)
    house.store.claim(T0, 3, "alive", LEASE_S)
    worker = house.worker("next")
    assert worker.take_over(lambda holder: holder == "dead", later(1)) == 5
    assert worker.take_over(lambda holder: holder == "dead", later(1)) == 0
    assert worker.run_due(later(1), 50) == 4 + 5
    worker.close()


def test_a_late_result_of_a_lost_lease_is_recorded_and_does_no_harm(house: House) -> None:
    house.started()
    slow = house.store.claim(T0, 1, "slow", LEASE_S)[0]
    rest = house.store.claim(later(11), 50, "quick", LEASE_S)
    assert slow.id in {item.id for item in rest}
    house.store.finish([Outcome(slow, True, "网关已接收")], later(12))
    house.store.finish([Outcome(item, False, "网关返回 500", later(20)) for item in rest], later(13))
    again = house.store.claim(later(20), 50, "quick", LEASE_S)
    assert slow.id not in {item.id for item in again}, "it went out: nobody sends it again"
    assert len(again) == 11
    row = house.store.row(slow.row_id)
    assert row is not None
    assert row.row.state is PersonState.SENT


def test_a_message_that_kills_its_worker_is_given_up_and_takes_no_other_along(house: House) -> None:
    call = house.started()
    poison, now, lots = "", T0, []
    for _ in range(60):  # every worker that begins to send the poisonous message dies before it stores anything
        held = house.store.claim(now, 50, "mortal", LEASE_S)
        if not held:
            break
        poison = poison or held[4].id
        lots.append(len(held))
        if poison in {item.id for item in held}:
            now = datetime.fromtimestamp(now.timestamp() + LEASE_S + 1, now.tzinfo)
            continue
        house.store.finish([Outcome(item, True, "") for item in held], now)
    assert lots[:3] == [12, 12, 4]
    with house.database.read() as connection:
        columns = (CALL_ATTEMPTS.c.id, CALL_ATTEMPTS.c.state, CALL_ATTEMPTS.c.claims, CALL_ATTEMPTS.c.detail)
        rows = {row.id: row for row in connection.execute(sa.select(*columns))}
    assert (rows[poison].state, rows[poison].claims) == ("failed", MAX_CLAIMS)
    assert "已停止发送" in rows[poison].detail
    assert {row.state for key, row in rows.items() if key != poison} == {"sent"}
    assert house.desk.ledger(call.id).totals["sent"] == 6
    told = [body["row"]["attempts"] for kind, body in house.events() if kind == "call.row"]
    assert any("已停止发送" in item["detail"] for attempts in told for item in attempts)


def test_nobody_is_left_when_the_only_way_to_reach_them_is_given_up(house: House) -> None:
    call = house.started()
    row_id, now = house.desk.ledger(call.id).rows[0].id, T0
    for _ in range(60):
        held = house.store.claim(now, 50, "mortal", LEASE_S)
        if not held:
            break
        now = datetime.fromtimestamp(now.timestamp() + LEASE_S + 1, now.tzinfo)
        house.store.finish([Outcome(item, True, "") for item in held if item.row_id != row_id], now)
    row = house.store.row(row_id)
    assert row is not None
    assert row.row.state is PersonState.FAILED
    worker = house.worker()
    assert worker.escalate(now, 50) == 1, "the deputy is called at once"
    worker.close()
