"""`kill -9` of the engine in the middle of a call: nobody is missed, nobody hears of a second message."""

import time
from collections import Counter
from collections.abc import Callable

import httpx
import pytest

from hub.sink import Sink
from tests.faults.parts import kill
from tests.serving import Server, until

pytestmark = pytest.mark.faults


def pressed(api: httpx.Client) -> dict[str, object]:
    """A fresh incident and its call."""
    made = api.post("/api/v1/incidents", json={"type": "waterlogging", "level": "Ⅰ", "lon": 118.34, "lat": 35.05})
    assert made.status_code == 201, made.text
    incident = made.json()["id"]
    preview = api.post(f"/api/v1/incidents/{incident}/plan")
    assert preview.status_code == 200, preview.text
    key = {"Idempotency-Key": preview.json()["idempotency_key"]}
    answer = api.post(f"/api/v1/incidents/{incident}/call", headers=key)
    assert answer.status_code == 202, answer.text
    return {"incident": incident, "call": answer.json()["call"]}


@pytest.mark.parametrize("heard", [0, 1, 12])
def test_everybody_is_told_under_one_id(
    city: Server, sink: Sink, heard: int, record_property: Callable[[str, object], None]
) -> None:
    sink.trouble.hang_s = 0.4
    with city.api() as api:
        before = len(sink.messages())
        call = pressed(api)["call"]
        until(lambda: len(sink.messages()) >= before + heard, 20, 0.01)
        kill(city, "engine")
        began = time.monotonic()

        def settled() -> dict[str, object]:
            ledger = api.get(f"/api/v1/calls/{call}").json()
            states = {attempt["state"] for row in ledger["rows"] for attempt in row["attempts"]}
            return ledger if states == {"sent"} else {}

        ledger = until(settled, 40, 0.1)
        took = time.monotonic() - began
    wanted = {attempt["id"] for row in ledger["rows"] for attempt in row["attempts"]}
    got = Counter(message.attempt_id for message in sink.messages()[before:])
    assert set(got) == wanted, "everybody, and no other id than the ledger's"
    assert len({(one.channel, one.to) for one in sink.messages()[before:]}) == len(wanted)
    assert all(row["state"] == "sent" for row in ledger["rows"])
    record_property("people, messages, sent again, all told after s",
                    [len(ledger["rows"]), len(wanted), sum(got.values()) - len(got), round(took, 2)])  # fmt: skip
    assert took <= 20
