"""`serve` itself ends: on SIGTERM with screens open, and killed. Nothing committed is lost, nothing is left running."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.parts import ago, columns, outbox_ids, pids, post, rows, screen, sensors
from tests.serving import Server, until

pytestmark = pytest.mark.faults
FIRED = "SELECT count(*) FROM alerts WHERE dedup_key LIKE '%:' || ? AND source = 'rule'"


def test_sigterm_with_five_screens_open(city: Server, record_property: Callable[[str, object], None]) -> None:
    with ExitStack() as screens:
        last = outbox_ids(city)[-1:] or [0]
        seen = [screens.enter_context(screen(city)) for _ in range(5)]
        with city.api("admin") as api:
            ids = sensors(api, "depth_m")[10:14]
            assert post(api, columns("depth_m", ago(1), ids, [0.3] * len(ids))).status_code == 202
        began = time.monotonic()
        city.stop()
        took = time.monotonic() - began
        city.start()
        up = time.monotonic() - began - took
        with city.api("admin") as api:
            assert post(api, columns("depth_m", ago(0), ids, [0.31] * len(ids))).status_code == 202
        until(lambda: [rows(city, FIRED, one)[0][0] for one in ids] == [1] * 4, 30)
        for one in seen:
            until(lambda one=one: one.connects >= 2, 30)
            until(lambda one=one: one.ids[-1:] == outbox_ids(city)[-1:], 30)
            assert one.ids == outbox_ids(city, last[0]), "resumed by Last-Event-ID: each event once, none missed"
    record_property("ended after s, up again after s", [round(took, 2), round(up, 2)])
    assert took <= 10


def test_killed_serve_leaves_nothing_running(city: Server, record_property: Callable[[str, object], None]) -> None:
    assert city.process is not None
    parts = [pid for part in ("web", "engine", "redis") for pid in pids(city, part)]
    assert len(parts) == 3
    with city.api("admin") as api:
        ids = sensors(api, "depth_m")[14:18]
        assert post(api, columns("depth_m", ago(1), ids, [0.3] * len(ids))).status_code == 202
    os.kill(city.process.pid, signal.SIGKILL)
    began = time.monotonic()
    city.process.wait()
    until(lambda: not [pid for pid in parts if alive(pid)], 20)
    record_property("all parts ended after s", round(time.monotonic() - began, 2))
    city.start()
    until(lambda: [rows(city, FIRED, one)[0][0] for one in ids] == [1] * 4, 30)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in {"Z", "X"}
    except OSError:
        return False
