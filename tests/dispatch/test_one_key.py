"""From alert to receipts through real gateways: each person told once by each channel."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatch.channels import build_channels
from dispatch.desk import DispatchDesk
from dispatch.plans import load_plans
from dispatch.worker import CallWorker
from hub.sink import Sink
from tests.dispatch.house import ROOT, T0, House, NoTeams, at_once, later


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


@pytest.fixture
def house(tmp_path: Path, sink: Sink) -> Iterator[House]:
    made = House(f"sqlite:///{tmp_path / 'key.sqlite'}")
    made.channels = build_channels(sink.smtp_url, sink.webhook_url)
    parts = (made.store, made.roster, load_plans(ROOT / "dispatch/plans.yaml"), NoTeams(), None, made.alerts)
    made.desk = DispatchDesk(*parts, made.channels, lambda token: f"http://city.invalid/r/{token}", lambda: T0)
    yield made
    made.database.close()


def test_double_press_two_workers_one_message_each_then_receipt_and_deputy(house: House, sink: Sink) -> None:
    incident = house.desk.open_incident(["A3"], "duty", T0)
    key = house.desk.preview(incident.id, "duty", T0).idempotency_key
    call, *_ = at_once(4, lambda n: house.desk.call(incident.id, key, "duty", T0))
    workers = [CallWorker(house.store, house.channels, f"w{n}", lambda: T0) for n in range(2)]
    at_once(2, lambda n: workers[n].run_due(T0, 50))
    told = Counter((message.channel, message.to) for message in sink.messages())
    assert len(told) == 12
    assert set(told.values()) == {1}
    assert all(
        message.title.startswith("【演练】") and message.text.startswith("【演练】") for message in sink.messages()
    )
    link = next(message.link for message in sink.messages() if message.to == "p1@example.invalid")
    house.desk.answer_receipt(re.split("/", link)[-1], "confirmed", later(20), "link")
    assert house.desk.ledger(call.id).totals["answered"] == 1
    assert workers[0].escalate(later(301), 50) == 5
    assert workers[0].run_due(later(301), 50) == 0, "every deputy has been told already"
    for worker in workers:
        worker.close()


def test_a_gateway_that_fails_twice_is_tried_again_under_one_id(house: House, sink: Sink) -> None:
    house.started()
    worker = CallWorker(house.store, house.channels, "w", lambda: T0)
    sink.trouble.fail_next = 12
    assert worker.run_due(T0, 50) == 12
    assert sink.messages() == []
    assert worker.run_due(later(4), 50) == 0
    assert worker.run_due(later(5), 50) == 12
    assert len({message.attempt_id for message in sink.messages()}) == len(sink.messages()) == 12
    worker.close()
