"""One screen's stream: resume, cut the slow, end with the sign-in."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import orjson
import pytest
import redis

from hub import push as push_module
from hub.bus import EVENTS, publish_live
from hub.database import Database
from hub.outbox import tell
from hub.push import Push
from hub.relay import Relay

NOW = datetime(2026, 8, 1, tzinfo=UTC)
ALERTS = frozenset({"alerts"})


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


def numbers(frames: list[bytes]) -> list[int]:
    return [orjson.loads(one.split(b"data: ")[1])["n"] for one in frames if one.startswith(b"id: ") and b'"n"' in one]


def kinds(frames: list[bytes]) -> list[str]:
    return [line[7:].decode() for one in frames for line in one.split(b"\n") if line.startswith(b"event: ")]


def put(database: Database, relay: Relay, *values: int, topic: str = "alerts") -> None:
    for value in values:
        with database.write() as connection:
            tell(connection, topic, "alert.fired", NOW, {"n": value})
    relay.sweep()


async def read(stream: AsyncIterator[bytes], enough: Callable[[list[bytes]], bool]) -> list[bytes]:
    frames: list[bytes] = []
    async with asyncio.timeout(10):
        async for one in stream:
            frames += [part + b"\n\n" for part in one.split(b"\n\n") if part]  # several may come as one piece
            if enough(frames):
                break
    return frames


async def with_push(redis_url: str, work: Callable[[Push], Awaitable[None]]) -> None:
    push = Push(redis_url)
    task = asyncio.create_task(push.run())
    try:
        async with asyncio.timeout(15):
            while not push.is_live:
                await asyncio.sleep(0.01)
            await work(push)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await push.client.aclose()


@pytest.fixture(autouse=True)
def quick_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_module, "BEAT_S", 0.1)


def test_resume_gives_what_was_missed_once_and_then_what_is_new(
    database: Database, client: redis.Redis, redis_url: str
) -> None:
    relay = Relay(database, client)
    put(database, relay, 1, 2, 3, 4)

    async def work(push: Push) -> None:
        stream = push.stream(ALERTS, "duty", "2", yes)
        frames = await read(stream, lambda got: "beat" in kinds(got))
        assert numbers(frames) == [3, 4]
        put(database, relay, 5)
        assert numbers(await read(stream, lambda got: bool(numbers(got)))) == [5]

    asyncio.run(with_push(redis_url, work))


@pytest.mark.parametrize("last_id", ["999999", "not-a-number", "1'; drop", "9" * 30])
def test_a_place_the_stream_does_not_know_means_load_anew(
    database: Database, client: redis.Redis, redis_url: str, last_id: str
) -> None:
    put(database, Relay(database, client), 1)

    async def work(push: Push) -> None:
        frames = await read(push.stream(ALERTS, "duty", last_id, yes), lambda got: "beat" in kinds(got))
        assert "resync" in kinds(frames)

    asyncio.run(with_push(redis_url, work))


def test_trimmed_away_means_load_anew(database: Database, client: redis.Redis, redis_url: str) -> None:
    put(database, Relay(database, client), *range(10))
    client.xtrim(EVENTS, maxlen=3, approximate=False)

    async def work(push: Push) -> None:
        frames = await read(push.stream(ALERTS, "duty", "2", yes), lambda got: "beat" in kinds(got))
        assert "resync" in kinds(frames)
        frames = await read(push.stream(ALERTS, "duty", "7", yes), lambda got: "beat" in kinds(got))
        assert numbers(frames) == [7, 8, 9]

    asyncio.run(with_push(redis_url, work))


def test_a_screen_knows_where_to_resume_before_it_has_seen_any_event(
    database: Database, client: redis.Redis, redis_url: str
) -> None:
    relay = Relay(database, client)
    put(database, relay, 1, 2, 3)

    async def work(push: Push) -> None:
        frames = await read(push.stream(ALERTS, "duty", None, yes), lambda got: "beat" in kinds(got))
        (hello,) = [one for one in frames if b"event: hello" in one]
        assert hello.startswith(b"id: 3\n")
        put(database, relay, 4, 5)  # while nobody listens
        frames = await read(push.stream(ALERTS, "duty", "3", yes), lambda got: "beat" in kinds(got))
        assert numbers(frames) == [4, 5]

    asyncio.run(with_push(redis_url, work))


def test_streams_end_at_once_when_the_process_is_about_to(client: redis.Redis, redis_url: str) -> None:
    async def work(push: Push) -> None:
        stream = push.stream(ALERTS, "duty", None, yes)
        await read(stream, lambda got: "beat" in kinds(got))
        push.end()
        assert "resync" not in kinds(await read(stream, lambda got: False))
        assert push.cut_total == 0

    asyncio.run(with_push(redis_url, work))


def test_only_the_topics_asked_for_and_system(database: Database, client: redis.Redis, redis_url: str) -> None:
    relay = Relay(database, client)

    async def work(push: Push) -> None:
        stream = push.stream(ALERTS, "duty", None, yes)
        await read(stream, lambda got: "beat" in kinds(got))
        put(database, relay, 1, topic="calls")
        publish_live(client, "readings", "reading.batch", b'{"n":9}')
        publish_live(client, "system", "system.exercise", b'{"n":9}')
        put(database, relay, 2)
        frames = await read(stream, lambda got: bool(numbers(got)))
        assert numbers(frames) == [2]
        assert "reading.batch" not in kinds(frames)

    asyncio.run(with_push(redis_url, work))


def test_a_screen_that_does_not_read_is_cut_and_the_others_are_not(
    database: Database, client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_module, "QUEUE_FRAMES", 20)
    relay = Relay(database, client)

    async def work(push: Push) -> None:
        slow = push.stream(ALERTS, "slow", None, yes)
        await read(slow, lambda got: "beat" in kinds(got))
        live = push.stream(ALERTS, "live", None, yes)
        await read(live, lambda got: "beat" in kinds(got))
        got: list[int] = []
        for value in range(50):
            put(database, relay, value)
            got += numbers(await read(live, lambda got: bool(numbers(got))))
        assert got == list(range(50))
        frames = await read(slow, lambda got: False)
        assert kinds(frames)[-1] == "resync"
        assert len(frames) < 25
        assert push.cut_total == 1
        assert len(push.listeners) == 1

    asyncio.run(with_push(redis_url, work))


def test_a_revoked_sign_in_ends_the_stream(client: redis.Redis, redis_url: str) -> None:
    async def work(push: Push) -> None:
        frames = await read(push.stream(ALERTS, "duty", None, no), lambda got: False)
        assert kinds(frames)[-1] == "signed-out"

    asyncio.run(with_push(redis_url, work))
