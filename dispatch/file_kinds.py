"""What a file is, told from its first bytes and never from what its name or its sender says."""

import io
import re
import zipfile

from geodata.errors import BadInput

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ALLOWED = "JPEG、PNG、WebP、PDF、DOCX、XLSX、TXT、CSV、MP4"
_MP4_BRANDS = {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV", b"dash"}
_MARKUP = re.compile(r"<\s*(!doctype|html|svg|script|\?xml|head|body|iframe|math)", re.IGNORECASE)
_ZIP_NAMES_MOST = 5_000


def media_type_of(body: bytes, name: str) -> str:
    """The media type of an allowed file; `BadInput` for anything else. `name` only tells CSV from plain text."""
    kind = _picture(body) or _document(body) or _film(body) or _text(body, name)
    if kind is None:
        raise BadInput(f"不能接收这种文件;可用:{ALLOWED}(按内容判断,与扩展名无关)")
    return kind


def _picture(body: bytes) -> str | None:
    if body.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    return "image/webp" if body[:4] == b"RIFF" and body[8:12] == b"WEBP" else None


def _document(body: bytes) -> str | None:
    if body.startswith(b"%PDF-"):
        return "application/pdf"
    return _office(body) if body.startswith(b"PK\x03\x04") else None


def _office(body: bytes) -> str | None:
    """DOCX or XLSX by what the archive lists; one with macros is refused. Nothing is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            names = set(archive.namelist()[:_ZIP_NAMES_MOST])
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return None
    if "[Content_Types].xml" not in names or any(name.lower().endswith("vbaproject.bin") for name in names):
        return None
    if "word/document.xml" in names:
        return DOCX
    return XLSX if "xl/workbook.xml" in names else None


def _film(body: bytes) -> str | None:
    return "video/mp4" if body[4:8] == b"ftyp" and body[8:12] in _MP4_BRANDS else None


def _text(body: bytes, name: str) -> str | None:
    """Plain text or CSV in UTF-8 or GB 18030, without control characters and without markup a browser would run."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = body.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        return None
    if any(ord(sign) < 32 and sign not in "\t\r\n\f" for sign in text) or "\x7f" in text or _MARKUP.search(text):
        return None
    return "text/csv" if name.lower().endswith(".csv") else "text/plain"
