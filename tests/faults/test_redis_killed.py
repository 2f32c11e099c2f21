"""`kill -9` of the embedded Redis: what is refused says so, what is accepted is kept, screens come back."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import httpx
import pytest

from tests.faults.parts import (
    ago,
    columns,
    is_ready,
    kill,
    outbox_ids,
    pids,
    post,
    ready,
    rows,
    screen,
    sensors,
)
from tests.serving import Server, until

pytestmark = pytest.mark.faults
AWAY = "urn:citybrain:problem:bus-away"
STORED = "SELECT count(DISTINCT observed_ms) FROM readings WHERE value = ?"
WARNING = {
    "identifier": "fault-redis-1", "sender": "met@example.invalid", "status": "Actual", "msgType": "Alert",
    "scope": "Public", "event": "暴雨", "severity": "Severe", "urgency": "Immediate", "certainty": "Observed",
    "category": ["Met"], "headline": "示例数据:暴雨橙色预警",
}  # fmt: skip


@contextmanager
def held(server: Server) -> Iterator[None]:
    """`serve` is stopped meanwhile, so that it cannot start anything again."""
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


def test_away_is_said_and_nothing_is_lost(city: Server, record_property: Callable[[str, object], None]) -> None:
    with city.api("admin") as api, screen(city) as seen:
        last = outbox_ids(city)[-1:] or [0]
        ids = sensors(api, "depth_m")[20:60]
        assert post(api, columns("depth_m", ago(2), ids, [0.05] * len(ids))).status_code == 202
        with held(city):
            kill(city, "redis")
            began = time.monotonic()
            refused = post(api, columns("depth_m", ago(1), ids, [0.0625] * len(ids)))
            took = time.monotonic() - began
            assert (refused.status_code, refused.json()["type"]) == (503, AWAY), refused.text
            said = until(lambda: found if (found := ready(city)).get("code") == 503 else None, 20)
            assert said["parts"]["bus"]["up"] is False
            assert said["parts"]["engine"]["up"] is False
            assert said["parts"]["database"]["up"] is True
            until(lambda: "system.status" in seen.kinds, 20)
            warned = api.post("/api/v1/alerts", json=warning())
            assert warned.status_code == 201, warned.text
            number = outbox_ids(city)[-1]
            assert number not in seen.ids, "stored, not yet told"
        began = time.monotonic()
        until(lambda: is_ready(city), 30)
        back = time.monotonic() - began
        until(lambda: "resync" in seen.kinds, 20)
        until(lambda: number in seen.ids, 20)
        assert seen.ids == outbox_ids(city, last[0])
        assert rows(city, STORED, 0.0625) == [(0,)], "a refused batch is not half-applied"
        assert post(api, columns("depth_m", ago(0), ids, [0.03125] * len(ids))).status_code == 202
        until(lambda: rows(city, "SELECT count(*) FROM readings WHERE value = 0.03125") == [(len(ids),)], 20)
    record_property("refused after s, ready again after s", [round(took, 2), round(back, 2)])


def warning() -> dict[str, object]:
    china = timezone(timedelta(hours=8))
    sent, ends = (datetime.now(china) + timedelta(seconds=seconds) for seconds in (-1, 600))
    times = {"sent": sent.isoformat(timespec="seconds"), "expires": ends.isoformat(timespec="seconds")}
    return WARNING | times | {"area": {"areaDesc": "示例区域", "circle": "35.27,117.96 3"}}


def test_kills_under_load_lose_at_most_the_last_second(
    city: Server, record_property: Callable[[str, object], None]
) -> None:
    with city.api("admin") as api, screen(city) as seen:
        last = outbox_ids(city)[-1:] or [0]
        taken, refused, stop = list[tuple[float, int]](), list[int](), threading.Event()
        ids = sensors(api, "depth_m")[20:60]
        posting = threading.Thread(target=pour, args=(api, ids, taken, refused, stop))
        posting.start()
        killed, backs = [], []
        for round_no in range(3):
            until(lambda wanted=(round_no + 1) * 10: len(taken) >= wanted, 60)
            dead = kill(city, "redis")
            killed.append(time.time())
            until(lambda old=dead: pids(city, "redis") not in ([], [old]) and is_ready(city), 40)
            backs.append(round(time.time() - killed[-1], 2))
        until(lambda: len(taken) >= 40, 60)
        stop.set()
        posting.join(30)
        until(lambda: ready(city).get("parts", {}).get("bus", {}).get("backlog") == 0, 40)
        time.sleep(0.5)
        stored = {row[0] for row in rows(city, "SELECT DISTINCT observed_ms FROM readings WHERE value = 0.015625")}
        lost = [at for at, moment in taken if moment not in stored]
        assert all(any(0 <= moment - at <= 1.5 for moment in killed) for at in lost), "only the last second's"
        told = outbox_ids(city, last[0])
        until(lambda: not told or seen.ids[-1:] == told[-1:], 20)
        assert seen.ids == told
    record_property("batches taken, refused, lost; ready after s", [len(taken), len(refused), len(lost), backs])


def pour(
    api: httpx.Client, ids: list[str], taken: list[tuple[float, int]], refused: list[int], stop: threading.Event
) -> None:
    """One batch after another, each of its own moment; when each was answered."""
    moment = int(time.time() * 1000) - 300_000
    while not stop.is_set():
        moment += 1000
        answer = post(api, columns("depth_m", moment_text(moment), ids, [0.015625] * len(ids)))
        if answer.status_code == 202:
            taken.append((time.time(), moment))
        else:
            assert answer.json()["type"] == AWAY, answer.text
            refused.append(answer.status_code)
        stop.wait(0.03)


def moment_text(moment: int) -> str:
    return ago(time.time() - moment / 1000)
