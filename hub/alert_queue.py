"""Reports that arrive together share one commit: a thread settles what waits, and every sender is answered after it."""

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field

from alerts.feeds.repeated import Decision
from geodata.errors import Conflict
from hub.alert_store import DbAlertStore, Settling

TOGETHER = 500  # requests of one commit
_TRIES = 3


@dataclass(slots=True)
class _Waiting:
    work: Settling
    done: "Future[Decision]" = field(default_factory=Future)


class AlertQueue:
    """`settle` returns when the work is committed. The thread begins with the first work and is a daemon: what was
    not committed was not answered."""

    def __init__(self, store: DbAlertStore) -> None:
        self._store = store
        self._waiting: list[_Waiting] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(self, work: Settling) -> "Future[Decision]":
        """The decision once it is durable, or the error that kept it from being stored."""
        one = _Waiting(work)
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="alert-queue", daemon=True)
                self._thread.start()
            self._waiting.append(one)
            self._changed.notify()
        return one.done

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                batch, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            self._settle(batch)

    def _settle(self, batch: list[_Waiting]) -> None:
        try:
            decisions = self._store.settle([one.work for one in batch])
        except Exception as problem:
            for one in batch:  # one bad neighbour must not spoil the others
                self._alone(one, problem if len(batch) == 1 and not isinstance(problem, Conflict) else None)
            return
        for one, decision in zip(batch, decisions, strict=True):
            one.done.set_result(decision)

    def _alone(self, one: _Waiting, problem: Exception | None) -> None:
        for _ in range(_TRIES if problem is None else 0):
            try:
                one.done.set_result(self._store.settle([one.work])[0])
                return
            except Conflict as conflict:  # another process opened the same condition: decide over what is open now
                problem = conflict
            except Exception as other:
                problem = other
                break
        one.done.set_exception(problem or Conflict("没有保存;请重发"))
