"""What the comparison with Alertmanager needs: a webhook receiver, a sender, and an Alertmanager of its own."""

import asyncio
import contextlib
import http.client
import multiprocessing
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import orjson

PROGRAM = "/usr/bin/prometheus-alertmanager"
COUNTIES, NAMES = 20, 5
INTERVAL = "1s"
GIVE_UP_S = 25.0
GROUPING = "group_by: [county, alertname]\n  group_wait: {wait}\n  group_interval: {interval}\n  repeat_interval: 4h"
Post = Callable[[bytes], float]


class _Receiver(asyncio.Protocol):
    """Counts alerts by their label `n` and the moment their message was complete. GET answers and begins anew."""

    seen: ClassVar[dict[str, float]] = {}
    posts: ClassVar[int] = 0

    def connection_made(self, transport: Any) -> None:
        self.transport, self.buffer = transport, bytearray()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.buffer[:end]).lower()
            size = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0)
            if len(self.buffer) < end + 4 + size:
                return
            body = bytes(self.buffer[end + 4 : end + 4 + size])
            del self.buffer[: end + 4 + size]
            self.transport.write(self._answer(head, body))

    def _answer(self, head: bytes, body: bytes) -> bytes:
        kind = type(self)
        out = b"ok"
        if head.startswith(b"get"):
            out = orjson.dumps({"seen": kind.seen, "posts": kind.posts})
            if b"/begin" in head.split(b"\r\n")[0]:
                kind.seen, kind.posts = {}, 0
        else:
            now = time.time()
            kind.posts += 1
            for alert in orjson.loads(body)["alerts"]:
                kind.seen.setdefault(alert["labels"]["n"], now)
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(out), out)


def _receive(listener: socket.socket) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Receiver, sock=listener)
        await server.serve_forever()

    asyncio.run(serve())


@contextlib.contextmanager
def receiver() -> Iterator[int]:
    """A webhook receiver in a process of its own; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    process = multiprocessing.get_context("fork").Process(target=_receive, args=(listener,), daemon=True)
    process.start()
    try:
        yield listener.getsockname()[1]
    finally:
        process.terminate()
        process.join(5)


class Told:
    """What the receiver has."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def begin(self) -> None:
        self._get("/begin")

    def wait(self, count: int, give_up_s: float = GIVE_UP_S) -> dict[str, Any]:
        """Once `count` alerts have come, or time is over. Looks seldom: looking costs the one core they share."""
        deadline, pause = time.monotonic() + give_up_s, 0.02 if count < 100 else 0.2
        while True:
            found = self._get("/")
            if len(found["seen"]) >= count or time.monotonic() > deadline:
                return found
            time.sleep(pause)

    def _get(self, path: str) -> dict[str, Any]:
        self.connection.request("GET", path)
        found: dict[str, Any] = orjson.loads(self.connection.getresponse().read())
        return found


def alerts(tag: str, count: int, groups: int = COUNTIES) -> bytes:
    rows = [
        {
            "labels": {"alertname": f"E{n % NAMES}-{tag}", "county": f"3713{n % groups:02d}", "n": f"{tag}-{n}",
                       "instance": f"gauge-{n}", "severity": "warning", "job": "city"},
            "annotations": {"summary": f"水尺 {n} 超过阈值", "description": "深度 0.31 m"},
            "generatorURL": "http://127.0.0.1/g",
        }
        for n in range(count)
    ]  # fmt: skip
    return orjson.dumps(rows)


def poster(port: int, token: str = "") -> Post:
    """Posts a body to the API v2, over a connection that is kept while it is used; seconds until it was answered."""
    connection, used = http.client.HTTPConnection("127.0.0.1", port, timeout=60), time.monotonic()
    headers = {"Content-Type": "application/json"} | ({"Authorization": token} if token else {})

    def post(body: bytes) -> float:
        nonlocal used
        if time.monotonic() - used > 5:  # the other side may have closed it by now
            connection.close()
        used = time.monotonic()
        began = time.perf_counter()
        connection.request("POST", "/api/v2/alerts", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, said[:300]
        return time.perf_counter() - began

    return post


class Alertmanager:
    """One of our own, without its cluster, with storage that is thrown away."""

    def __init__(self, hook: int, folder: Path, wait: str = "0s") -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        grouping = GROUPING.format(wait=wait, interval=INTERVAL)
        receivers = f"receivers:\n- name: hook\n  webhook_configs:\n  - url: http://127.0.0.1:{hook}/\n"
        (folder / "am.yml").write_text(f"route:\n  receiver: hook\n  {grouping}\n{receivers}")

    def start(self) -> None:
        command = [
            PROGRAM, f"--config.file={self.folder / 'am.yml'}", f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address=", "--log.level=error",
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.05)
        raise RuntimeError("prometheus-alertmanager did not start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def routing(folder: Path, wait: str = "0s") -> Path:
    path = folder / f"routing-{wait}.yaml"
    path.write_text(f"route:\n  receiver: hook\n  {GROUPING.format(wait=wait, interval=INTERVAL)}\n")
    return path
