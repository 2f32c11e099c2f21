"""The feeds file as a process holds it: read again when it changes; one that is wrong changes nothing and says so."""

import threading
import time
from pathlib import Path

import structlog

from alerts.feeds.feeds_file import read_feeds
from alerts.feeds.model import FeedsFile
from geodata.errors import BadInput, NotConfigured

log = structlog.get_logger()

LOOK_S = 2.0


class FeedsBook:
    """`now()` is the file in force; `problem` what is wrong with the newer one, "" when nothing is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self._held = FeedsFile()
        self._stamp: tuple[int, int] | None = None
        self._next = 0.0
        self._lock = threading.Lock()

    def now(self) -> FeedsFile:
        """Looks at the file at most every two seconds."""
        with self._lock:
            if time.monotonic() >= self._next:
                self._next = time.monotonic() + LOOK_S
                self._look()
            return self._held

    def checked(self) -> FeedsFile:
        """The file as it is; raises what is wrong with it."""
        try:
            return read_feeds(self.path.read_text(encoding="utf-8"), self.path.name)
        except (OSError, UnicodeDecodeError) as problem:
            raise NotConfigured(f"接入文件 {self.path} 读不了:{problem}") from None

    def _look(self) -> None:
        stamp = self._stat()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._held, problem = self.checked(), ""
        except (BadInput, NotConfigured) as wrong:
            problem = str(wrong)
        if problem and problem != self.problem:
            log.error("feeds.file-wrong", problem=problem)
        elif self.problem and not problem:
            log.info("feeds.file-right-again", file=str(self.path))
        self.problem = problem

    def _stat(self) -> tuple[int, int]:
        try:
            found = self.path.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_size
