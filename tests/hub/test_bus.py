"""Streams: what goes in comes out, and what a killed engine took is taken over in order."""

import itertools

import numpy as np
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from alerts.ports import ReadingBatch
from hub import bus as bus_module
from hub.bus import BusFull, RedisReadingBus, exercise_label, merged, pack, say_exercise, unpack


def batch(first: int, count: int = 1, quantity: str = "depth_m", exercise: str = "") -> ReadingBatch:
    numbers = np.arange(first, first + count, dtype=np.int32)
    return ReadingBatch(quantity, numbers, numbers * 0.5, numbers.astype(np.int64), 7, exercise)


def rows(one: ReadingBatch) -> list[tuple[int, float, int]]:
    return list(zip(one.sensor_no.tolist(), one.value.tolist(), one.observed_ms.tolist(), strict=True))


@given(
    hnp.arrays(np.float64, st.integers(0, 50), elements=st.floats(allow_nan=False, width=64)),
    st.text(max_size=20),
    st.text(max_size=20),
)
def test_packing_round_trip(values: np.ndarray, quantity: str, exercise: str) -> None:
    count = len(values)
    sent = ReadingBatch(
        quantity, np.arange(count, dtype=np.int32), values, np.arange(count, dtype=np.int64) << 40, 5, exercise
    )
    back = unpack(pack(sent))
    assert rows(back) == rows(sent)
    assert (back.quantity, back.exercise, back.received_ms) == (quantity, exercise, 5)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 9)), max_size=30))
def test_merging_keeps_every_row_in_order(kinds: list[tuple[str, int]]) -> None:
    entries = [(str(n).encode(), batch(n * 10, count, quantity=kind)) for n, (kind, count) in enumerate(kinds)]
    together = merged(entries)
    assert [entry for ids, _ in together for entry in ids] == [entry for entry, _ in entries]
    assert [row for _, one in together for row in rows(one)] == [row for _, one in entries for row in rows(one)]
    assert all(a[1].quantity != b[1].quantity for a, b in itertools.pairwise(together))


def test_what_a_killed_engine_took_comes_first_for_the_next(client: redis.Redis) -> None:
    stream = RedisReadingBus(client)
    stream.join()
    stream.join()  # twice is harmless
    for first in (1, 2, 3):
        stream.publish(batch(first))
    taken = stream.take("killed", wait_ms=10)
    assert [row[0] for _, one in taken for row in rows(one)] == [1, 2, 3]
    stream.publish(batch(4))
    over = stream.take_over("next")
    assert [row[0] for _, one in over for row in rows(one)] == [1, 2, 3]
    new = stream.take("next", wait_ms=10)
    assert [row[0] for _, one in new for row in rows(one)] == [4]
    for ids, _ in [*over, *new]:
        stream.done(ids)
    assert stream.backlog() == 0
    assert stream.take_over("third") == []


def test_a_backlog_without_an_engine_is_refused_not_piled_up(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "BACKLOG_MAX", 60)
    stream = RedisReadingBus(client)

    def publish_many() -> None:
        for first in range(200):
            stream.publish(batch(first))

    with pytest.raises(BusFull):
        publish_many()
    assert stream.backlog() <= 110


def test_the_drill_is_said_and_forgotten(client: redis.Redis) -> None:
    assert exercise_label(client) == ""
    say_exercise(client, "storm", "演练 · 暴雨")
    assert exercise_label(client) == "演练 · 暴雨"
    assert 0 < client.ttl(bus_module.EXERCISE) <= bus_module.EXERCISE_S
