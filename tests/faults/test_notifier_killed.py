"""`kill -9` of the engine between the acceptance of 1,000 alerts and their notification: all are delivered."""

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.parts import is_ready, kill, pids, redis_pids
from tests.hub.receiver import Hook
from tests.serving import ROOT, Server, sample_data, serving, until

pytestmark = pytest.mark.faults
WANTED, GROUPS = 1_000, 20
ROUTES = (
    "route: {receiver: hook, group_by: [round, county], group_wait: 4s, group_interval: 500ms, repeat_interval: 4h}"
)


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    """The receiver, in the test's own process: it lives on while the product's parts die."""
    with Hook() as made:
        yield made


@pytest.fixture(scope="module")
def notified(tmp_path_factory: pytest.TempPathFactory, sample_source: Path, hook: Hook) -> Iterator[Server]:
    data = sample_data(tmp_path_factory.mktemp("notified"), sample_source)
    (data / "routing.yaml").write_text(ROUTES)
    settings = {
        "CITYBRAIN_DEMO": "true", "CITYBRAIN_DRILL": "", "CITYBRAIN_ROUTING_FILE": str(data / "routing.yaml"),
        "CITYBRAIN_RECEIVERS": f"hook={hook.url}",
    }  # fmt: skip
    with serving(data, **settings) as made:
        yield made


def post(server: Server, name: str) -> None:
    """1,000 alerts in one request, accepted."""
    alerts = [
        {"labels": {"alertname": f"{name}-{n}", "round": name, "county": f"3713{n % GROUPS:02d}"}}
        for n in range(WANTED)
    ]
    with server.api("admin") as api:
        answer = api.post("/api/v2/alerts", json=alerts)
        assert (answer.status_code, answer.content) == (200, b"")


def arrived(hook: Hook, name: str) -> set[str]:
    return {one for one in hook.firing() if one.startswith(f"{name}-")}


def messages(hook: Hook, name: str) -> list[tuple[str, dict[str, Any]]]:
    return [(key, body) for key, body in list(hook.posts) if body["groupLabels"].get("round") == name]


def test_accepted_then_killed_before_anybody_was_told(
    notified: Server, hook: Hook, record_property: Callable[[str, object], None]
) -> None:
    post(notified, "before")
    assert not arrived(hook, "before"), "the group's wait is not over"
    kill(notified, "engine")
    began = time.monotonic()
    until(lambda: len(arrived(hook, "before")) == WANTED, 60)
    record_property("all told after s", round(time.monotonic() - began, 2))
    assert len(messages(hook, "before")) == GROUPS, "each group once"


def test_killed_while_messages_go_out(notified: Server, hook: Hook) -> None:
    until(lambda: is_ready(notified), 60)
    post(notified, "amid")
    until(lambda: messages(hook, "amid"), 60, 0.001)
    kill(notified, "engine")
    until(lambda: len(arrived(hook, "amid")) == WANTED, 60)
    time.sleep(2)  # what would be repeated comes within the interval
    groups = Counter(body["groupKey"] for _, body in messages(hook, "amid"))
    keys = {key for key, _ in messages(hook, "amid")}
    assert len(groups) == GROUPS
    assert max(groups.values()) <= 2, "at most one repetition of a group"
    assert len(keys) == GROUPS, "and that with the same key"


def test_a_receiver_away_for_a_while_gets_all(notified: Server, hook: Hook) -> None:
    until(lambda: is_ready(notified), 60)
    hook.refuse = True
    refused = hook.refused
    post(notified, "away")
    until(lambda: hook.refused > refused + GROUPS, 60)
    kill(notified, "engine")
    until(lambda: pids(notified, "engine"), 30)
    hook.refuse = False
    until(lambda: len(arrived(hook, "away")) == WANTED, 90)


def test_a_second_engine_tells_nobody_twice(notified: Server, hook: Hook) -> None:
    until(lambda: is_ready(notified), 60)
    (redis,) = redis_pids(notified)
    redis_url = re.findall(r"/\S*redis\.sock", Path(f"/proc/{redis}/cmdline").read_text().replace("\0", " "))[0]
    environment = notified.environment | {"CITYBRAIN_REDIS_URL": f"unix://{redis_url}"}
    second = subprocess.Popen([sys.executable, str(ROOT / "app.py"), "engine"], cwd=ROOT, env=environment)
    try:
        post(notified, "two")
        kill(notified, "engine")
        until(lambda: len(arrived(hook, "two")) == WANTED, 60)
        time.sleep(2)
        assert len({key for key, _ in messages(hook, "two")}) == GROUPS
    finally:
        second.terminate()
        second.wait(30)
