"""Reports with a place: what is taken and refused, stored once with its event, read on in order by the rules."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import numpy as np
import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.sightings import MAX_ROWS, Sighting, SightingDesk, check_sightings
from geodata.crs import from_wgs84
from geodata.errors import BadInput, TooLarge
from hub.database import Database
from hub.outbox import OUTBOX
from hub.reject_store import DbRejectStore
from hub.sighting_store import DbSightingStore
from tests.alerts.kinds import T0, at

GOOD = {"id": "a", "kind": "fire_point", "lon": 118.35, "lat": 35.06, "observed_at": "2026-07-01T08:00:00+08:00"}


def report(name: str, second: float = 0, exercise: str = "", source: str = "tower") -> Sighting:
    return Sighting(name, source, "fire_point", 118.3, 35.1, at(second), at(second), 0.5, "烟", exercise)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"lon": None}, "lon 必须是数字"),
        ({"lon": True}, "lon 必须是数字"),
        ({"lon": "118"}, "lon 必须是数字"),
        ({"lon": float("nan")}, "lon 不是有限的数"),
        ({"lon": 10**400}, "lon 不是有限的数"),
        ({"lon": 35.06, "lat": 118.35}, "经度在前"),
        ({"id": ""}, "id 不能为空"),
        ({"id": 7}, "id 必须是不超过 64 个字符的文本"),
        ({"id": "x" * 65}, "id 必须是不超过 64 个字符的文本"),
        ({"id": "a\nb"}, "id 必须是不超过 64 个字符的文本"),
        ({"kind": "火点"}, "kind 只能用小写字母"),
        ({"kind": "k" * 33}, "kind 必须是不超过 32 个字符的文本"),
        ({"observed_at": "2026-07-01T08:00:00"}, "时间没有时区"),
        ({"observed_at": "2026-07-01T08:02:00+08:00"}, "观测时间在未来"),
        ({"observed_at": "2026-06-30T07:59:59+08:00"}, "时间早于 24 小时"),
        ({"confidence": 1.01}, "confidence 应在 0…1 之间"),
        ({"datum": "mars"}, "datum 只能是 wgs84、gcj02、bd09"),
        ({"note": "x" * 1001}, "note 必须是不超过 1000 个字符的文本"),
        ({"note": "\ud800"}, "note 里有残缺的字符"),
        ({"colour": 1}, "不认识 colour"),
    ],
)
def test_a_bad_row_is_named_and_disturbs_nothing(change: dict[str, object], why: str) -> None:
    good, rejects = check_sightings({"sightings": [GOOD | change, GOOD]}, "tower", T0)
    assert [one.id for one in good] == ["a"]
    assert [(one.index, why in one.reason) for one in rejects] == [(0, True)]


@pytest.mark.parametrize("payload", [None, [], {}, {"sightings": {}}, "x"])
def test_what_cannot_be_read_at_all(payload: object) -> None:
    with pytest.raises(BadInput):
        check_sightings(payload, "tower", T0)


def test_too_many() -> None:
    with pytest.raises(TooLarge):
        check_sightings({"sightings": [GOOD] * (MAX_ROWS + 1)}, "tower", T0)


@settings(max_examples=60, deadline=None)
@given(st.floats(100, 125), st.floats(20, 45), st.sampled_from(["gcj02", "bd09", "BD-09"]))
def test_other_datums_are_converted_at_the_edge(lon: float, lat: float, datum: str) -> None:
    import shapely

    name = "GCJ-02" if datum == "gcj02" else "BD-09"
    moved = shapely.get_coordinates(from_wgs84(np.array([shapely.Point(lon, lat)]), name))[0]
    row = GOOD | {"lon": float(moved[0]), "lat": float(moved[1]), "datum": datum}
    (one,), _ = check_sightings({"sightings": [row]}, "tower", T0)
    assert (one.lon, one.lat) == pytest.approx((lon, lat), abs=1e-6)
    assert one.given == (name, row["lon"], row["lat"])


JUNK = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=80) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys((*GOOD, "note", "datum", "exercise"), JUNK)) | JUNK))
def test_whatever_comes_is_taken_or_named(rows: list[object]) -> None:
    good, rejects = check_sightings({"sightings": rows}, "tower", T0)
    assert len(good) + len(rejects) == len(rows)
    assert all(one.reason for one in rejects)
    orjson.dumps([one.note for one in good])


def test_each_is_stored_once_with_its_event(room_database: Database) -> None:
    store = DbSightingStore(room_database)
    assert store.add([report("a"), report("b"), report("a")]) == 2
    assert store.add([report("a", 5), report("c")]) == 1
    assert store.add([report("a", exercise="演练"), report("a", source="camera")]) == 2  # not the same report
    assert store.add([]) == 0
    stored = store.after(0, 100)
    assert [(one.id, one.source, one.exercise) for one in stored] == [
        ("a", "tower", ""), ("b", "tower", ""), ("c", "tower", ""), ("a", "tower", "演练"), ("a", "camera", ""),
    ]  # fmt: skip
    assert stored[0] == replace(report("a"), seq=stored[0].seq)
    with room_database.read() as connection:
        events = [
            (row.kind, orjson.loads(row.body)["sighting"]["seq"])
            for row in connection.execute(sa.select(OUTBOX).where(OUTBOX.c.topic == "sightings").order_by(OUTBOX.c.seq))
        ]
    assert events == [("sighting.fire_point", one.seq) for one in stored]


def test_reading_on(room_database: Database) -> None:
    store = DbSightingStore(room_database)
    assert store.seq_before(T0) == 0
    store.add([report(str(n), n * 60) for n in range(10)])
    seqs = [one.seq for one in store.after(0, 100)]
    assert [one.id for one in store.after(seqs[6], 2)] == ["7", "8"]
    assert store.seq_before(at(300)) == seqs[4]
    assert store.seq_before(at(9999)) == seqs[-1]
    assert [one.id for one in store.since(at(480), "", 10)] == ["9", "8"]
    assert [one.id for one in store.since(T0, "fire_point", 1)] == ["9"]
    assert store.since(T0, "car", 10) == []
    assert store.prune(at(300) + timedelta(days=1), 1) == 5
    assert [one.id for one in store.after(0, 100)] == ["5", "6", "7", "8", "9"]


def test_many_writers_at_once_and_a_reader_that_follows_misses_none(room_database: Database) -> None:
    store = DbSightingStore(room_database)

    def write(writer: int) -> None:
        for n in range(15):
            store.add([report(f"{writer}-{n}"), report(f"shared-{n}")])

    seen: list[str] = []
    cursor = 0
    with ThreadPoolExecutor(5) as pool:
        writing = [pool.submit(write, writer) for writer in range(4)]
        while True:
            over = all(one.done() for one in writing)
            for one in store.after(cursor, 7):
                seen.append(one.id)
                cursor = one.seq
            if over and not store.after(cursor, 1):
                break
    for one in writing:
        one.result()
    assert len(seen) == len(set(seen)) == 4 * 15 + 15


def test_the_desk_keeps_what_it_refuses(room_database: Database) -> None:
    rejects = DbRejectStore(room_database)
    desk = SightingDesk(DbSightingStore(room_database), rejects)
    received = desk.receive("tower", {"sightings": [GOOD, GOOD | {"lat": 99}]}, "tower", T0)
    assert (received.accepted, [one.index for one in received.rejects]) == (1, [1])
    with pytest.raises(BadInput):
        desk.receive("tower", {"sighting": []}, "tower", T0)
    assert [one.source for one in rejects.latest()] == ["sightings", "sightings"]
    assert [one.kind for one in desk.since(T0, "", 10)] == ["fire_point"]
