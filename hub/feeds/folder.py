"""The runner of a watched folder: a complete file is claimed by renaming it, taken whole, and put away."""

import hashlib
import os
import stat
import threading
import time
from pathlib import Path

import redis
import sqlalchemy as sa

from alerts.feeds.folder import FileContent, FolderSpec, content_of
from alerts.feeds.model import FeedSpec
from geodata.clock import SHANGHAI
from geodata.errors import BadInput, CityError, NotConfigured
from hub.feeds.door import Door

WORKING, DONE, FAILED, SEEN = "working", "done", "failed", ".seen"
PARTIAL = (".part", ".tmp", ".filepart", ".crdownload", "~")
REASONS_MAX = 200
CLEAN_EVERY_S = 3_600.0
NAME_BYTES = 240  # of the 255 a file system takes


def run_folder(spec: FeedSpec, door: Door, stop: threading.Event) -> None:
    """A runner (see hub/feeds/process.py)."""
    folder = WatchedFolder(spec.own, door, stop)
    folder.prepare()
    while not stop.is_set():
        folder.step()
        stop.wait(folder.spec.every_s)


def listed(problem: CityError) -> list[str]:
    """Every single thing that was wrong, where the error names them."""
    found = getattr(problem, "problems", None) or problem.where.get("problems")
    return [str(one) for one in found] if isinstance(found, list | tuple) else []


def fitting(stem: str, end: str) -> str:
    """A file name of the two, cut where it would leave no room for the text beside it."""
    tail = os.fsencode(end)[-NAME_BYTES // 2 :]
    return os.fsdecode(os.fsencode(stem)[: NAME_BYTES - len(tail)] + tail)


class WatchedFolder:
    """`<path>/` is watched, not what lies below it; `working/` holds what is being taken, `done/`, `failed/` what was.

    A file that was in `working/` when its taker died is taken again: readings and warnings that come twice change
    nothing, and the mark of its content is made only after all of it was stored.
    """

    def __init__(self, spec: FolderSpec, door: Door, stop: threading.Event) -> None:
        self.spec, self.door, self.stop = spec, door, stop
        self.root = Path(spec.path)
        self._sizes: dict[str, tuple[tuple[int, int], float]] = {}
        self._clean_at = 0.0

    def prepare(self) -> None:
        """Make the places beside it; `NotConfigured` says what is in the way."""
        if not self.root.is_dir():
            raise NotConfigured(f"文件夹 {self.root} 不存在或不是文件夹")
        try:
            for name in (WORKING, DONE, FAILED, SEEN):
                place = self.root / name
                place.mkdir(exist_ok=True)
                if place.is_symlink():
                    raise NotConfigured(f"{place} 是链接,不使用")
        except OSError as problem:
            raise NotConfigured(f"文件夹 {self.root} 不能写:{problem.strerror}") from None

    def step(self) -> None:
        """Take what is complete, oldest first."""
        try:
            for name in [*self._in(WORKING), *self._complete()]:
                if self.stop.is_set() or not self.door.is_ours():
                    return
                self._claim_and_take(name)
            self._clean()
        except FileNotFoundError as gone:
            if not self.root.is_dir():
                raise NotConfigured(f"文件夹 {self.root} 不见了") from gone
            return
        self.door.fine()

    def _in(self, place: str) -> list[str]:
        return sorted(one.name for one in os.scandir(self.root / place) if one.name != SEEN)

    def _complete(self) -> list[str]:
        """Regular files whose size and time have stood still for `settle_s`; a link never counts as one."""
        now, found, seen = time.monotonic(), [], dict[str, tuple[tuple[int, int], float]]()
        for entry in os.scandir(self.root):
            if entry.name in (WORKING, DONE, FAILED, SEEN) or entry.is_dir(follow_symlinks=False):
                continue
            if entry.name.startswith(".") or entry.name.lower().endswith(PARTIAL):
                continue
            about = entry.stat(follow_symlinks=False)
            mark = (about.st_size, about.st_mtime_ns)
            since = self._sizes.get(entry.name, (mark, now))
            seen[entry.name] = since if since[0] == mark else (mark, now)
            if now - seen[entry.name][1] >= self.spec.settle_s:
                found.append((about.st_mtime_ns, entry.name))
        self._sizes = seen
        return [name for _, name in sorted(found)]

    def _claim_and_take(self, name: str) -> None:
        claimed = self.root / WORKING / name
        if not claimed.is_symlink() and not claimed.exists():
            try:
                os.rename(self.root / name, claimed)
            except FileNotFoundError:
                return  # taken away, or claimed by another
        self._sizes.pop(name, None)
        try:
            self._take(claimed)
        except BadInput as problem:
            problems = listed(problem) or [str(problem)]
            self.door.refuse([(-1, f"文件 {name[:100]}:{problem}", name)])
            self._put_away(claimed, FAILED, [str(one) for one in problems])

    def _take(self, claimed: Path) -> None:
        body = self._body(claimed)
        seen = self.root / SEEN / hashlib.sha256(body).hexdigest()
        if seen.exists():
            self._put_away(claimed, DONE, [f"重复:内容与 {seen.read_text(encoding='utf-8').strip()} 相同,没有再次接收"])
            return
        content = content_of(self.spec, claimed.name, body)
        said = self._warning(body) if content.is_warning else self._readings(content)
        if said is None:
            return  # not stored yet: it stays in working/ and is taken again
        self._write(seen, f"{claimed.name} {self.door.clock().astimezone(SHANGHAI).isoformat(timespec='seconds')}")
        self._put_away(claimed, DONE, said)

    def _body(self, claimed: Path) -> bytes:
        """The file's bytes; refuses links, devices, second names of a file, and what is too large."""
        try:
            handle = os.open(claimed, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as problem:
            raise BadInput(f"不能打开(链接不接收):{problem.strerror}") from None
        with os.fdopen(handle, "rb") as file:
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
                raise BadInput("不是普通文件,或者是另一个文件的别名(硬链接)")
            if about.st_size > self.spec.max_bytes:
                raise BadInput(f"文件 {about.st_size} 字节,超过上限 {self.spec.max_bytes}")
            return file.read(self.spec.max_bytes + 1)

    def _readings(self, content: FileContent) -> list[str] | None:
        """All good rows taken and stored, then what to say; `BadInput` when none was good. None: not stored."""
        if not self.door.pace(len(content.rows), self.stop):
            return None
        try:
            taken = self.door.take(content.rows, content.exercise)
            if not self.door.stored(taken, self.stop):
                return None
        except (redis.RedisError, sa.exc.SQLAlchemyError) as problem:
            self.door.failed(f"读数暂时存不下,文件留在 {WORKING}/:{type(problem).__name__}")
            self.stop.wait(1.0)
            return None
        reasons = [f"第 {place + 1} 条:{reason}" for place, reason in taken.refused[:REASONS_MAX]]
        more = len(taken.refused) - len(reasons)
        if not taken.accepted:
            raise BadInput(f"{len(taken.refused)} 条读数都不能用", problems=reasons)
        return [
            f"接收 {taken.accepted} 条,拒收 {len(taken.refused)} 条", *reasons,
            *([f"另有 {more} 条拒收,见拒收列表"] if more else []),
        ]  # fmt: skip

    def _warning(self, body: bytes) -> list[str] | None:
        try:
            outcome = self.door.warning(body)
        except sa.exc.SQLAlchemyError as problem:
            self.door.failed(f"预警暂时存不下,文件留在 {WORKING}/:{type(problem).__name__}")
            self.stop.wait(1.0)
            return None
        except CityError as problem:
            raise BadInput(str(problem), problems=listed(problem)) from None
        return [f"预警 {outcome.id}:{outcome.outcome}"]

    def _put_away(self, claimed: Path, place: str, said: list[str]) -> None:
        """Move it, with what became of it in a text beside it; a name that is taken gets a number."""
        target, number = self.root / place / fitting(claimed.stem, claimed.suffix), 1
        while target.exists() or target.is_symlink():
            number += 1
            target = self.root / place / fitting(claimed.stem, f".{number}{claimed.suffix}")
        self._write(target.with_name(target.name + ".txt"), "\n".join(said))
        os.rename(claimed, target)

    @staticmethod
    def _write(path: Path, text: str) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640)
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:  # names may be in GBK
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _clean(self) -> None:
        """Forget what was taken long ago; what failed is left for a person."""
        if time.monotonic() < self._clean_at:
            return
        self._clean_at = time.monotonic() + CLEAN_EVERY_S
        oldest = time.time() - self.spec.done_days * 86_400
        for place in (DONE, SEEN):
            for entry in os.scandir(self.root / place):
                if entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < oldest:
                    os.unlink(entry.path)
