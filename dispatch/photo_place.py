"""Where a photo says it was taken: the GPS tags of a JPEG's Exif (CIPA DC-008, tags 1–4 of the GPS directory)."""

import struct
from collections.abc import Mapping
from math import isfinite

_EXIF, _GPS_POINTER = b"Exif\x00\x00", 0x8825
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}
_ENTRIES_MOST = 500


def place_of(body: bytes) -> tuple[float, float] | None:
    """(lon, lat) in degrees, or None: no JPEG, no Exif, no position, or one that cannot be."""
    try:
        tiff = _exif_of(body)
        if tiff is None:
            return None
        order = {b"II": "<", b"MM": ">"}[tiff[:2]]
        (first,) = struct.unpack_from(order + "I", tiff, 4)
        pointer = _directory(tiff, order, first).get(_GPS_POINTER)
        if pointer is None:
            return None
        tags = _directory(tiff, order, struct.unpack(order + "I", pointer[:4])[0])
        lat = _degrees(tags, order, 1, 2, b"S")
        lon = _degrees(tags, order, 3, 4, b"W")
    except (struct.error, KeyError, IndexError, ZeroDivisionError):
        return None
    return (lon, lat) if abs(lon) <= 180 and abs(lat) <= 90 and isfinite(lon + lat) and (lon or lat) else None


def _exif_of(body: bytes) -> bytes | None:
    """The TIFF part of the first Exif segment before the picture begins."""
    if not body.startswith(b"\xff\xd8"):
        return None
    at = 2
    while body[at] == 0xFF and body[at + 1] not in (0xD9, 0xDA):
        (length,) = struct.unpack_from(">H", body, at + 2)
        if body[at + 1] == 0xE1 and body[at + 4 : at + 10] == _EXIF:
            return body[at + 10 : at + 2 + length]
        at += 2 + max(2, length)
    return None


def _directory(tiff: bytes, order: str, at: int) -> dict[int, bytes]:
    """Tag → its bytes, of the directory at `at`."""
    (count,) = struct.unpack_from(order + "H", tiff, at)
    found = {}
    for number in range(min(count, _ENTRIES_MOST)):
        entry = at + 2 + 12 * number
        tag, kind, items = struct.unpack_from(order + "HHI", tiff, entry)
        size = _SIZES.get(kind, 0) * items
        start = entry + 8 if size <= 4 else struct.unpack_from(order + "I", tiff, entry + 8)[0]
        found[tag] = tiff[start : start + min(size, 64)]
    return found


def _degrees(tags: Mapping[int, bytes], order: str, reference: int, value: int, negative: bytes) -> float:
    """Degrees, minutes, seconds as three fractions."""
    a, b, c, d, e, f = struct.unpack(order + "6I", tags[value][:24])
    degrees = a / b + c / d / 60 + (e / f / 3600 if f else 0.0)
    return -degrees if tags[reference][:1] == negative else degrees
