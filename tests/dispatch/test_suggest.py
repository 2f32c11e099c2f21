"""Which alerts belong together: tables, and properties against a plain search of all pairs."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from alerts.model import Alert, Level
from dispatch.causes import load_causes, parse_causes
from dispatch.model import Incident
from dispatch.suggest import geodesic_m, suggest
from geodata.errors import BadInput
from tests.dispatch.house import ROOT, T0, later

BOOK = load_causes(ROOT / "dispatch/causes.yaml")
A = "kinds: {a: {title: 甲, event: [甲]}}\nlinks:\n- "
NOW = later(12 * 3600)
LON, LAT = 118.35, 35.06


def alert(number: int, east_m: float = 0, north_m: float = 0, minutes: float = 0, **more: Any) -> Alert:
    lon, lat, _ = Geod(ellps="WGS84").fwd(LON, LAT, 90, east_m)
    lon, lat, _ = Geod(ellps="WGS84").fwd(lon, lat, 0, north_m)
    at = T0 + timedelta(minutes=minutes)
    base: dict[str, Any] = {
        "id": f"A{number}",
        "dedup_key": f"k{number}",
        "source": "rule",
        "event": "",
        "headline": f"预警{number}",
        "level": Level.BLUE,
        "native_level": "蓝",
        "status": "Actual",
        "onset_at": at,
        "fired_at": at,
        "updated_at": at,
        "quantity": "depth_m",
        "lon": lon,
        "lat": lat,
        "place": f"示例{number}",
    }
    return Alert(**(base | more))


def incident(**more: Any) -> Incident:
    base = Incident("INC-1", "示例事件", "waterlogging", "Ⅲ", "open", LON, LAT, "", T0, "duty", False, ("A0",))
    return replace(base, **more)


@pytest.mark.parametrize(
    ("second", "together"),
    [
        ({"east_m": 420, "minutes": 12}, True),
        ({"east_m": 799, "minutes": 60}, True),
        ({"east_m": 801}, False),
        ({"minutes": 61}, False),
        ({"east_m": 2_900, "minutes": 119, "quantity": "rain_mm_h"}, True),
        ({"east_m": 2_900, "quantity": "wind_m_s"}, False),
        ({"status": "Exercise"}, False),
        ({"resolved_at": T0}, False),
        ({"lon": None, "lat": None}, False),
        ({"incident_id": "INC-9"}, False),
        ({"quantity": "battery_pct"}, False),
    ],
)
def test_two_alerts(second: dict[str, Any], together: bool) -> None:
    found = suggest([alert(1), alert(2, **second)], [], NOW, BOOK)
    assert [set(one.alert_ids) for one in found] == ([{"A1", "A2"}] if together else [])


def test_the_reason_is_in_words() -> None:
    (found,) = suggest([alert(1, level=Level.RED), alert(2, 420, minutes=12)], [], NOW, BOOK)
    assert found.reasons == ("示例2 与 示例1 相距 420 m,12 分钟内,同为积水",)
    (rain,) = suggest([alert(1, level=Level.RED), alert(2, 2_900, quantity="rain_mm_h")], [], NOW, BOOK)
    assert rain.reasons == ("示例2 与 示例1 相距 2.9 km,同一分钟内,降雨引起积水",)


@pytest.mark.parametrize(
    ("more", "joins"),
    [
        ({}, True),
        ({"status": "closed"}, False),
        ({"exercise": True}, False),
        ({"lon": LON + 1}, False),
        ({"lon": None, "lat": None}, False),
        ({"type": "safety"}, False),
        ({"alert_ids": ("A1",)}, False),
    ],
)
def test_an_open_incident_is_offered_first(more: dict[str, Any], joins: bool) -> None:
    found = suggest([alert(1, 100)], [incident(**more)], NOW, BOOK)
    assert [one.incident_id for one in found] == (["INC-1"] if joins else [])


KINDS = ("depth_m", "rain_mm_h", "flow_m3s", "battery_pct")
ALERTS = st.lists(
    st.tuples(
        st.floats(-4_000, 4_000),
        st.floats(-4_000, 4_000),
        st.floats(0, 300),
        st.sampled_from(KINDS),
        st.booleans(),
        st.sampled_from(list(Level)),
    ),
    max_size=40,
)


def made(rows: list[tuple[float, float, float, str, bool, Level]]) -> list[Alert]:
    return [
        alert(n, east, north, minutes, quantity=kind, level=level, status="Exercise" if drill else "Actual")
        for n, (east, north, minutes, kind, drill, level) in enumerate(rows)
    ]


def related(one: Alert, two: Alert) -> bool:
    """The promise, said plainly."""
    link = BOOK.links.get((BOOK.kind_of(one) or "", BOOK.kind_of(two) or ""))
    if link is None or (one.status == "Actual") is not (two.status == "Actual"):
        return False
    apart = abs((one.fired_at - two.fired_at).total_seconds()) / 60
    return apart <= link.within_min and geodesic_m(one.lon, one.lat, two.lon, two.lat) <= link.within_m  # type: ignore[arg-type]


@given(ALERTS, st.randoms(use_true_random=False))
def test_suggestions_hold_what_they_promise(rows: list[Any], chance: Any) -> None:
    alerts = made(rows)
    found = suggest(alerts, [], NOW, BOOK)
    shuffled = list(alerts)
    chance.shuffle(shuffled)
    assert suggest(shuffled, [], NOW, BOOK) == found, "the order they come in means nothing"
    by_id = {one.id: one for one in alerts}
    named = [alert_id for one in found for alert_id in one.alert_ids]
    assert len(named) == len(set(named)), "one alert, one suggestion"
    for one in found:
        seed, *others = (by_id[alert_id] for alert_id in one.alert_ids)
        assert len(others) == len(one.reasons) > 0
        assert all(related(seed, other) for other in others)
        assert {other.status == "Exercise" for other in (seed, *others)} == {one.exercise}
    left = [one for one in alerts if one.id not in named]
    for n, one in enumerate(left):
        assert not any(related(one, other) for other in left[n + 1 :]), "no related pair is overlooked"


def test_ten_thousand_alerts_are_no_square() -> None:
    """A grid asks near-linearly often for a distance; all pairs would be fifty million."""
    import dispatch.suggest as room

    asked, real = 0, room.geodesic_m

    def counting(*given: float) -> float:
        nonlocal asked
        asked += 1
        return real(*given)

    room.geodesic_m = counting  # type: ignore[assignment]
    try:
        spread = [alert(n, 400.0 * (n % 100), 400.0 * (n // 100), n % 300) for n in range(10_000)]
        found = suggest(spread, [], NOW, BOOK)
    finally:
        room.geodesic_m = real  # type: ignore[assignment]
    assert found
    assert asked < 500_000, asked


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{A}{{from: a, to: b, within_m: 100, within_min: 5, words: x}}", "第 3 行:to 指向的种类 b"),
        ("kinds: {a: {title: 甲}}\nlinks: []", "第 1 行:种类 a 没有可匹配的词"),
        (f"{A}{{from: a, to: a, within_m: 1, within_min: 5, words: x}}", "第 3 行:within_m"),
    ],
)
def test_errors_name_their_line(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        parse_causes(text)
