"""Attachments: what may be attached, told from the content; the kept bytes are named by their SHA-256 only."""

import hashlib
import unicodedata
from datetime import datetime
from typing import Protocol

from dispatch.file_kinds import media_type_of
from dispatch.incident_held import IncidentFile, IncidentKeeper
from dispatch.photo_place import place_of
from dispatch.stores import LogEntry
from geodata.clock import new_id
from geodata.errors import BadInput, NotFound, TooLarge

MB = 1_000_000
NAME_CHARS = 120
NOTE_CHARS = 500
_FORBIDDEN = set('/\\:*?"<>|')


class BlobStore(Protocol):
    """Bytes under their SHA-256 (64 hexadecimal digits)."""

    def put(self, sha256: str, body: bytes) -> None:
        """Durable when it returns; again is harmless."""

    def get(self, sha256: str) -> bytes | None: ...


class FileDesk:
    """Attaches and hands out files."""

    def __init__(self, store: IncidentKeeper, blobs: BlobStore, most_bytes: int, most_in_all: int) -> None:
        self._store, self._blobs = store, blobs
        self.most_bytes, self._most_in_all = most_bytes, most_in_all

    def attach(self, incident_id: str, name: str, body: bytes, note: str, who: str, now: datetime) -> IncidentFile:
        """Keep `body` with the incident; the same content again gives the first. `BadInput`: what may be attached."""
        if not body:
            raise BadInput("附件是空的")
        if len(body) > self.most_bytes:
            raise TooLarge(f"一个附件最大 {self.most_bytes // MB} MB,收到 {len(body) / MB:.1f} MB;请压缩后再传")
        shown, words = display_name(name), " ".join(note.split())
        if len(words) > NOTE_CHARS:
            raise BadInput(f"附件说明最多 {NOTE_CHARS} 个字")
        kind = media_type_of(body, shown)
        digest = hashlib.sha256(body).hexdigest()
        self._blobs.put(digest, body)  # first: a row must never name bytes that are not there
        file = IncidentFile(new_id("FIL", now), incident_id, shown, kind, len(body), digest, now, who, words)
        text = f"添加附件「{shown}」" + (f":{words}" if words else "")
        detail: dict[str, object] = {"file": file.id, "sha256": digest, "size": file.size, "media_type": kind}
        if (place := place_of(body)) is not None:
            detail |= {"lon": place[0], "lat": place[1]}
            text += f"(照片自带位置:东经 {place[0]:.5f}° 北纬 {place[1]:.5f}°)"
        return self._store.add_file(file, LogEntry(now, who, "file.added", text, detail), self._most_in_all)

    def all(self, incident_id: str) -> list[IncidentFile]:
        """The incident's files, oldest first."""
        return self._store.files_of(incident_id)

    def read(self, incident_id: str, file_id: str) -> tuple[IncidentFile, bytes]:
        """A file and its content, checked against its digest."""
        file = next((one for one in self._store.files_of(incident_id) if one.id == file_id), None)
        if file is None:
            raise NotFound(f"事件 {incident_id[:40]} 里没有附件 {file_id[:40]}")
        body = self._blobs.get(file.sha256)
        if body is None or hashlib.sha256(body).hexdigest() != file.sha256:
            raise NotFound(f"附件「{file.name}」的内容已不在或已损坏;请检查数据目录和备份")
        return file, body


def display_name(name: str) -> str:
    """A name that can stand on a page and in a header: its last part, without controls, marks of direction or paths."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(
        "_" if sign in _FORBIDDEN else sign for sign in unicodedata.normalize("NFC", last)
        if unicodedata.category(sign)[0] != "C"
    )  # fmt: skip
    shown = " ".join(kept.split()).strip(". ")
    if len(shown) > NAME_CHARS:
        stem, dot, end = shown.rpartition(".")
        shown = f"{stem[: NAME_CHARS - len(end) - 1]}.{end}" if dot and len(end) <= 8 else shown[:NAME_CHARS]
    return shown or "未命名"
