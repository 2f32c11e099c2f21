"""The production shape: PostgreSQL, a Redis of its own, two web processes. The same thread, the same promises."""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from hub.redis_server import EmbeddedRedis
from hub.sink import Sink
from tests.serving import PASSWORD, ROOT, Server, sample_data, serving, until

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis that `serve` did not start."""
    redis_server = EmbeddedRedis(tmp_path_factory.mktemp("own-redis"))
    redis_server.start()
    yield redis_server.url
    redis_server.stop()


def test_reading_to_receipt_on_postgresql(
    postgres_url: str, redis_url: str, tmp_path: Path, sample_source: Path
) -> None:
    data = sample_data(tmp_path / "data", sample_source)
    (data / "citybrain.sqlite").unlink(missing_ok=True)
    shutil.rmtree(data / "redis", ignore_errors=True)
    with Sink() as sink:
        settings = {
            "CITYBRAIN_DATABASE_URL": postgres_url,
            "CITYBRAIN_REDIS_URL": redis_url,
            "CITYBRAIN_WEBHOOK_URL": sink.webhook_url,
            "CITYBRAIN_SMTP_URL": sink.smtp_url,
            "CITYBRAIN_WEB_WORKERS": "2",
        }
        make_people_and_accounts(data, settings)
        with serving(data, CITYBRAIN_DEMO="true", CITYBRAIN_DRILL="", **settings) as server:
            assert not (data / "citybrain.sqlite").exists()
            assert not server.children("sink")
            the_thread(server, sink)


def make_people_and_accounts(data: Path, settings: dict[str, str]) -> None:
    """The sample's people are rows of the database, so that a new database wants them again."""
    server = Server(data, **settings)
    subprocess.run(
        [sys.executable, str(ROOT / "app.py"), "sample"], cwd=ROOT, env=server.environment,
        check=True, capture_output=True,
    )  # fmt: skip


def the_thread(server: Server, sink: Sink) -> None:
    with server.api("admin") as admin, server.api("duty") as duty:
        health = duty.get("/readyz").json()["parts"]
        assert health["database"]["kind"] == "postgresql"
        now = datetime.now(UTC).isoformat()
        reading = {"sensor": "depth-up-001", "quantity": "depth_m", "value": 0.4, "observed_at": now}
        assert admin.post("/api/v1/observations", json={"observations": [reading]}).status_code == 202
        (alert,) = until(lambda: duty.get("/api/v1/alerts").json()["items"])
        incident = duty.post("/api/v1/incidents", json={"alert_ids": [alert["id"]]}).json()
        preview = duty.post(f"/api/v1/incidents/{incident['id']}/plan").json()
        assert preview["people"]
        assert any(team["eta_s"] for team in preview["teams"])
        key = {"Idempotency-Key": preview["idempotency_key"]}
        calls = {duty.post(f"/api/v1/incidents/{incident['id']}/call", headers=key).json()["call"] for _ in range(3)}
        assert len(calls) == 1
        (call_id,) = calls
        wanted = sum(len(row["attempts"]) for row in duty.get(f"/api/v1/calls/{call_id}").json()["rows"])
        until(lambda: len(sink.messages()) >= wanted, timeout_s=40)
        each = Counter((one.channel, one.to) for one in sink.messages())
        assert len(each) == wanted
        assert set(each.values()) == {1}
        with httpx.Client(trust_env=False) as anybody:
            assert anybody.post(sink.messages()[0].link, data={"action": "confirmed"}).status_code == 200
        rows = duty.get(f"/api/v1/calls/{call_id}").json()["rows"]
        assert [row["state"] for row in rows].count("confirmed") == 1
        timeline = duty.get(f"/api/v1/incidents/{incident['id']}/timeline").json()["items"]
        assert len(timeline) >= 4
        assert PASSWORD not in server.said()
