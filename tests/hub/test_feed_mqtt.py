"""The MQTT feed against a real mosquitto: mapping, acknowledgement, redelivery, a broker that goes away."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from geodata.clock import utc_now
from hub.database import Database
from hub.feeds.mqtt import run_mqtt
from tests.broker import Broker, Publisher
from tests.hub.feed_parts import Parts, spec_of
from tests.serving import until

TOPICS = """
    topics:
      - {topic: 'n/{sensor}/{quantity}', payload: number}
      - {topic: 'j/{sensor}', payload: json, quantity: depth_m, value: d.v, time: d.t}
      - {topic: 'o', payload: observations}
      - {topic: 'v1.1/Datastreams({datastream})/Observations', payload: sensorthings}
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path / "broker").start()
    yield made
    made.stop()


@pytest.fixture
def parts(database: Database, client: redis.Redis) -> Parts:
    return Parts(database, client)


def feed(broker: Broker, protocol: str, more: str = "") -> str:
    head = "feeds:\n  - id: gw\n    kind: mqtt\n    host: 127.0.0.1\n"
    return f'{head}    port: {broker.port}\n    protocol: "{protocol}"\n{more}{TOPICS}'


@contextmanager
def running(parts: Parts, text: str) -> Iterator[threading.Thread]:
    spec, stop = spec_of(text), threading.Event()
    parts.board.declare(spec)
    thread = threading.Thread(target=run_mqtt, args=(spec, parts.door(spec), stop), daemon=True)
    thread.start()
    yield thread
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def stamp(ago_s: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=ago_s)).isoformat(timespec="milliseconds")


def connected(parts: Parts) -> bool:
    sessions = parts.client.hget("city:feed:gw", "problem")
    return sessions == b""


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_every_mapping_is_stored_and_acknowledged(parts: Parts, broker: Broker, protocol: str) -> None:
    with parts.storing(), running(parts, feed(broker, protocol)):
        until(lambda: connected(parts))
        gateway = Publisher(broker)
        gateway.publish("n/g001/depth_m", "0.25")
        gateway.publish("j/g002", json.dumps({"d": {"v": "0.31", "t": stamp(2)}}))
        rows = [{"sensor": "g003", "quantity": "depth_m", "value": 0.1, "observed_at": stamp(3)}]
        gateway.publish("o", json.dumps({"observations": rows}))
        gateway.publish(
            "v1.1/Datastreams(g004/flow_m3s)/Observations", json.dumps({"result": 12, "phenomenonTime": stamp(1)})
        )
        gateway.publish("n/g001/depth_m", "wet")
        gateway.publish("n/nobody/depth_m", "1")
        until(lambda: parts.fact("gw").accepted == 4 and parts.fact("gw").rejected == 2)
        gateway.close()
    assert parts.stored() == 4
    latest = parts.readings.latest()
    numbers = parts.registry.numbers()
    depths = dict(zip(latest["depth_m"].sensor_no.tolist(), latest["depth_m"].value.tolist(), strict=True))
    assert depths == {numbers["g001"]: 0.25, numbers["g002"]: 0.31, numbers["g003"]: 0.1}
    assert latest["flow_m3s"].value.tolist() == [12.0]
    reasons = [one.reason for one in parts.rejects.latest(source="feed:gw")]
    assert any("不是一个数" in one for one in reasons)
    assert any("未知的传感器" in one for one in reasons)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_nothing_is_acknowledged_before_it_is_stored(parts: Parts, broker: Broker, protocol: str) -> None:
    """Without an engine the broker keeps the messages; with one, the feed started anew brings each once."""
    text = feed(broker, protocol)
    gateway = Publisher(broker)
    with running(parts, text):
        until(lambda: connected(parts))
        for number in range(30):
            gateway.publish(f"n/g{number:03}/depth_m", "0.1")  # no time: known again by its message number
        until(lambda: parts.bus.backlog() > 0)
    assert parts.stored() == 0
    with parts.storing(), running(parts, text):
        until(lambda: parts.fact("gw").accepted == 30)
        time.sleep(0.3)
        assert parts.stored() == 30
    gateway.close()


def test_a_broker_that_goes_away_is_said_once_and_missed_for_nothing(parts: Parts, broker: Broker) -> None:
    gateway = Publisher(broker)
    with parts.storing(), running(parts, feed(broker, "5")):
        until(lambda: connected(parts))
        for number in range(50):
            gateway.publish(f"j/g{number:03}", json.dumps({"d": {"v": 0.1, "t": stamp(50 - number)}}))
        gateway.settle()
        broker.kill()
        until(lambda: "代理" in parts.fact("gw").problem)
        broker.start()
        gateway.again()
        for number in range(50, 100):
            gateway.publish(f"j/g{number:03}", json.dumps({"d": {"v": 0.1, "t": stamp(100 - number)}}))
        until(lambda: parts.stored() == 100, 60)
        until(lambda: parts.fact("gw").problem == "")
    gateway.close()


def test_a_retained_number_without_a_time_is_not_a_reading_of_now(parts: Parts, broker: Broker) -> None:
    gateway = Publisher(broker)
    gateway.client.publish("n/g001/depth_m", "9.9", qos=1, retain=True).wait_for_publish(5)
    with parts.storing(), running(parts, feed(broker, "5")):
        until(lambda: parts.fact("gw") and parts.fact("gw").rejected == 1)
    assert parts.stored() == 0
    assert "retain" in parts.rejects.latest(source="feed:gw")[0].reason
    gateway.close()


def test_a_wrong_password_is_said(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "users").write_text("")
    guarded = Broker(tmp_path / "guarded", "allow_anonymous false", f"password_file {tmp_path / 'users'}").start()
    monkeypatch.setenv("GATEWAY_PASSWORD", "not-it")
    text = feed(guarded, "5", "    username: citybrain\n    password_env: GATEWAY_PASSWORD\n")
    parts.board.declare(spec_of(text))
    try:
        with running(parts, text):
            until(lambda: "拒绝连接" in parts.fact("gw").problem)
            assert "not-it" not in parts.fact("gw").problem
    finally:
        guarded.stop()


def test_a_flood_at_qos_0_drops_and_counts_every_one(
    parts: Parts, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.feeds.mqtt_client.QUEUE", 500)
    monkeypatch.setattr("hub.feeds.mqtt.GATHER", 100)
    text = feed(broker, "5", "    limit: {rows_per_s: 200, burst: 200}\n")
    gateway = Publisher(broker)
    with parts.storing(), running(parts, text):
        until(lambda: connected(parts))
        for number in range(5_000):
            gateway.client.publish(f"n/g{number % 200:03}/depth_m", str(number / 10_000), qos=0)
        until(lambda: parts.fact("gw").accepted + parts.fact("gw").dropped == 5_000, 60)
        fact = parts.fact("gw")
    assert fact.dropped > 3_000
    assert fact.rejected == 0
    said = [one.reason for one in parts.rejects.latest(source="feed:gw")]
    assert any("丢弃" in one for one in said)
    assert utc_now() - fact.last_message_at < timedelta(seconds=30)
    gateway.close()


# paho drops the socket of a failed handshake without closing it; the collector does
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_and_the_right_password_from_a_file(parts: Parts, tmp_path: Path) -> None:
    """The broker's certificate is checked against the city's own authority: with another one there is no connection."""
    authority, other = made_authority(tmp_path / "ca"), made_authority(tmp_path / "other")
    (tmp_path / "password").write_text("right-one\n")
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(tmp_path / "users"), "citybrain", "right-one"], check=True,
                   capture_output=True)  # fmt: skip
    lines = ("allow_anonymous false", f"password_file {tmp_path / 'users'}", f"certfile {authority}/server.pem",
             f"keyfile {authority}/server.key")  # fmt: skip
    guarded = Broker(tmp_path / "guarded", *lines).start()
    more = f"    tls: true\n    username: citybrain\n    password_file: {tmp_path / 'password'}\n"
    try:
        with running(parts, feed(guarded, "5", f"{more}    ca_file: {other}/ca.pem\n")):
            until(lambda: parts.fact("gw").problem)
            assert "证书" in parts.fact("gw").problem
            assert not connected(parts)
        with running(parts, feed(guarded, "5", f"{more}    ca_file: {authority}/ca.pem\n")):
            until(lambda: connected(parts))
    finally:
        guarded.stop()


def made_authority(folder: Path) -> Path:
    """A certificate authority, and a certificate for 127.0.0.1 that it signed."""
    folder.mkdir()

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=test authority")  # fmt: skip
    openssl(
        "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1"
    )
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
            "server.pem", "-days", "2", "-extfile", "names")  # fmt: skip
    return folder
