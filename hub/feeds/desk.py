"""The feeds as a web process sees them: who posts here and how much, and the whole panel."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import redis

from alerts.feeds.health import FeedFacts, state_of
from alerts.feeds.model import Limit
from alerts.ports import Reject, RejectStore
from geodata.clock import epoch_ms
from geodata.errors import TooMany
from hub.feeds.board import HTTP_KEPT_MS, FeedBoard, Note, about_of, rows_of
from hub.feeds.book import FeedsBook
from hub.feeds.bucket import SharedBuckets
from hub.rights import Identity

TELL_S = 2
EVENTFUL = frozenset({"alertmanager", "cap"})
NO_PROCESS = "接入进程没有运行;用 serve 启动,或单独运行 python app.py feeds"


class FeedsDesk:
    """`allow` before rows are taken, `heard` after; both for accounts that post. `rows` is the panel."""

    def __init__(
        self, client: redis.Redis, book: FeedsBook, rejects: RejectStore, clock: Callable[[], datetime]
    ) -> None:
        self.client, self.book, self.rejects, self.clock = client, book, rejects, clock
        self.board, self.buckets = FeedBoard(client), SharedBuckets(client)
        self._heard: dict[str, tuple[Note, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def allow(self, kind: str, who: Identity, rows: int) -> None:
        """Raise `TooMany` when the account is over its limit; what is refused is counted, and said once a minute."""
        limit = self.book.now().limit_of(who.username)
        feed_id = f"{kind}:{who.username}"
        wait_s = self.buckets.take(feed_id, limit, rows)
        if wait_s:
            self._add(kind, who, Note(dropped=rows), limit)
            self.flush()
            self._say(feed_id, limit)
            raise TooMany(
                f"超过该接入的限额(每秒 {limit.rows_per_s:g} 条,一次可积 {limit.burst:g} 条);"
                f"本次 {rows} 条没有接收,请 {wait_s:.1f} 秒后重发", retry_after_s=wait_s,
            )  # fmt: skip

    def heard(self, kind: str, who: Identity, accepted: int, rejected: int, observed_ms: int = 0) -> None:
        """Count what an account posted; cheap, told to Redis once a second."""
        note = Note(accepted, rejected, 0, epoch_ms(self.clock()), observed_ms)
        self._add(kind, who, note, self.book.now().limit_of(who.username))

    def _add(self, kind: str, who: Identity, note: Note, limit: Limit) -> None:
        about = {
            "kind": kind, "title": who.name or who.username, "on": True, "limit_per_s": limit.rows_per_s,
            # who sends alerts may have none to send for weeks; who sends readings may not fall silent
            "stale_after_s": 0.0 if kind in EVENTFUL else self.book.now().http_stale_after_s,
        }  # fmt: skip
        with self._lock:
            held = self._heard.get(f"{kind}:{who.username}", (Note(), about))[0]
            total = Note(
                held.accepted + note.accepted, held.rejected + note.rejected, held.dropped + note.dropped,
                max(held.last_ms, note.last_ms), max(held.observed_ms, note.observed_ms),
            )  # fmt: skip
            self._heard[f"{kind}:{who.username}"] = (total, about)

    def flush(self) -> None:
        """Tell Redis what was counted here; what could not be told waits for the next time."""
        with self._lock:
            waiting, self._heard = self._heard, {}
        for feed_id, (note, about) in list(waiting.items()):
            try:
                self.board.note(feed_id, note, about)
            except redis.RedisError:
                with self._lock:
                    for left, held in waiting.items():
                        self._heard[left] = _joined(self._heard.get(left), held)
                raise
            del waiting[feed_id]

    def _say(self, feed_id: str, limit: Limit) -> None:
        """One line in the rejects list a minute and feed, with the count so far."""
        if self.client.set(f"city:feed-said:{feed_id}", 1, nx=True, ex=60):
            dropped = int(self.client.hget(f"city:feed:{feed_id}", "dropped") or 0)
            reason = f"超过限额(每秒 {limit.rows_per_s:g} 条),已拒绝并告知发送方;至此累计 {dropped} 条没有接收"
            self.rejects.add([Reject(f"feed:{feed_id}"[:64], -1, reason, "", self.clock())])

    def facts(self, now: datetime) -> list[FeedFacts]:
        """All feeds: those of the file as the file says, and the accounts that posted within a day."""
        held = {one.id: one for one in self.board.facts(now)}
        running = self.board.processes(now) > 0
        found, configured = [], self.book.now().feeds
        for spec in configured:
            one = held.pop(spec.id, None) or FeedFacts(spec.id, spec.kind, spec.title)
            problem = one.problem if running or not spec.on else NO_PROCESS
            found.append(replace(one, **about_of(spec), problem=problem))
        oldest = epoch_ms(now) - HTTP_KEPT_MS
        for one in held.values():
            posted = ":" in one.id
            if posted and (one.last_message_at is None or epoch_ms(one.last_message_at) >= oldest):
                found.append(one)
            elif posted or not self.book.problem:
                self.board.forget([one.id])  # silent for a day, or no longer in the file
        return found

    def rows(self) -> list[dict[str, Any]]:
        """The panel, worst first."""
        now = self.clock()
        return rows_of(self.facts(now), now)

    def part(self, now: datetime) -> dict[str, Any]:
        """For `/readyz`: not needed for being ready, but what fails is named."""
        facts = self.facts(now)
        wrong = [one for one in facts if state_of(one, now) == "failing"]
        found: dict[str, Any] = {"up": not wrong and not self.book.problem, "needed": False, "feeds": len(facts)}
        if self.book.problem:
            found["problem"] = f"接入文件有误,仍按上一版运行:{self.book.problem}"
        elif wrong:
            found["problem"] = ";".join(f"{one.title}:{one.problem}" for one in wrong[:5])
        return found

    def watch(self) -> None:
        """Once a second in every web process: tell counts, adopt states, and (one of them) show the rows."""
        self.flush()
        now = self.clock()
        facts = self.facts(now)
        if not facts and not self.book.problem:
            return
        self.board.settle(facts, now)
        if self.client.set("city:feeds-told", 1, nx=True, ex=TELL_S):
            self.board.tell(rows_of(facts, now), self.book.problem)


def _joined(one: tuple[Note, dict[str, Any]] | None, other: tuple[Note, dict[str, Any]]) -> tuple[Note, dict[str, Any]]:
    if one is None:
        return other
    first, second = one[0], other[0]
    return Note(
        first.accepted + second.accepted, first.rejected + second.rejected, first.dropped + second.dropped,
        max(first.last_ms, second.last_ms), max(first.observed_ms, second.observed_ms),
    ), one[1]  # fmt: skip
