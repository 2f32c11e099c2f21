"""The engine process: takes readings from the stream, runs the rules, sends calls, relays events.

Rules have one active engine at a time, by a lease with a fencing token that is checked in the transaction of every
alert; any number of engines share the sending of calls.
"""

import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
import redis
import structlog

from alerts.engine import RuleEngine
from alerts.model import AlertChange
from alerts.ports import ReadingBatch
from dispatch.worker import CallWorker
from geodata.clock import epoch_ms
from geodata.errors import Conflict
from hub.bus import RedisReadingBus
from hub.exercises import Exercises
from hub.holders import is_gone
from hub.lease import Leases
from hub.live import LivePublisher

log = structlog.get_logger()

LEASE = "rules"
LEASE_S = 4.0
TICK_S = 1.0
CLAIM = 64  # messages taken at once; what a killed engine took waits for its lease to end
CITY_LOOK_S = 2.0
FIGURES = "city:engine"


class Engine:
    """Three loops, each in its own thread: rules, calls, escalation. A signal lets each end what it has begun.

    `rules` makes the rule engine of the present sensors and rules; `stale` says whether these have changed since.
    """

    def __init__(
        self,
        *,
        rules: Callable[[], RuleEngine],
        stale: Callable[[], bool],
        worker: CallWorker,
        bus: RedisReadingBus,
        client: redis.Redis,
        leases: Leases,
        live: LivePublisher,
        holder: str,
        clock: Callable[[], datetime],
        housekeeping: Callable[[datetime], object],
        rules_problem: Callable[[], str] = lambda: "",
        rules_version: Callable[[], int] = lambda: 0,
        upkeep: Callable[[datetime, tuple[str, int]], list[AlertChange]] = lambda _now, _fence: [],
        notify: Callable[[threading.Event], None] = lambda _stopping: None,
    ) -> None:
        self.make_rules, self.is_stale = rules, stale
        self.worker, self.bus, self.client = worker, bus, client
        self.leases, self.live, self.holder, self.clock, self.housekeeping = leases, live, holder, clock, housekeeping
        self.rules_problem, self.rules_version, self.exercises = rules_problem, rules_version, Exercises()
        self.upkeep, self.notify = upkeep, notify
        self.stopping = threading.Event()
        self._renewal = 0.0
        self.figures: dict[str, float] = {
            "readings": 0,
            "batches": 0,
            "alerts_changed": 0,
            "late": 0,
            "sent": 0,
            "leading": 0,
        }

    def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        threads = [
            threading.Thread(target=self._guarded, args=(loop,), name=loop.__name__, daemon=True)
            for loop in (self._rules_loop, self._calls_loop, self._escalation_loop, self._notify_loop)
        ]
        for thread in threads:
            thread.start()
        while not self.stopping.wait(1.0):
            self._report()
        for thread in threads:
            thread.join(10)

    def _guarded(self, loop: Callable[[], None]) -> None:
        """Run a loop again when it fails; a trouble that stays the same is logged once, and its end once."""
        last = ""
        while not self.stopping.is_set():
            try:
                loop()
                return
            except Exception as problem:
                trouble = f"{type(problem).__name__}: {problem}"
                if trouble != last:
                    log.exception("engine.loop-failed", loop=loop.__name__)
                last = trouble
                self.stopping.wait(0.5)

    def _rules_loop(self) -> None:
        self.bus.join()
        while not self.stopping.is_set():
            self.leases.release_gone(LEASE, is_gone, self.clock())
            token = self.leases.acquire(LEASE, self.holder, self.clock(), LEASE_S)
            if token is None:
                self.stopping.wait(LEASE_S / 4)
                continue
            try:
                self._lead(token)
            except Conflict:
                log.warning("engine.lease-lost", holder=self.holder)
            finally:
                self.figures["leading"] = 0
                if self.stopping.is_set():
                    self.leases.release(LEASE, token, self.clock())

    def _lead(self, token: int) -> None:
        rules = self.make_rules()
        self._count(rules.retire(self.clock(), (LEASE, token)))
        rules.load()
        log.info("engine.rules-active", holder=self.holder, token=token)
        self.figures["leading"] = 1
        fence = (LEASE, token)
        self._renewal = 0.0
        self._step(rules, self.bus.take_over(self.holder), fence)
        next_tick = 0.0
        next_housekeeping, next_look = time.monotonic() + 60, time.monotonic() + CITY_LOOK_S
        while not self.stopping.is_set():
            self._renew(token)
            if time.monotonic() >= next_tick:
                self._tick(rules, fence)
                next_tick = time.monotonic() + TICK_S
            if time.monotonic() >= next_look:
                if self.is_stale():
                    return  # sensors or rules have changed: begin again with the new ones
                next_look = time.monotonic() + CITY_LOOK_S
            if time.monotonic() >= next_housekeeping:
                self.housekeeping(self.clock())
                next_housekeeping = time.monotonic() + 3600
            self._step(rules, self.bus.take(self.holder, wait_ms=200), fence)
            self.live.flush()

    def _renew(self, token: int) -> None:
        """Keep the lease; `Conflict` when it is another's."""
        if time.monotonic() < self._renewal:
            return
        if not self.leases.renew(LEASE, token, self.clock(), LEASE_S):
            raise Conflict("the lease of the rules was taken over")
        self._renewal = time.monotonic() + LEASE_S / 4

    def _tick(self, rules: RuleEngine, fence: tuple[str, int]) -> None:
        now = self.clock()
        ticked = rules.tick(now, fence)
        self._count(ticked)
        for name in ticked.drills:
            self.exercises.heard(name, now)
        changes = self.upkeep(now, fence)
        rules.adopt(changes)
        self.figures["alerts_changed"] += len(changes)
        for name in self.exercises.over(rules.exercises(), now):
            self._count(rules.end_exercise(name, now, fence))
            log.info("engine.exercise-over", exercise=name)

    def _step(self, rules: RuleEngine, entries: list[tuple[list[bytes], ReadingBatch]], fence: tuple[str, int]) -> None:
        for entry_ids, batch in entries:
            self._renew(fence[1])  # a backlog may take longer than the lease
            self._count(rules.step(batch, self.clock(), fence))
            self.exercises.heard(batch.exercise, self.clock())
            self.live.add(batch)
            self.bus.done(entry_ids)
            self.figures["readings"] += len(batch.sensor_no)
            self.figures["batches"] += 1

    def _count(self, result: Any) -> None:
        self.figures["alerts_changed"] += len(result.changes)
        self.figures["late"] += getattr(result, "late", 0)

    def _calls_loop(self) -> None:
        self.worker.take_over(is_gone, self.clock())
        while not self.stopping.is_set():
            sent = self.worker.run_due(self.clock(), CLAIM)
            self.figures["sent"] += sent
            if not sent:
                self.stopping.wait(0.1)

    def _escalation_loop(self) -> None:
        while not self.stopping.wait(1.0):
            self.worker.escalate(self.clock())

    def _notify_loop(self) -> None:
        self.notify(self.stopping)

    def _report(self) -> None:
        """Say that this engine lives, for `/readyz`."""
        now = self.clock()
        body: dict[str, Any] = {"at": now.isoformat(), "holder": self.holder, "figures": self.figures}
        body["rules_problem"] = self.rules_problem()
        body["rules_version"] = self.rules_version()
        try:
            pipe = self.client.pipeline(transaction=False)
            pipe.hset(FIGURES, self.holder, orjson.dumps(body))
            pipe.expire(FIGURES, 60)
            pipe.execute()
        except redis.RedisError:
            return  # the loops say so, once


def engines_alive(client: redis.Redis, now: datetime, within: timedelta = timedelta(seconds=5)) -> list[dict[str, Any]]:
    """What each engine said last, for those that said something lately; the others are forgotten."""
    found = []
    for holder, body in client.hgetall(FIGURES).items():
        said = orjson.loads(body)
        if epoch_ms(now) - epoch_ms(datetime.fromisoformat(said["at"])) <= within.total_seconds() * 1000:
            found.append(said)
        else:
            client.hdel(FIGURES, holder)
    return found
