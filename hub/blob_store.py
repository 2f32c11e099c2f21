"""Attachments on disk: one file a content, named by its SHA-256, in a folder that nothing serves."""

import os
import re
import secrets
from pathlib import Path

from geodata.errors import NotFound

_DIGEST = re.compile(r"[0-9a-f]{64}")


class FolderBlobs:
    """`dispatch.incident_files.BlobStore` under `folder`; a name that is no digest never reaches the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, sha256: str, body: bytes) -> None:
        target = self._path(sha256)
        if target.exists() and target.stat().st_size == len(body):
            return
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = target.with_name(f".{sha256}.{secrets.token_hex(4)}")
        with beside.open("wb") as out:
            os.fchmod(out.fileno(), 0o600)
            out.write(body)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(target)
        _sync_folder(target.parent)

    def get(self, sha256: str) -> bytes | None:
        try:
            return self._path(sha256).read_bytes()
        except FileNotFoundError:
            return None

    def _path(self, sha256: str) -> Path:
        if not _DIGEST.fullmatch(sha256):
            raise NotFound("没有这个附件")
        return self._folder / sha256[:2] / sha256


def _sync_folder(folder: Path) -> None:
    """So that the new name is there after a power cut too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
