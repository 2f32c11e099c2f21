"""`kill -9` of the engine under 50,000 readings: each is stored, each alert opened, each event told once."""

import random
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from tests.faults.parts import (
    ago,
    columns,
    count,
    is_ready,
    kill,
    leader,
    leads_anew,
    outbox_ids,
    post,
    retried,
    rows,
    screen,
    sensors,
)
from tests.serving import Server, until

pytestmark = pytest.mark.faults
KILLS = 4
WANTED = 50_000
OPENED = "SELECT dedup_key, count(*) FROM alerts WHERE source = 'rule' AND rowid > ? GROUP BY dedup_key"


def test_readings_alerts_and_events_survive_the_engine(
    city: Server, record_property: Callable[[str, object], None]
) -> None:
    before, newest = count(city, "readings"), rows(city, "SELECT coalesce(max(rowid), 0) FROM alerts")[0][0]
    with screen(city, "alerts") as seen:
        last = outbox_ids(city)[-1:] or [0]
        dice, took = random.Random(7), list[tuple[int, set[str]]]()
        enough = threading.Event()
        posting = threading.Thread(target=lambda: took.append(post_all(city, enough)))
        posting.start()
        backs = [kill_one(city, dice) for _ in range(KILLS)]
        assert posting.is_alive(), "every kill came while readings came in"
        enough.set()
        posting.join(120)
        assert took, "posting failed"
        accepted, flooded = took[0]
        assert accepted >= WANTED
        until(lambda: count(city, "readings") >= before + accepted, 60, 0.2)
        until(lambda: is_ready(city), 30)
        assert count(city, "readings") == before + accepted, "each accepted reading once"
        fired = dict(rows(city, OPENED, newest))
        assert {key.split(":")[2] for key in fired} == flooded
        assert set(fired.values()) == {1}, "each alert opened once"
        told = outbox_ids(city, last[0], ("alerts",))
        until(lambda: len(seen.ids) >= len(told), 20)
        assert seen.ids == told, "each event once and in order"
        history = rows(city, "SELECT alert_id, count(*) FROM alert_history WHERE kind = 'fired' GROUP BY alert_id")
        assert {number for _, number in history} == {1}
    record_property("engine back after s", [round(back, 2) for back in backs])
    record_property("readings, alerts, events", [accepted, len(fired), len(told)])
    assert sorted(backs)[KILLS // 2] <= 5.0, backs


def kill_one(server: Server, dice: random.Random) -> float:
    """Kill the leading engine at some moment; seconds until another leads."""
    time.sleep(dice.uniform(0.1, 1.0))
    holder = leader(server)
    kill(server, "engine")
    began = time.monotonic()
    until(lambda: leads_anew(server, holder), 30, 0.02)
    return time.monotonic() - began


def post_all(server: Server, enough: threading.Event) -> tuple[int, set[str]]:
    """Batches of three quantities at several times, until all are in and it is enough; (accepted, sensors flooded)."""
    accepted, flooded, number = 0, set[str](), 0
    with server.api("admin") as api:
        usual = {"depth_m": 0.01, "rain_mm_h": 1.0, "gas_lel_pct": 0.5}
        ids = {quantity: sensors(api, quantity) for quantity in usual}
        ids["depth_m"] = ids["depth_m"][100:]
        rounds = WANTED // sum(len(found) for found in ids.values()) + 1
        while number < rounds or not enough.is_set():
            at = ago(600 - 0.4 * number)
            for quantity, found in ids.items():
                values = [usual[quantity]] * len(found)
                if quantity == "depth_m" and number > rounds // 10:
                    for place in range(1 + min(number, rounds) * 60 // rounds):
                        values[place] = 0.22 if number % 2 else 0.35
                        flooded.add(found[place])
                answer, _ = retried(partial(post, api, columns(quantity, at, found, values)))
                assert answer.status_code == 202, answer.text
                accepted += answer.json()["accepted"]
            number += 1
            enough.wait(0.15)
    return accepted, flooded
