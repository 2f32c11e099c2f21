"""The outbox reaches the stream whole and in order, whatever dies, and however many relays run."""

import threading
from datetime import UTC, datetime

import orjson
import redis

from hub.bus import EVENTS
from hub.database import Database
from hub.outbox import tell
from hub.relay import Relay
from tests.serving import until

NOW = datetime(2026, 8, 1, tzinfo=UTC)


def put(database: Database, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        with database.write() as connection:
            tell(connection, "alerts", "alert.fired", NOW, {"n": number})


def told(client: redis.Redis) -> list[tuple[int, int]]:
    return [(int(key.split(b"-")[0]), orjson.loads(fields[b"b"])["n"]) for key, fields in client.xrange(EVENTS)]


def test_each_once_in_order_with_the_outbox_number_as_id(database: Database, client: redis.Redis) -> None:
    put(database, 450)
    relay = Relay(database, client)
    assert relay.sweep() == 450
    assert relay.sweep() == 0
    assert told(client) == [(number + 1, number) for number in range(450)]


def test_relays_at_the_same_time(database: Database, client: redis.Redis) -> None:
    relays = [Relay(database, client) for _ in range(3)]
    stop = threading.Event()
    troubles: list[BaseException] = []

    def run(relay: Relay) -> None:
        try:
            while not stop.is_set():
                relay.sweep()
        except BaseException as problem:
            troubles.append(problem)

    threads = [threading.Thread(target=run, args=(relay,)) for relay in relays]
    for thread in threads:
        thread.start()
    put(database, 200)
    stop.set()
    for thread in threads:
        thread.join()
    relays[0].sweep()
    assert not troubles
    assert told(client) == [(number + 1, number) for number in range(200)]


def test_redis_that_forgot_the_last_second_gets_it_again(database: Database, client: redis.Redis) -> None:
    put(database, 20)
    relay = Relay(database, client)
    relay.sweep()
    client.delete(EVENTS)  # as after a crash of a Redis that had not yet written its file
    put(database, 1, start=20)
    relay.sweep()
    assert [n for _, n in told(client)] == list(range(21))


def test_a_stream_of_another_database_is_begun_anew(database: Database, client: redis.Redis) -> None:
    client.xadd(EVENTS, {"t": "alerts", "k": "x", "a": "", "b": b'{"n":1}'}, id="999-0")
    put(database, 3)
    Relay(database, client).sweep()
    assert [n for _, n in told(client)] == [0, 1, 2]


def test_a_rolled_back_transaction_tells_nothing(database: Database, client: redis.Redis) -> None:
    told_of: list[int] = []
    database.after_tell = lambda: told_of.append(1)
    try:
        with database.write() as connection:
            tell(connection, "alerts", "alert.fired", NOW, {"n": 1})
            raise RuntimeError("something else failed")
    except RuntimeError:
        pass
    assert Relay(database, client).sweep() == 0
    assert told_of == []
    put(database, 1)
    assert told_of == [1]


def test_a_loss_is_noticed_without_a_new_event(database: Database, client: redis.Redis) -> None:
    relay = Relay(database, client)
    relay.start()
    try:
        put(database, 5)
        until(lambda: len(told(client)) == 5)
        client.delete(EVENTS)
        until(lambda: [n for _, n in told(client)] == list(range(5)))
    finally:
        relay.stop()
