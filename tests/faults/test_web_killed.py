"""`kill -9` of the web process while officers act: what was answered is stored, a repeated key calls once."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.faults.parts import (
    ago,
    columns,
    is_ready,
    kill_and_wait,
    outbox_ids,
    post,
    retried,
    rows,
    screen,
    sensors,
)
from tests.serving import Server, until

pytestmark = pytest.mark.faults
ACTED = "SELECT count(*) FROM audit WHERE action = ? AND object = ?"


def test_what_was_answered_is_stored(city: Server, record_property: Callable[[str, object], None]) -> None:
    with city.api("admin") as api, screen(city) as seen:
        last = outbox_ids(city)[-1:] or [0]
        wet = sensors(api, "depth_m")[60:90]
        assert post(api, columns("depth_m", ago(1), wet, [0.3] * len(wet))).status_code == 202
        alerts = until(lambda: opened(api.get("/api/v1/alerts", params={"limit": 1000}).json()["items"], wet), 30)
        done = list[tuple[str, str, int]]()
        acting = threading.Thread(target=act, args=(city, alerts, done))
        acting.start()
        gaps = []
        for number in (5, 15):
            until(lambda wanted=number: len(done) >= wanted, 60, 0.005)
            gaps.append(kill_and_wait(city, "web"))
        acting.join(90)
        assert len(done) == 2 * len(alerts), "every officer got an answer in the end"
        for alert, call, _ in done:
            if call:
                assert rows(city, "SELECT count(*) FROM calls WHERE id = ?", call) == [(1,)]
            else:
                assert rows(city, "SELECT acknowledged_at IS NOT NULL FROM alerts WHERE id = ?", alert) == [(1,)]
                assert rows(city, ACTED, "alert.acknowledge", alert)[0][0] >= 1
        keys = rows(city, "SELECT count(*), count(DISTINCT incident_id) FROM calls WHERE idempotency_key LIKE 'key-%'")
        assert keys == [(len(alerts), len(alerts))], "a repeated key calls once"
        until(lambda: is_ready(city), 30)
        told = outbox_ids(city, last[0])
        until(lambda: seen.ids[-1:] == told[-1:], 20)
        assert seen.ids == told, "the screen came back by Last-Event-ID and missed nothing"
        assert seen.connects >= 2
    record_property("web back after s", [round(gap, 2) for gap in gaps])
    record_property("sent twice", sum(tries > 1 for *_, tries in done))


def opened(items: list[dict[str, Any]], wet: list[str]) -> list[str]:
    found = [item["id"] for item in items if item["sensor"] in wet]
    return found if len(found) == len(wet) else []


def act(server: Server, alerts: list[str], done: list[tuple[str, str, int]]) -> None:
    """Acknowledge each alert, open its incident, press the key twice; patient like a browser that tries again."""
    with server.api(timeout=30) as api:
        for alert in alerts:
            answer, tries = retried(partial(api.post, f"/api/v1/alerts/{alert}/acknowledge"))
            assert answer.status_code == 200, answer.text
            done.append((alert, "", tries))
            answer, more = retried(partial(api.post, "/api/v1/incidents", json={"alert_ids": [alert]}))
            assert answer.status_code == 201, answer.text
            url, key = f"/api/v1/incidents/{answer.json()['id']}/call", {"Idempotency-Key": f"key-{alert}"}
            first, tries = retried(partial(api.post, url, headers=key))
            again, _ = retried(partial(api.post, url, headers=key))
            assert (first.status_code, again.status_code) == (202, 202), first.text
            assert first.json() == again.json()
            done.append((alert, first.json()["call"], max(tries, more)))
