"""Where a photo was taken, from hand-made Exif in both byte orders; nothing in a file can make it fail."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.photo_place import place_of


def photo(order: str, lat: tuple[int, ...], lon: tuple[int, ...], north: bytes = b"N", east: bytes = b"E") -> bytes:
    """A JPEG with one Exif segment that holds a GPS directory."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    pointer = struct.pack(order + "HHHII", 1, 0x8825, 4, 1, 26) + struct.pack(order + "I", 0)
    values = 26 + 2 + 4 * 12 + 4
    rows = [(1, 2, 2, north + b"\0\0\0"), (2, 5, 3, values), (3, 2, 2, east + b"\0\0\0"), (4, 5, 3, values + 24)]
    gps = struct.pack(order + "H", 4)
    for tag, kind, count, value in rows:
        packed = value if isinstance(value, bytes) else struct.pack(order + "I", value)
        gps += struct.pack(order + "HHI", tag, kind, count) + packed
    gps += struct.pack(order + "I", 0) + struct.pack(order + "6I", *lat) + struct.pack(order + "6I", *lon)
    body = b"Exif\x00\x00" + head + pointer + gps
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(body) + 2) + body + b"\xff\xda"


LAT, LON = (35, 1, 3, 1, 3600, 100), (118, 1, 21, 1, 0, 1)  # 35°3′36″ N, 118°21′0″ E


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_position_is_read(order: str) -> None:
    assert place_of(photo(order, LAT, LON)) == pytest.approx((118.35, 35.06))
    assert place_of(photo(order, LAT, LON, b"S", b"W")) == pytest.approx((-118.35, -35.06))


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xda", photo("<", (0, 1, 0, 1, 0, 1), (0, 1, 0, 1, 0, 1)),
     photo("<", (95, 1, 0, 1, 0, 1), LON), photo("<", (35, 0, 0, 1, 0, 1), LON), photo("<", LAT, LON)[:60]],
)  # fmt: skip
def test_no_position_is_none(body: bytes) -> None:
    assert place_of(body) is None


@given(st.integers(0, 200), st.binary(min_size=1, max_size=4))
def test_a_damaged_file_is_none_or_on_earth(at: int, noise: bytes) -> None:
    whole = photo("<", LAT, LON)
    found = place_of(whole[:at] + noise + whole[at + len(noise) :])
    assert found is None or (abs(found[0]) <= 180 and abs(found[1]) <= 90)
