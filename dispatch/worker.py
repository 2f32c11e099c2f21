"""The worker: sends due messages in parallel, stores what became of them, calls deputies when time is up."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

from dispatch.calling import new_row
from dispatch.ports import Channel, Message, SendResult
from dispatch.stores import MAX_CLAIMS, AttemptStore, DueAttempt, NewRow, Outcome, OverdueRow

MAX_TRIES = MAX_CLAIMS
FIRST_RETRY_S, LONGEST_RETRY_S = 5.0, 120.0
THREADS = 16
GRACE_S = 2.0
LEASE_S, RENEW_S = 10.0, 3.0


class CallWorker:
    """One of any number of workers. `holder` names it in leases; every decision is taken at the `now` it is given."""

    def __init__(
        self, store: AttemptStore, channels: Mapping[str, Channel], holder: str, clock: Callable[[], datetime]
    ) -> None:
        self._store, self._channels, self._holder, self._clock = store, channels, holder, clock
        # a pool for each channel: one that hangs does not hold up the others
        self._pools = {
            key: ThreadPoolExecutor(THREADS, thread_name_prefix=f"call-{key}")
            for key, channel in channels.items()
            if channel.configured
        }

    def close(self) -> None:
        """Wait for messages being sent, then end the threads."""
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)

    def take_over(self, is_gone: Callable[[str], bool], now: datetime) -> int:
        """Free the messages of workers that are certainly dead, so that nobody waits for a lease; how many."""
        return self._store.release_gone(is_gone, now)

    def run_due(self, now: datetime, limit: int = 200) -> int:
        """Claim and send up to `limit` due messages; how many were claimed. Returns when each has a stored result.

        The claims are leases of ten seconds, renewed while messages are being sent: a killed worker's are soon free.
        """
        due = self._store.claim(now, limit, self._holder, LEASE_S)
        waiting: dict[Future[SendResult], DueAttempt] = {}
        started: dict[str, float] = {}
        ready: list[Outcome] = []
        for attempt in due:
            channel = self._channels.get(attempt.channel)
            pool = self._pools.get(attempt.channel)
            if channel is None or pool is None:
                ready.append(Outcome(attempt, False, "渠道没有配置"))
                continue
            waiting[pool.submit(self._send, channel, attempt, started)] = attempt
        begun = time.monotonic()
        renew_at = begun + RENEW_S
        while waiting or ready:
            if ready:
                self._store.finish(ready, now)
            done, _ = wait(waiting, timeout=0.1, return_when=FIRST_COMPLETED)
            ready = [self._outcome(waiting.pop(future), future.result(), now) for future in done]
            ready += self._given_up(waiting, started, begun, len(due), now)
            if waiting and time.monotonic() >= renew_at:
                self._store.renew(list(waiting.values()), self._holder, self._clock(), LEASE_S)
                renew_at = time.monotonic() + RENEW_S
        return len(due)

    def escalate(self, now: datetime, limit: int = 200) -> int:
        """Call the deputies of everybody who did not confirm in time or could not be reached; how many rows."""
        count = 0
        for overdue in self._store.overdue(now, limit):
            deputy, note = self._deputy(overdue)
            count += self._store.escalate(overdue, deputy, note, now)
        return count

    def _send(self, channel: Channel, attempt: DueAttempt, started: dict[str, float]) -> SendResult:
        started[attempt.id] = time.monotonic()
        text = attempt.long_message if channel.long_text else attempt.message
        message = Message(attempt.id, attempt.address, attempt.title, text, attempt.link, attempt.exercise)
        try:
            return channel.send(message)
        except Exception as error:  # a channel's fault is this message's result, never the worker's end
            return SendResult(False, f"渠道出错({type(error).__name__})")

    def _outcome(self, attempt: DueAttempt, result: SendResult, now: datetime) -> Outcome:
        if result.ok or attempt.claim >= MAX_TRIES:
            return Outcome(attempt, result.ok, result.detail)
        wait_s = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** (attempt.claim - 1))
        detail = f"第 {attempt.claim} 次未送出:{result.detail};{wait_s:.0f} 秒后重试"
        return Outcome(attempt, False, detail, now + timedelta(seconds=wait_s))

    def _given_up(
        self,
        waiting: dict[Future[SendResult], DueAttempt],
        started: Mapping[str, float],
        begun: float,
        claimed: int,
        now: datetime,
    ) -> Sequence[Outcome]:
        """Messages past their channel's time-out, to be retried under the same id."""
        found = []
        rounds = math.ceil(claimed / THREADS) + 1
        for future, attempt in list(waiting.items()):
            allowed = self._channels[attempt.channel].timeout_s + GRACE_S
            since = started.get(attempt.id)
            late = time.monotonic() - (since if since is not None else begun) > (allowed if since else allowed * rounds)
            if late:
                future.cancel()
                del waiting[future]
                found.append(self._outcome(attempt, SendResult(False, "网关超时,是否送达不明"), now))
        return found

    def _deputy(self, overdue: OverdueRow) -> tuple[NewRow | None, str]:
        row = overdue.row
        why = "各渠道均未送出" if row.state.value == "failed" else f"{overdue.confirm_within_s} 秒内未确认"
        person = self._store.person(overdue.deputy_id) if overdue.deputy_id else None
        if person is None:
            return None, f"{why};名录中没有副职,请人工联系"
        deputy = new_row(
            person,
            self._channels,
            role=row.role,
            why=f"{row.unit}{row.name} {why},作为副职被转呼",
            confirm_within_s=overdue.confirm_within_s,
            escalated_from=row.id,
        )
        return deputy, why
