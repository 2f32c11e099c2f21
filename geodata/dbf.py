"""Which encoding the text of a dBASE table is in: claims are checked against the bytes, for they are often wrong."""

import struct
from pathlib import Path
from typing import Final

_SAMPLE_ROWS = 5000
_HEAD = 32
_ENOUGH_BYTES = 24
_CLAIMS: Final = {"utf-8": "utf-8", "utf8": "utf-8", "65001": "utf-8", "gbk": "gb18030", "gb2312": "gb18030",
                  "gb18030": "gb18030", "936": "gb18030", "cp936": "gb18030", "ansi 936": "gb18030"}  # fmt: skip


def dbf_encoding(path: Path, claimed: str) -> str:
    """What all sampled text decodes as: UTF-8, which text in GBK hardly ever is by chance, `claimed` (.cpg), GB18030.

    With only a word or two to judge by, `claimed` comes first: 联通 in GBK is correct UTF-8 for something else.
    """
    values = _text_values(path.read_bytes())
    wanted = _CLAIMS.get(claimed.lower(), "")  # a claim of Latin-1 is a program's default, not a fact
    little = sum(len(value) for value in values) < _ENOUGH_BYTES
    for encoding in dict.fromkeys((wanted, "utf-8", "gb18030") if wanted and little else ("utf-8", wanted, "gb18030")):
        if all(_decodes(value, encoding) for value in values):
            return encoding
    return "gb18030"


def _decodes(value: bytes, encoding: str) -> bool:
    """True as well when only the last character was cut in two by the field's width."""
    try:
        value.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start >= max(1, len(value) - 3) and error.reason in (
            "unexpected end of data",
            "incomplete multibyte sequence",
        )
    except LookupError:
        return False
    return True


def _text_values(data: bytes) -> list[bytes]:
    """Field names and the text of the first rows that hold other than ASCII (dBASE III layout)."""
    if len(data) < _HEAD:
        return []
    rows, head, width = struct.unpack_from("<IHH", data, 4)
    fields = [data[at : at + _HEAD] for at in range(_HEAD, min(head, len(data)) - 1, _HEAD)]
    found = [field[:11].rstrip(b"\0") for field in fields if len(field) == _HEAD]
    for row in range(min(rows, _SAMPLE_ROWS)):
        at = head + row * width + 1
        for field in fields:
            if len(field) < _HEAD:
                break
            if field[11:12] == b"C":
                found.append(data[at : at + field[16]].rstrip(b"\0 "))
            at += field[16]
    return [value for value in found if not value.isascii()]
