"""A real mosquitto of the test's own: its configuration, port and stored sessions; it can be killed and come back."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.serving import until

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
PORTS = range(20500, 20600)


def free_port() -> int:
    for port in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port for a broker")


class Broker:
    """`start`, `kill` (SIGKILL), `start` again on the same port with what it had saved."""

    def __init__(self, folder: Path, *lines: str, port: int = 0) -> None:
        if MOSQUITTO is None:
            pytest.skip("mosquitto is not installed; apt-get install mosquitto")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, port or free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.config = folder / "mosquitto.conf"
        given = "\n".join(lines) or "allow_anonymous true"
        self.config.write_text(
            f"listener {self.port} 127.0.0.1\n{given}\npersistence true\npersistence_location {folder}/\n"
            "autosave_on_changes true\nautosave_interval 10\nmax_queued_messages 0\nuser root\n"
            f"log_dest file {folder}/mosquitto.log\nlog_type notice\nlog_type error\nlog_type subscribe\n"
        )

    @property
    def saved(self) -> float:
        """When it last wrote its sessions down."""
        try:
            return (self.folder / "mosquitto.db").stat().st_mtime
        except OSError:
            return 0.0

    def start(self) -> "Broker":
        assert MOSQUITTO is not None
        self.process = subprocess.Popen([MOSQUITTO, "-c", str(self.config)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)  # fmt: skip
        until(self._answers, 15)
        return self

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


class Publisher:
    """A gateway as it should be: keeps what the broker has not surely written down, and sends it again after a break.

    mosquitto answers PUBACK before it has saved the message; a broker killed in between has lost it. So a message
    counts as given only when the broker's file is newer than its PUBACK, and is sent again otherwise.
    """

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.kept: dict[int, tuple[str, str]] = {}
        self.acked: dict[int, float] = {}
        self.sent = 0
        self._connect()

    def _connect(self) -> None:
        self._number_of: dict[int, int] = {}  # message number of this connection → ours; no lock: paho holds its own
        self._puback: dict[int, float] = {}
        self.client = paho.Client(CallbackAPIVersion.VERSION2, clean_session=True)
        self.client.max_inflight_messages_set(200)
        self.client.on_publish = self._on_publish
        self.client.connect("127.0.0.1", self.broker.port, 10)
        self.client.loop_start()

    def _on_publish(self, _client: Any, _userdata: Any, mid: int, *_: Any) -> None:
        self._puback[mid] = time.time()

    def _match(self) -> int:
        """How many are acknowledged."""
        for mid in list(self._puback):
            if mid in self._number_of:
                self.acked[self._number_of.pop(mid)] = self._puback.pop(mid)
        return len(self.acked)

    def publish(self, topic: str, payload: str) -> None:
        number = len(self.kept) + 1
        self.kept[number] = (topic, payload)
        self._send(number)

    def _send(self, number: int) -> None:
        self._number_of[self.client.publish(*self.kept[number], qos=1).mid] = number
        self.sent += 1

    def settle(self, timeout_s: float = 30) -> None:
        """Wait until the broker has written down all that was given to it."""
        until(lambda: self._match() == len(self.kept), timeout_s)
        newest = max(self.acked.values(), default=0)
        if newest > self.broker.saved:
            until(lambda: self.broker.saved > newest or self._nudge(), timeout_s, 0.1)

    def _nudge(self) -> bool:
        self.client.publish("nobody/listens", "x", qos=1, retain=True)
        return False

    def again(self) -> int:
        """After a break: a new connection, and all that was not surely written down once more. How many."""
        saved = self.broker.saved
        self.client.loop_stop()
        self._match()
        unsure = [number for number in self.kept if self.acked.get(number, 1e18) >= saved - 0.5]
        for number in unsure:
            self.acked.pop(number, None)
        self._connect()
        for number in unsure:
            self._send(number)
        return len(unsure)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
