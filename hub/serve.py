"""`serve`: everything on one machine, in one process tree."""

import fcntl
import os
import secrets
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from geodata.errors import NotConfigured
from hub.redis_server import EmbeddedRedis
from hub.settings import Settings
from hub.supervisor import Supervisor

APP = str(Path(sys.argv[0]).resolve()) if sys.argv[0].endswith("app.py") else "app.py"
DEMO_ACCOUNTS = (
    ("admin", "系统管理员(演示)", "admin"),
    ("duty", "值班员(演示)", "duty"),
    ("dispatcher", "调度员(演示)", "dispatcher"),
    ("leader", "值班领导(演示)", "leader"),
    ("field", "现场人员(演示)", "field"),
)
READY_S = 120.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Serve:
    """Sets up what is missing, starts the parts, waits until the first page can be opened, then watches."""

    def __init__(
        self, settings: Settings, open_stores: Callable[[Settings], Any], listen: Callable[[Settings], socket.socket]
    ) -> None:
        self.settings, self.open_stores, self.listen = settings, open_stores, listen
        self.environment = dict(os.environ)
        self.redis: EmbeddedRedis | None = None
        self.inbox = ""

    def run(self) -> int:
        began = time.monotonic()
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        lock = self._only_one()
        listener = self.listen(self.settings)
        host, port = listener.getsockname()[:2]
        self.environment |= {"CITYBRAIN_HOST": host, "CITYBRAIN_PORT": str(port)}
        stores = self.open_stores(self.settings)
        password = self._prepare_demo(stores) if self.settings.demo else None
        stores.database.close()
        self._start_redis()
        supervisor = Supervisor(self.environment)
        try:
            self._start_parts(supervisor, listener)
            self._wait_ready(f"http://127.0.0.1:{port}" if host in {"0.0.0.0", "::"} else f"http://{host}:{port}")  # noqa: S104
            self._greet(f"http://{host}:{port}", password, time.monotonic() - began)
            if self.settings.demo and self.settings.drill:
                supervisor.add("drill", [APP, "drill", self.settings.drill, "--speed", "60", "--rounds", "0"])
            supervisor.watch(self._mend_redis)
        finally:
            supervisor.stop()
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

    def _prepare_demo(self, stores: Any) -> str | None:
        """Sample city and demo accounts on an empty data directory. Returns the password when it was set now."""
        from hub.commands import sample

        if not stores.catalog.exists("sensors"):
            sample(stores, "small")
        given = self.settings.demo_password.get_secret_value()
        if not given and stores.auth.has_user("duty"):
            return None
        password = given or secrets.token_urlsafe(9)
        for username, name, role in DEMO_ACCOUNTS:
            stores.auth.put_user(username, name, role, password)
        return password

    def _start_redis(self) -> None:
        if not self.settings.redis_url:
            self.redis = EmbeddedRedis(self.settings.data_dir)
            self.redis.start()
            self.environment["CITYBRAIN_REDIS_URL"] = self.redis.url

    def _mend_redis(self) -> None:
        if self.redis is not None and not self.redis.alive():
            self.redis.start()

    def _start_parts(self, supervisor: Supervisor, listener: socket.socket) -> None:
        settings = self.settings
        if settings.demo and not settings.smtp_url.get_secret_value() and not settings.webhook_url.get_secret_value():
            http_port, smtp_port = free_port(), free_port()
            ports = ["--http-port", str(http_port), "--smtp-port", str(smtp_port)]
            supervisor.add("sink", [APP, "sink", *ports])
            self.inbox = f"http://127.0.0.1:{http_port}/"
            supervisor.environment |= {
                "CITYBRAIN_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}?from=drill@sample.invalid",
                "CITYBRAIN_WEBHOOK_URL": f"http://127.0.0.1:{http_port}/webhook",
            }
        for number in range(settings.web_workers):
            supervisor.add(f"web-{number + 1}", [APP, "web", "--fd", str(listener.fileno())], (listener.fileno(),))
        supervisor.add("engine", [APP, "engine"])

    @staticmethod
    def _wait_ready(url: str) -> None:
        deadline = time.monotonic() + READY_S
        with httpx.Client(base_url=url, timeout=5, trust_env=False) as client:
            while time.monotonic() < deadline:
                try:
                    if client.get("/readyz").status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                time.sleep(0.2)
        raise NotConfigured(f"服务 {READY_S:.0f} 秒内没有就绪;请看上面的日志")

    def _greet(self, url: str, password: str | None, took_s: float) -> None:
        lines = [f"\n{self.settings.city_name}城市运行与应急指挥 已就绪({took_s:.1f} 秒):{url}"]
        if self.settings.demo:
            names = " ".join(name for name, _, _ in DEMO_ACCOUNTS)
            known = f"口令 {password}" if password else "口令见首次启动时的输出(用 CITYBRAIN_DEMO_PASSWORD 可重设)"
            lines += [
                f"  演示账号:{names} · {known}",
                "  地图与人员均为示例数据(small);全量:python app.py sample --scale full",
            ]
            if self.settings.drill:
                lines.append(f"  暴雨演练 {self.settings.drill} 正以 60 倍速回放,所有告警与消息都标有「演练」")
            if self.inbox:
                lines.append(f"  演练收件箱(一键直呼发出的消息都在这里):{self.inbox}")
        print("\n".join(lines), flush=True)
