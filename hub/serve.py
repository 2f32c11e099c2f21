"""`serve`: everything on one machine, in one process tree."""

import fcntl
import os
import secrets
import socket
import time
from pathlib import Path
from typing import Any

import httpx

from geodata.errors import NotConfigured
from hub.feeds.named import names_feeds
from hub.listen import listen
from hub.redis_server import EmbeddedRedis
from hub.settings import Settings
from hub.supervisor import Supervisor

DEMO_ACCOUNTS = (
    ("admin", "系统管理员(演示)", "admin"),
    ("duty", "值班员(演示)", "duty"),
    ("dispatcher", "调度员(演示)", "dispatcher"),
    ("leader", "值班领导(演示)", "leader"),
    ("field", "现场人员(演示)", "field"),
)
READY_S = 150.0
FEEDS_LOOK_S = 5.0
ROOT = Path(__file__).resolve().parents[1]
ANY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104
FRESH = "_new_password"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Serve:
    """Sets up what is missing, starts the parts, waits until the first page can be opened, then watches."""

    def __init__(self, settings: Settings, supervisor: Supervisor) -> None:
        self.settings, self.supervisor = settings, supervisor
        self.redis: EmbeddedRedis | None = None
        self.inbox = ""
        self.has_feeds, self._look_at_feeds = False, 0.0

    def run(self) -> int:
        began = time.monotonic()
        if self.settings.host in ANY_ADDRESS and not self.settings.public_url:
            raise NotConfigured(
                f"监听 {self.settings.host} 时必须设置 CITYBRAIN_PUBLIC_URL:否则发给被叫人员的回执链接打不开"
            )
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        lock = self._only_one()
        listener = listen(self.settings)
        host, port = listener.getsockname()[:2]
        self.supervisor.environment |= {
            **{name: value for name, value in os.environ.items() if name.startswith("CITYBRAIN_")},
            "CITYBRAIN_HOST": host,
            "CITYBRAIN_PORT": str(port),
        }
        self.supervisor.obey_signals()
        try:
            self._start_redis()
            if self.supervisor.once("check", ["check", "--start"]):
                raise NotConfigured("没有启动:先改正上面的问题")
            password = self._prepare_demo() if self.settings.demo else ""
            self._start_parts(listener)
            inside = "127.0.0.1" if host in ANY_ADDRESS else host
            self._wait_ready(f"http://{inside}:{port}")
            if not self.supervisor.stopping.is_set():
                self._greet(f"http://{host}:{port}", password, time.monotonic() - began)
                self._start_drill()
            self.supervisor.watch(self._mend_redis)
        finally:
            self.supervisor.stop()
            if self.redis is not None:
                self.redis.stop()
            listener.close()
            lock.close()
        return 0

    def _only_one(self) -> Any:
        lock = (self.settings.data_dir / "serve.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotConfigured(
                f"数据目录 {self.settings.data_dir} 已有一个 serve 在运行;先停下它,或换 CITYBRAIN_DATA_DIR"
            ) from None
        return lock

    def _prepare_demo(self) -> str:
        """Sample city and demo accounts where there are none. Returns the password when it was set now, else ""."""
        given = self.settings.demo_password.get_secret_value()
        password = given or secrets.token_urlsafe(9)
        self.supervisor.environment[FRESH] = password
        code = self.supervisor.once("demo", ["demo", *(["--reset"] if given else [])])
        del self.supervisor.environment[FRESH]
        if code == KEPT:
            return ""
        if code:
            raise NotConfigured("示例城市或演示账号没有准备好;请看上面的日志")
        return password

    def _start_redis(self) -> None:
        if not self.settings.redis_url:
            self.redis = EmbeddedRedis(self.settings.data_dir)
            self.redis.start()
            self.supervisor.environment["CITYBRAIN_REDIS_URL"] = self.redis.url

    def _mend_redis(self) -> None:
        if self.redis is not None:
            self.redis.mend()
        if not self.has_feeds and time.monotonic() > self._look_at_feeds:
            self._start_feeds()

    def _start_parts(self, listener: socket.socket) -> None:
        settings = self.settings
        if settings.demo and not settings.smtp_url.get_secret_value() and not settings.webhook_url.get_secret_value():
            http_port, smtp_port = free_port(), free_port()
            self.supervisor.add("sink", ["sink", "--http-port", str(http_port), "--smtp-port", str(smtp_port)])
            self.inbox = f"http://127.0.0.1:{http_port}/"
            self.supervisor.environment |= {
                "CITYBRAIN_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}?from=drill@sample.invalid",
                "CITYBRAIN_WEBHOOK_URL": f"http://127.0.0.1:{http_port}/webhook",
            }
            if not settings.receivers.get_secret_value():
                told = (f"{name}=http://127.0.0.1:{http_port}/notice" for name in ("drill", "duty", "leader"))
                self.supervisor.environment["CITYBRAIN_RECEIVERS"] = " ".join(told)
        for number in range(settings.web_workers):
            self.supervisor.add(f"web-{number + 1}", [], listener)
        self.supervisor.add("engine", ["engine"])
        self._start_feeds()

    def _start_feeds(self) -> None:
        """The feeds process, once the feeds file names a feed; without one it would only cost memory."""
        self._look_at_feeds = time.monotonic() + FEEDS_LOOK_S
        if not self.has_feeds and names_feeds(ROOT / self.settings.feeds_file):
            self.has_feeds = True
            self.supervisor.add("feeds", ["feeds"])

    def _start_drill(self) -> None:
        if self.settings.demo and self.settings.drill:
            self.supervisor.add("drill", ["drill", self.settings.drill, "--speed", "60", "--rounds", "0"])

    def _wait_ready(self, url: str) -> None:
        deadline = time.monotonic() + READY_S
        with httpx.Client(base_url=url, timeout=5, trust_env=False) as client:
            while time.monotonic() < deadline and not self.supervisor.stopping.is_set():
                try:
                    if client.get("/readyz").status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                time.sleep(0.1)
        if not self.supervisor.stopping.is_set():
            raise NotConfigured(f"服务 {READY_S:.0f} 秒内没有就绪;{url}/readyz 写明缺哪一部分,原因见上面的日志")

    def _greet(self, url: str, password: str, took_s: float) -> None:
        lines = [f"\n{self.settings.city_name}城市运行与应急指挥 已就绪({took_s:.1f} 秒):{url}"]
        if self.settings.demo:
            names = " ".join(name for name, _, _ in DEMO_ACCOUNTS)
            known = f"口令 {password}" if password else "口令见首次启动时的输出(用 CITYBRAIN_DEMO_PASSWORD 可重设)"
            if self.settings.demo_password.get_secret_value():
                known = "口令为 CITYBRAIN_DEMO_PASSWORD 的值"
            lines += [
                f"  演示账号:{names} · {known}",
                "  地图与人员均为示例数据(small);全量:.venv/bin/python app.py sample --scale full",
            ]
            if self.settings.drill:
                lines.append(f"  暴雨演练 {self.settings.drill} 正以 60 倍速回放,所有告警与消息都标有「演练」")
            if self.inbox:
                lines.append(f"  演练收件箱(一键直呼发出的消息都在这里):{self.inbox}")
        print("\n".join(lines), flush=True)


KEPT = 3  # exit code of `demo`: the accounts were there and keep their password
