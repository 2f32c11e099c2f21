"""Tells the receivers: one notifier leads at a time, fed by the committed events, durable in what it has told.

At least once: a message is repeated only when its arrival could not be written down, and then with the same key.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import redis
import structlog

from alerts.group_state import Notice, Record
from alerts.grouping import Grouping
from alerts.routing import Place, Route
from alerts.webhook_out import webhook_body
from geodata.errors import Conflict
from hub.alert_store import DbAlertStore
from hub.bus import EVENTS
from hub.holders import is_gone
from hub.lease import Leases
from hub.muting import Muting
from hub.notify_store import NotifyStore
from hub.receivers import Outcome, Receiver

log = structlog.get_logger()

LEASE = "notify"
LEASE_S = 4.0
LOOK_S = 0.2  # without Redis, how often the events are looked at
SETTLE_S = 1.0  # how often the place in the events is written down, and silences are looked at
AT_ONCE = 1_000  # events; one may tell of many alerts


class Notifier:
    """`run` is a loop of the engine process. `routes` gives the tree in force; another one is taken up at once.

    `muting` names the alerts that are not to be told of now.
    """

    def __init__(
        self,
        *,
        store: NotifyStore,
        alerts: DbAlertStore,
        leases: Leases,
        client: redis.Redis,
        holder: str,
        clock: Callable[[], datetime],
        routes: Callable[[], Route],
        receivers: Mapping[str, str],
        muting: Muting,
        base_url: str,
    ) -> None:
        self.store, self.alerts, self.leases, self.client = store, alerts, leases, client
        self.holder, self.clock, self.routes, self.urls, self.muting = holder, clock, routes, receivers, muting
        self.base_url = base_url
        self.figures = {"notifications": 0, "notify_failed": 0, "notify_leading": 0}
        self._wake, self._listening = threading.Event(), False
        self._outcomes: deque[Outcome] = deque()
        self._receivers: dict[str, Receiver] = {}

    def run(self, stopping: threading.Event) -> None:
        """Until `stopping`; a lost lease, a lost database and a changed tree begin anew from what is stored."""
        if not self._listening:
            self._listening = True
            threading.Thread(target=self._listen, args=(stopping,), name="notify-listen", daemon=True).start()
        while not stopping.is_set():
            self.leases.release_gone(LEASE, is_gone, self.clock())
            token = self.leases.acquire(LEASE, self.holder, self.clock(), LEASE_S)
            if token is None:
                stopping.wait(LEASE_S / 4)
                continue
            try:
                self._lead(token, stopping)
            except Conflict:
                log.warning("notify.lease-lost", holder=self.holder)
            finally:
                self._end_receivers()
                self.figures["notify_leading"] = 0
                if stopping.is_set():
                    self.leases.release(LEASE, token, self.clock())

    def _lead(self, token: int, stopping: threading.Event) -> None:
        root = self.routes()
        self._outcomes.clear()
        self._receivers = {
            name: Receiver(name, self.urls[name], self._render, self._done)
            for name in sorted(root.receivers() & self.urls.keys())
        }
        groups, seq = self._load(root)
        log.info("notify.active", holder=self.holder, receivers=sorted(self._receivers), seq=seq)
        self.figures["notify_leading"] = 1
        fence, renewal, settled, mutes = (LEASE, token), 0.0, 0.0, 0.0
        told_to = -1  # not written down yet by this notifier
        while not stopping.is_set():
            now = time.monotonic()
            if now >= renewal:
                if not self.leases.renew(LEASE, token, self.clock(), LEASE_S):
                    raise Conflict("the lease of the notifier was taken over")
                renewal = now + LEASE_S / 4
            seq = self._hear(groups, seq)
            if now >= mutes:
                groups.mute(self.muting.all_of(list(groups.firing().values()), self.clock()), time.monotonic())
                took_s = time.monotonic() - now
                mutes = now + max(SETTLE_S, 20 * took_s)  # with very many open alerts it must not fill the time
            for notice in groups.due(time.monotonic()):
                self._hand_over(notice)
            sent = self._take_outcomes(groups)
            oldest = groups.oldest_pending() if now >= settled else None
            cursor = (seq if oldest is None else oldest - 1) if now >= settled else None
            if sent or (cursor is not None and cursor != told_to):
                self.store.save(sent, self.clock(), cursor, fence)
                told_to = told_to if cursor is None else cursor
            if now >= settled:
                settled = now + SETTLE_S
                if self.routes() != root:
                    return
            if not self._outcomes:
                wait_s = min(SETTLE_S, groups.next_due() - time.monotonic())
                if wait_s > 0 and self._wake.wait(wait_s):
                    self._wake.clear()

    def _load(self, root: Route) -> tuple[Grouping, int]:
        """The groups as they stand: what was told, what is open, and what came and went since."""
        groups, wall, now = Grouping(root), self.clock(), time.monotonic()
        newest, cursor = self.store.newest(), self.store.cursor()

        def steady(at: datetime) -> float:
            return now - max(0.0, (wall - at).total_seconds())

        for one in self.store.logged(root):
            groups.restore(one.place, one.record, steady(one.sent_at))
        told = groups.told_ids()
        open_now = {alert.id: alert for alert in self.alerts.open_alerts()}
        for alert in sorted(open_now.values(), key=lambda alert: alert.fired_at):
            # not told yet, so that the cursor must not pass it: it may be over when the next notifier looks
            groups.add(alert, steady(alert.updated_at if alert.id in told else alert.fired_at), cursor + 1)
        for alert_id in sorted(told - open_now.keys()):
            ended = self.alerts.get(alert_id)
            if ended is not None:
                groups.add(ended, steady(ended.resolved_at or ended.closed_at or wall))
        while cursor < newest:
            heard, cursor = self.store.changes_after(cursor, AT_ONCE)
            for change in heard:
                if change.alert.id not in open_now and change.alert.id not in told:
                    groups.add(change.alert, steady(change.at), change.seq)
        groups.in_order()
        return groups, max(cursor, newest)

    def _hear(self, groups: Grouping, seq: int) -> int:
        """Take in what was committed after `seq`; the number reached. What is muted is so before it can be due."""
        while True:
            heard, reached = self.store.changes_after(seq, AT_ONCE)
            now = time.monotonic()
            if heard:
                changed = {change.alert.id: change.alert for change in heard}
                muted = self.muting.some_of(list(changed.values()), self.clock())
                groups.mute((groups.muted - changed.keys()) | muted, now)
            for change in heard:
                groups.add(change.alert, now, change.seq)
            if reached - seq < AT_ONCE:  # fewer than were asked for: these were all
                return reached
            seq = reached

    def _hand_over(self, notice: Notice) -> None:
        receiver = self._receivers.get(notice.place.route.receiver)
        if receiver is None:  # it has no address: there is nobody to tell
            self._outcomes.append(Outcome(notice, ""))
        else:
            receiver.send(notice)

    def _take_outcomes(self, groups: Grouping) -> list[tuple[Place, Record | None]]:
        sent: list[tuple[Place, Record | None]] = []
        while self._outcomes:
            outcome = self._outcomes.popleft()
            if outcome.problem:
                groups.failed(outcome.notice, time.monotonic())
                self.figures["notify_failed"] += 1
            else:
                sent.append((outcome.notice.place, groups.sent(outcome.notice, time.monotonic())))
                self.figures["notifications"] += 1
        return sent

    def _render(self, notice: Notice) -> bytes:
        return webhook_body(notice, self.clock(), self.base_url)

    def _done(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        self._wake.set()

    def _end_receivers(self) -> None:
        for receiver in self._receivers.values():
            receiver.stop()
        self._receivers = {}

    def _listen(self, stopping: threading.Event) -> None:
        """Wake the loop when the stream of events grows; without Redis, now and then."""
        last = "$"
        while not stopping.is_set():
            try:
                if last == "$":
                    last = self._newest_entry()
                found: Any = self.client.xread({EVENTS: last}, count=1, block=1000)
                if found:
                    self._wake.set()
                    first, last = found_id(found), self._newest_entry()
                    if last != first:  # more came, perhaps after the loop had looked
                        self._wake.set()
            except redis.RedisError:
                last = "$"
                self._wake.set()
                stopping.wait(LOOK_S)

    def _newest_entry(self) -> str:
        newest: Any = self.client.xrevrange(EVENTS, count=1)
        return str(newest[0][0].decode()) if newest else "0-0"


def found_id(found: Any) -> str:
    """The id of the one entry that a reading of one stream gave; its answer is a list or, in RESP3, a mapping."""
    entries = next(iter(found.values())) if isinstance(found, dict) else found[0][1]
    while isinstance(entries[0], list) and entries[0] and isinstance(entries[0][0], list | tuple):
        entries = entries[0]
    return str(entries[0][0].decode())
