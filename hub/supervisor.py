"""The process tree of `serve`: starts the parts, starts again what dies, ends all in order."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger()

STOP_S = 12.0
LONGEST_PAUSE_S = 5.0


@dataclass
class Part:
    """One child: its name, its command, and when it may be started again."""

    name: str
    command: list[str]
    fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause_s: float = 0.1
    next_start: float = field(default=0.0)


class Supervisor:
    """`add` parts, then `watch` until a signal. Children get `environment` and die with us when we end in order."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self.parts: list[Part] = []
        self.stopping = threading.Event()

    def add(self, name: str, arguments: list[str], fds: tuple[int, ...] = ()) -> Part:
        part = Part(name, [sys.executable, *arguments], fds)
        self.parts.append(part)
        self._start(part)
        return part

    def _start(self, part: Part) -> None:
        part.process = subprocess.Popen(part.command, env=self.environment, pass_fds=part.fds)  # noqa: S603
        part.started = time.monotonic()

    def watch(self, others: Callable[[], None] = lambda: None) -> None:
        """Until SIGTERM or SIGINT. `others` is called twice a second, for what is watched besides the children."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        while not self.stopping.wait(0.1):
            others()
            for part in self.parts:
                self._mend(part)
        self.stop()

    def _mend(self, part: Part) -> None:
        now = time.monotonic()
        if part.process is not None:
            code = part.process.poll()
            if code is None:
                return
            log.warning("part.ended", part=part.name, code=code)
            lived_long = now - part.started > 30
            part.pause_s = 0.1 if lived_long else min(part.pause_s * 2, LONGEST_PAUSE_S)
            part.next_start, part.process = now + part.pause_s, None
        if now >= part.next_start:
            self._start(part)

    def stop(self) -> None:
        """First those started last; each gets time to end what it has begun."""
        self.stopping.set()
        running = [part for part in reversed(self.parts) if part.process is not None and part.process.poll() is None]
        for part in running:
            assert part.process is not None
            part.process.terminate()
        deadline = time.monotonic() + STOP_S
        for part in running:
            assert part.process is not None
            try:
                part.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("part.killed", part=part.name)
                part.process.kill()
                part.process.wait()
