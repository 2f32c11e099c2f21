"""The real product for tests: `app.py serve` as a process tree, on free ports, with its own data directory."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "demo-password-1"
READY_S = 90.0


class Server:
    """`start()` and `stop()`; `api(user)` is an HTTP client with that account's token."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.data_dir = data_dir
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("CITYBRAIN_")},
            "CITYBRAIN_DATA_DIR": str(data_dir),
            "CITYBRAIN_PORT": "0",
            "CITYBRAIN_DEMO_PASSWORD": PASSWORD,
            "CITYBRAIN_LOG_LEVEL": "info",
            "PYTHONUNBUFFERED": "1",
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.log = data_dir / "serve.log"

    def start(self) -> "Server":
        self.data_dir.mkdir(parents=True, exist_ok=True)
        earlier = len(self.said())
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py"), "serve"], cwd=ROOT, env=self.environment, stdout=output,
                stderr=output, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"serve ended:\n{self.said()}"
            lines = [line for line in self.said()[earlier:].splitlines() if "已就绪" in line]
            if lines:
                self.url = "http" + lines[-1].rsplit("http", 1)[1].strip()
                return self
            time.sleep(0.1)
        raise AssertionError(f"not ready after {READY_S} s:\n{self.said()}")

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    @contextmanager
    def api(self, username: str = "duty", timeout: float = 20) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=self.url, timeout=timeout, trust_env=False) as client:
            answer = client.post("/api/v1/token", json={"username": username, "password": PASSWORD})
            answer.raise_for_status()
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            yield client

    def children(self, part: str) -> list[int]:
        """Process ids of this server's part: web, engine, sink, drill, redis."""
        assert self.process is not None
        found = []
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                name = folder.joinpath("comm").read_text().strip()
                session = int(folder.joinpath("stat").read_text().rsplit(")", 1)[1].split()[3])
            except (OSError, IndexError):
                continue
            if session == self.process.pid and name.startswith(f"city-{part}"):
                found.append(int(folder.name))
        return found


def sample_data(target: Path, source: Path) -> Path:
    """A fresh data directory with the small sample city, copied from `source`, which is made when it is not there."""
    if not (source / "layers").exists():
        environment = {**os.environ, "CITYBRAIN_DATA_DIR": str(source)}
        subprocess.run(
            [sys.executable, str(ROOT / "app.py"), "sample", "--scale", "small"], cwd=ROOT, env=environment, check=True,
            capture_output=True,
        )  # fmt: skip
    shutil.copytree(source, target, dirs_exist_ok=True)
    return target


@contextmanager
def serving(data_dir: Path, **settings: str) -> Iterator[Server]:
    server = Server(data_dir, **settings).start()
    try:
        yield server
    finally:
        server.stop()


def until(check: Any, timeout_s: float = 15.0, every_s: float = 0.05) -> Any:
    """The first true value of `check()`; fails after `timeout_s` with what it last gave."""
    deadline, value = time.monotonic() + timeout_s, None
    while time.monotonic() < deadline:
        value = check()
        if value:
            return value
        time.sleep(every_s)
    raise AssertionError(f"never came true within {timeout_s} s; last: {value!r}")
