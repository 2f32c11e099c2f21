"""The rules in force: the newest version in the database, whether it came from the operator's file or from the page."""

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
import structlog

from alerts.rule_text import check_text, sound_rules
from alerts.rules import RuleSet
from geodata.errors import BadInput, NotFound
from hub.rule_versions import PAGE, RESTORE, RuleVersion, RuleVersions, digest_of

log = structlog.get_logger()

WHY_CHARS = 300
LOOK_BACK = 50  # versions tried when the newest cannot be read by this program any more


class RuleBook:
    """`path` is the operator's file. `problem` is "" or what is wrong now; what is wrong takes nothing out of force.

    `kept` is the last good file as programs before the rule book left it: a first version when the file is broken.
    """

    def __init__(self, versions: RuleVersions, path: Path, kept: Path, clock: Callable[[], datetime]) -> None:
        self.versions, self.path, self.kept, self.clock = versions, path, kept, clock
        self._file_problem = self._store_problem = ""
        self._held: tuple[RuleVersion, RuleSet] | None = None
        self._newest_no = -1
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None

    @property
    def problem(self) -> str:
        return "\n".join(filter(None, (self._file_problem, self._store_problem)))

    @property
    def version_no(self) -> int:
        """The version this process goes by; 0 as long as there is none."""
        return self._held[0].no if self._held else 0

    def rules(self) -> RuleSet:
        """What the engine goes by. `BadInput` when the file is wrong and there never was a sound version."""
        self.changed()
        if self._held is None:
            raise BadInput(self.problem or "还没有任何一版规则")
        return self._held[1]

    def changed(self) -> bool:
        """Look at the file and at the database again; whether other rules are in force now.

        A database that is away changes nothing: the engine's own writing says so.
        """
        before = self._held
        try:
            self.look_at_file()
            self._load()
        except sa.exc.OperationalError:
            if before is None:
                raise
        return self._held is not None and (before is None or before[1] is not self._held[1])

    def look_at_file(self, take: bool = True) -> str:
        """Take the file's text as a version when it is new and sound; what is wrong with it, or "". `take` False only
        looks."""
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return self._file_problem
        text, problem = read_sound(self.path)
        if problem and take and self.versions.newest_no() == 0 and self.kept.exists():
            self._take(self.kept, "升级前最后一份正确的规则")
        elif not problem and take and self.versions.from_file(text, self.path.name, _taken(self.path), self.clock()):
            log.info("rules.file-taken", file=str(self.path))
        self._stamp = stamp  # only now: what could not be stored is tried again
        self._say(problem)
        return problem

    def save(self, text: str, base: int, why: str, who: str, now: datetime) -> RuleVersion:
        """Put `text` in force. `BadInput` lists what is wrong with it; `Conflict`: another version came meanwhile."""
        sound_rules(text)
        return self.versions.from_person(text, base, who, PAGE, sound_why(why), now)

    def restore(self, no: int, base: int | None, why: str, who: str, now: datetime) -> RuleVersion:
        """Put an old version in force again, as a version of its own."""
        old = self.version(no)
        sound_rules(old.text)
        words = f"恢复自第 {no} 版:{sound_why(why)}"
        return self.versions.from_person(old.text, base, who, RESTORE, words, now)

    def version(self, no: int) -> RuleVersion:
        found = self.versions.get(no) if 0 < no < 2**31 else None
        if found is None:
            raise NotFound(f"没有第 {no} 版规则")
        return found

    def in_force(self) -> tuple[RuleVersion, RuleSet] | None:
        """The version in force with its rules, as of now; None when there is none yet."""
        self._load()
        return self._held

    def _load(self) -> None:
        """The newest version this program can read. One it cannot is said, and the one before stays in force."""
        with self._lock:
            if self.versions.newest_no() == self._newest_no:
                return
            version = newest = self.versions.newest()
            problem = ""
            for _ in range(LOOK_BACK):
                if version is None:
                    break
                rules, problems = check_text(version.text)
                if rules is not None:
                    self._take_up(version, rules)
                    break
                listed = ";".join(f"第 {one.line} 行 {one.what}" for one in problems)
                problem = problem or f"库中第 {version.no} 版规则不合本程序的写法:{listed}"
                version = self.versions.before(version.no)
            if problem and problem != self._store_problem:
                log.error("rules.version-not-read", problem=problem)
            self._store_problem = problem
            self._newest_no = newest.no if newest else 0

    def _take_up(self, version: RuleVersion, rules: RuleSet) -> None:
        """The same text under another number keeps its rules: nothing needs to begin again."""
        same = self._held if self._held and self._held[0].digest == version.digest else None
        self._held = (version, same[1] if same else rules)

    def _take(self, path: Path, why: str) -> None:
        text, problem = read_sound(path)
        if not problem and self.versions.from_file(text, path.name, why, self.clock()):
            log.warning("rules.last-good", file=str(path), digest=digest_of(text))

    def _say(self, problem: str) -> None:
        if problem and problem != self._file_problem:
            log.error("rules.not-taken", file=str(self.path), problem=problem)
        elif self._file_problem and not problem:
            log.info("rules.taken-again", file=str(self.path))
        self._file_problem = problem


def read_sound(path: Path) -> tuple[str, str]:
    """The file's text and "", or "" and what is wrong with it, every line of it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return "", f"读不到规则文件 {path}:{error}"
    _, problems = check_text(text)
    return text, "\n".join(f"{path.name}:{one.line}: {one.what}" for one in problems)


def sound_why(why: str) -> str:
    """A reason as people read it; `BadInput` when it is empty, too long or no text."""
    words = " ".join(why.split())
    if not words or len(words) > WHY_CHARS or not words.isprintable():
        raise BadInput(f"请写明理由(why),一行文字,不超过 {WHY_CHARS} 个字符")
    return words


def _taken(path: Path) -> str:
    return f"取自规则文件 {path.name}"


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
