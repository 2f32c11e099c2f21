"""The runner of a CAP feed that is fetched: look, take what is new in the right order, remember."""

import threading
from dataclasses import replace

import httpx
import sqlalchemy as sa

from alerts.cap import CapMessage, parse_cap
from alerts.feeds.cap_poll import (
    INDEX_MAX_BYTES,
    CapPollSpec,
    Entry,
    Memory,
    in_order,
    is_late,
    memory_of,
    read_index,
    refused_address,
    refused_ip,
    remembering,
    unseen,
)
from alerts.feeds.model import FeedSpec
from geodata.clock import epoch_ms
from geodata.errors import BadInput, NotConfigured
from hub.feeds.board import Note
from hub.feeds.door import Door
from hub.feeds.fetch import Fetcher


def run_cap_poll(spec: FeedSpec, door: Door, stop: threading.Event) -> None:
    """A runner (see hub/feeds/process.py)."""
    poll = CapPoll(spec, door, stop)
    try:
        while not stop.is_set():
            poll.look()
            stop.wait(poll.own.every_s)
    finally:
        poll.fetcher.close()


class CapPoll:
    """`look()` once. An entry is remembered only after the desk has committed or refused it, so that a process killed
    in between takes it again; the desk then says duplicate."""

    def __init__(self, spec: FeedSpec, door: Door, stop: threading.Event) -> None:
        own: CapPollSpec = spec.own
        self.spec, self.own, self.door, self.stop = spec, own, door, stop
        if door.cursors is None:
            raise NotConfigured("没有地方记住读到哪里;接入进程没有配好")
        self.cursors = door.cursors
        secret = door.secret(own.password_env, own.password_file)
        auth = (own.username, secret) if own.username else None
        self.fetcher = Fetcher(
            lambda url: refused_address(url, own), lambda address: refused_ip(address, own), own.timeout_s, auth
        )

    def look(self) -> None:
        """One look at the source. What is wrong with the source is shown; one wrong entry is a reject and no more."""
        memory = memory_of(self.cursors.get(self.spec.id))
        asked = {"If-None-Match": memory.etag, "If-Modified-Since": memory.modified}
        try:
            answer = self.fetcher.get(self.own.url, INDEX_MAX_BYTES, {key: word for key, word in asked.items() if word})
            entries = read_index(answer.body, self.own.url) if answer.status == 200 else []
        except (httpx.HTTPError, BadInput) as problem:
            self.door.failed(f"{self.own.url[:200]}:{problem or type(problem).__name__}")
            return
        memory, whole = self._take(unseen(entries, memory), memory)
        if answer.status == 200 and whole:  # else the index is asked for again in full
            etag, modified = answer.headers.get("etag", ""), answer.headers.get("last-modified", "")
            memory = replace(memory, etag=etag[:500], modified=modified[:100])
        self.cursors.put(self.spec.id, memory.to_plain())
        if not whole:
            return
        self.door.board.note(self.spec.id, Note(last_ms=epoch_ms(self.door.clock())))
        self.door.fine()

    def _take(self, entries: list[Entry], memory: Memory) -> tuple[Memory, bool]:
        """The memory with what was settled, and whether everything was."""
        whole, messages = True, list[tuple[Entry, CapMessage]]()
        for found in entries:
            if self.stop.is_set() or not self.door.is_ours():
                return memory, False
            try:
                entry = self._document(found)
                messages.append((entry, parse_cap(entry.document, self.door.clock())))
            except httpx.HTTPError as problem:
                self.door.failed(f"{found.url[:200]}:{problem or type(problem).__name__}")
                whole = False
            except BadInput as problem:
                memory = self._reject(found, str(problem), memory)
        for entry, message in in_order(messages):
            if self.stop.is_set() or not self.door.is_ours() or not self.door.pace(1, self.stop):
                return memory, False
            settled = self._settle(entry, message, memory)
            if settled is None:
                return memory, False
            memory = settled
        return memory, whole

    def _document(self, entry: Entry) -> Entry:
        if entry.document:
            return entry
        if not entry.url:
            raise BadInput("这一项既没有 CAP 报文,也没有地址")
        return replace(entry, document=self.fetcher.get(entry.url, self.own.max_bytes).body)

    def _settle(self, entry: Entry, message: CapMessage, memory: Memory) -> Memory | None:
        """To the desk; None when it cannot be stored now."""
        if is_late(message, memory):
            return self._reject(entry, f"{message.identifier} 来得太晚:引用它的更新或解除已经处理", memory)
        try:
            self.door.warning(entry.document)
        except sa.exc.SQLAlchemyError as problem:
            self.door.failed(f"预警暂时存不下:{type(problem).__name__}")
            return None
        except BadInput:  # the desk keeps the reject, with its reason and the document
            pass
        return remembering(memory, entry, message)

    def _reject(self, entry: Entry, why: str, memory: Memory) -> Memory:
        original = entry.document.decode("utf-8", "backslashreplace") or entry.url
        self.door.refuse([(-1, f"{entry.key[:200]}:{why}"[:4_000], original)])
        return remembering(memory, entry)
