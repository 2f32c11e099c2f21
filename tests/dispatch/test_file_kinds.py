"""What may be attached, told from the content; and what a name may look like afterwards."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.file_kinds import DOCX, XLSX, media_type_of
from dispatch.incident_files import NAME_CHARS, display_name
from geodata.errors import BadInput


def archive(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        for name in names:
            target.writestr(name, "x")
    return made.getvalue()


@pytest.mark.parametrize(
    ("body", "name", "kind"),
    [
        (b"\xff\xd8\xff\xe0rest", "a.txt", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\nrest", "a.html", "image/png"),
        (b"RIFF0000WEBPrest", "a", "image/webp"),
        (b"%PDF-1.7\n", "a.pdf", "application/pdf"),
        (archive("[Content_Types].xml", "word/document.xml"), "a.docx", DOCX),
        (archive("[Content_Types].xml", "xl/workbook.xml"), "a.xlsx", XLSX),
        (b"\x00\x00\x00\x18ftypisom0000", "a.mp4", "video/mp4"),
        ("水位,0.5".encode(), "a.CSV", "text/csv"),
        ("水位 0.5 米".encode("gb18030"), "a.txt", "text/plain"),
        (b"1 < 2 and 3 > 2", "a.txt", "text/plain"),
    ],
)
def test_what_is_taken(body: bytes, name: str, kind: str) -> None:
    assert media_type_of(body, name) == kind


@pytest.mark.parametrize(
    "body",
    [
        b"<svg xmlns='x' onload='alert(1)'/>",
        b"<!DOCTYPE html><p>",
        b"\xef\xbb\xbf<html>",
        b"text <script>alert(1)</script>",
        b"<?xml version='1.0'?><svg/>",
        b"GIF89a\x01\x00\x01\x00\x80\x00\x00",
        b"MZ\x90\x00",
        b"\x7fELF",
        archive("a.txt"),
        b"PK\x03\x04broken",
        archive("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
        b"\x00\x01\x02",
        b"\xff\xfe<\x00s\x00v\x00g\x00",
    ],
)
def test_what_is_refused(body: bytes) -> None:
    for name in ("a.png", "a.txt", "a.pdf", "a.csv"):
        with pytest.raises(BadInput, match="不能接收"):
            media_type_of(body, name)


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\a\\现场.jpg", "现场.jpg"),
        ("a\r\nSet-Cookie: x", "aSet-Cookie_ x"),
        ("\u202egpj.exe", "gpj.exe"),
        ("..", "未命名"),
        ("", "未命名"),
        ('a"b.png', "a_b.png"),
        ("长" * 300 + ".pdf", "长" * 116 + ".pdf"),
    ],
)
def test_names_are_for_display(given_name: str, shown: str) -> None:
    assert display_name(given_name) == shown


@given(st.text(max_size=400))
def test_no_name_leads_anywhere(name: str) -> None:
    shown = display_name(name)
    assert 1 <= len(shown) <= NAME_CHARS
    assert not set(shown) & set('/\\\r\n\0"<>')
    assert shown not in {".", ".."}
    assert display_name(shown) == shown
