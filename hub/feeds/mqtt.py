"""The runner of an MQTT feed: a message is acknowledged when the engine has stored what it said, and not before.

So a message is lost neither by our death nor by the broker's (as far as it keeps its promise), and what comes again
changes nothing: a reading is known by sensor, quantity and observed time. A payload without a time bears the time of
its first arrival (hub/feeds/arrivals.py).
"""

import queue
import threading
import time
from dataclasses import dataclass

import redis
import sqlalchemy as sa

from alerts.feeds.model import FeedSpec, Parsed, Row
from alerts.feeds.mqtt import MqttSpec, parse_message
from hub.feeds.arrivals import Arrivals
from hub.feeds.door import Door
from hub.feeds.mqtt_client import Message, MqttConnection

GATHER = 2_000  # messages handled at once
LINGER_S = 0.004
AGAIN_S = 0.5
NO_TIME = "保留消息(retain)里没有观测时间,不知道是什么时候的读数"


@dataclass(frozen=True, slots=True)
class _Read:
    message: Message
    parsed: Parsed


def run_mqtt(spec: FeedSpec, door: Door, stop: threading.Event) -> None:
    """A runner (see hub/feeds/process.py)."""
    own: MqttSpec = spec.own
    arrivals = Arrivals(door.bus.client, spec.id)
    arrivals.load()
    connection = MqttConnection(
        own, own.client_id or f"citybrain-{spec.id}", door.secret(own.password_env, own.password_file)
    )
    connection.start()
    feed = _MqttFeed(own, door, connection, arrivals, stop)
    try:
        while not stop.is_set():
            feed.step()
    finally:
        connection.stop()


class _MqttFeed:
    def __init__(
        self, spec: MqttSpec, door: Door, connection: MqttConnection, arrivals: Arrivals, stop: threading.Event
    ) -> None:
        self.spec, self.door, self.connection, self.arrivals, self.stop = spec, door, connection, arrivals, stop
        self._sessions_lost = 0

    def step(self) -> None:
        """Take what waits, pass it on, acknowledge it."""
        if not self.connection.is_running():
            raise RuntimeError("与代理的连接线程已经结束")
        self._say_state()
        messages = self._gather()
        dropped = self.connection.overflow()
        self.door.drop(dropped, "来得太快,QoS 0 的消息没有地方放")
        if messages:
            self._pass_on([self._read(one) for one in messages])

    def _say_state(self) -> None:
        state = self.connection.state
        if state:
            self.door.failed(state)
        elif state is not None:
            self.door.fine()
        if self.connection.sessions_lost > self._sessions_lost:
            self._sessions_lost = self.connection.sessions_lost
            self.door.refuse([(-1, "代理没有保留会话:断开期间发布的消息可能没有送到(请在代理上打开 persistence)", "")])

    def _gather(self) -> list[Message]:
        waiting = self.connection.waiting
        try:
            found = [waiting.get(timeout=0.25)]
        except queue.Empty:
            return []
        until = time.monotonic() + LINGER_S
        while len(found) < GATHER:
            try:
                found.append(waiting.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        return found

    def _read(self, message: Message) -> _Read:
        parsed = parse_message(self.spec, message.topic, message.payload, message.arrival_ms)
        if parsed.timeless and not parsed.problem:
            if message.retain:
                return _Read(message, Parsed(problem=NO_TIME))
            first = self._first_ms(message)
            if first != message.arrival_ms:
                parsed = parse_message(self.spec, message.topic, message.payload, first)
        return _Read(message, parsed)

    def _first_ms(self, message: Message) -> int:
        if not message.qos:
            return self.arrivals.moment(message.topic, message.arrival_ms)
        return self.arrivals.first_ms(message.mid, message.dup, message.topic, message.payload, message.arrival_ms)

    def _pass_on(self, reads: list[_Read]) -> None:
        """Until it is stored or it is time to stop. Trouble with Redis or the database: again, unacknowledged."""
        if not self.door.pace(sum(max(1, len(one.parsed.rows)) for one in reads), self.stop):
            return
        refused = False
        while not self.stop.is_set():
            try:
                if not refused:
                    self._refuse(reads)
                    refused = True
                if self._stored(reads):
                    return
            except (redis.RedisError, sa.exc.SQLAlchemyError) as problem:
                self.door.failed(f"读数暂时存不下,代理替我们留着:{type(problem).__name__}")
            self.stop.wait(AGAIN_S)

    def _refuse(self, reads: list[_Read]) -> None:
        wrong = [one for one in reads if one.parsed.problem]
        self.door.refuse(
            (-1, one.parsed.problem, f"{one.message.topic} {one.message.payload[:2_000]!r}") for one in wrong
        )

    def _stored(self, reads: list[_Read]) -> bool:
        timeless = [one.message.mid for one in reads if one.parsed.timeless and one.message.qos]
        self.arrivals.keep(timeless)
        groups: dict[str, list[Row]] = {}
        for one in reads:
            groups.setdefault(one.parsed.exercise, []).extend(one.parsed.rows)
        taken = [self.door.take(rows, exercise) for exercise, rows in groups.items() if rows]
        if not all(self.door.stored(one, self.stop) for one in taken):
            return False
        self.arrivals.close(timeless)
        for one in reads:
            self.connection.acknowledge(one.message)
        return True
