"""The process tree of `serve`: starts the parts, starts again what dies, ends all in order.

Parts are forked from a server process that has imported the application once (and does nothing else, so it is safe to
fork): a part that was killed is back in a fraction of a second, and the parts share the memory of what they imported.
"""

import multiprocessing
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.process import BaseProcess

import structlog

from hub.mortal import end_with_parent

log = structlog.get_logger()

PRELOAD = [
    "hub.compose",
    "hub.compose_engine",
    "hub.api.app",
    "callbacks.build",
    "uvicorn",
    "hub.commands",
    "hub.feeds.compose",
]
STOP_S = 8.0  # what has not ended by then is killed: nothing is lost by it, and whoever waits for the stop is served
LONGEST_PAUSE_S = 1.0
SOUND_S = 2.0  # a part that lived this long was not killed by its own start
Target = Callable[[str, dict[str, str], list[str], socket.socket | None], None]


@dataclass
class Part:
    """One child: its name, the command it runs, and when it may be started again."""

    name: str
    arguments: list[str]
    listener: socket.socket | None = None
    process: BaseProcess | None = None
    started: float = 0.0
    pause_s: float = 0.05
    next_start: float = 0.0


class Supervisor:
    """`add` parts, then `watch` until a signal. Children run `target` with `environment` and end when we end."""

    def __init__(self, target: Target, environment: Mapping[str, str]) -> None:
        self.target = target
        self.environment = dict(environment)
        self.parts: list[Part] = []
        self.stopping = threading.Event()
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(PRELOAD)

    def add(self, name: str, arguments: list[str], listener: socket.socket | None = None) -> Part:
        part = Part(name, arguments, listener)
        self.parts.append(part)
        self._start(part)
        return part

    def once(self, name: str, arguments: list[str]) -> int:
        """Run a command to its end; its exit code."""
        process = self.context.Process(target=_child, args=(self.target, name, self.environment, arguments, None))
        process.start()
        process.join()
        return process.exitcode or 0

    def _start(self, part: Part) -> None:
        arguments = (self.target, part.name, self.environment, part.arguments, part.listener)
        part.process = self.context.Process(target=_child, args=arguments, name=part.name)
        part.process.start()
        part.started = time.monotonic()

    def watch(self, others: Callable[[], None] = lambda: None) -> None:
        """Until SIGTERM or SIGINT. `others` is called ten times a second, for what is watched besides the children."""
        while not self.stopping.wait(0.1):
            others()
            for part in self.parts:
                self._mend(part)

    def obey_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())

    def _mend(self, part: Part) -> None:
        now = time.monotonic()
        if part.process is not None:
            if part.process.is_alive():
                return
            log.warning("part.ended", part=part.name, code=part.process.exitcode)
            lived_long = now - part.started > SOUND_S
            part.pause_s = 0.05 if lived_long else min(part.pause_s * 2, LONGEST_PAUSE_S)
            part.next_start, part.process = now + part.pause_s, None
        if now >= part.next_start:
            self._start(part)

    def stop(self) -> None:
        """First those started last; each gets time to end what it has begun."""
        self.stopping.set()
        running = [part for part in reversed(self.parts) if part.process is not None and part.process.is_alive()]
        for part in running:
            if part.process is not None:
                part.process.terminate()
        deadline = time.monotonic() + STOP_S
        for part in running:
            if part.process is None:
                continue
            part.process.join(max(0.1, deadline - time.monotonic()))
            if part.process.is_alive():
                log.warning("part.killed", part=part.name)
                part.process.kill()
                part.process.join()


def _child(
    target: Target, name: str, environment: dict[str, str], arguments: list[str], listener: socket.socket | None
) -> None:
    """In the child, which ends with `serve`, even with one that was killed."""
    end_with_parent(STOP_S)
    target(name, environment, arguments, listener)
