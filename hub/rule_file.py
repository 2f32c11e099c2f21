"""The rules in force: a file that breaks while the engine runs, or while it is away, leaves the last good ones."""

from pathlib import Path

import structlog

from alerts.rules import RuleSet, load_rules, parse_rules
from geodata.errors import BadInput

log = structlog.get_logger()


class RuleFile:
    """`path` is the operator's file, `kept` our copy of the last good one. `problem` is "" or what is wrong now."""

    def __init__(self, path: Path, kept: Path) -> None:
        self.path, self.kept = path, kept
        self.problem = ""
        self._good: RuleSet | None = None
        self._seen: tuple[int, int] | None = None

    def rules(self) -> RuleSet:
        """What the engine goes by. `BadInput` when the file is wrong and there never was a good one."""
        self.changed()
        if self._good is None:
            raise BadInput(self.problem)
        return self._good

    def changed(self) -> bool:
        """Look at the file again; whether other rules are in force now."""
        stamp = self._stamp()
        if stamp == self._seen and self._good is not None:
            return False
        before, self._seen = self._good, stamp
        try:
            text = self.path.read_text(encoding="utf-8")
            self._good = parse_rules(text, self.path.name)
        except (BadInput, OSError, UnicodeDecodeError) as error:
            self._broken(str(error))
        else:
            self._sound(text)
        return self._good is not before

    def _broken(self, problem: str) -> None:
        if problem != self.problem:
            log.error("rules.not-taken", file=str(self.path), problem=problem)
        self.problem = problem
        if self._good is None and self.kept.exists():
            self._good = load_rules(self.kept)
            log.warning("rules.last-good", file=str(self.kept), version=self._good.version)

    def _sound(self, text: str) -> None:
        if self.problem:
            log.info("rules.taken-again", file=str(self.path))
        self.problem = ""
        fresh = self.kept.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.kept)

    def _stamp(self) -> tuple[int, int]:
        try:
            found = self.path.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_size
