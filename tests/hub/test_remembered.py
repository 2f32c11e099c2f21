"""An answer made once for all who ask, and again after an event or after its time."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from hub.api import remembered
from hub.api.remembered import UntilNextEvent


class Clockwork:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seq, self.now_s, self.made = 1, 100.0, 0
        monkeypatch.setattr(remembered.time, "monotonic", lambda: self.now_s)
        self.services: Any = SimpleNamespace(last_event=lambda: self.seq)

    def make(self) -> int:
        self.made += 1
        return self.made


def test_made_again_after_an_event_and_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at = Clockwork(monkeypatch)
    held = UntilNextEvent(at.services, at.make, seconds=2.0)
    assert held.get() == held.get() == (1, 1)
    at.seq = 2
    assert held.get() == (2, 2)
    at.now_s += 2.1
    assert held.get() == (2, 3)


def test_an_answer_that_could_not_be_made_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    at = Clockwork(monkeypatch)
    troubles = [OSError("away"), None]

    def make() -> int:
        trouble = troubles.pop(0)
        if trouble:
            raise trouble
        return at.make()

    held = UntilNextEvent(at.services, make)
    with pytest.raises(OSError, match="away"):
        held.get()
    assert held.get() == (1, 1)


def test_two_hundred_screens_cause_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    at = Clockwork(monkeypatch)
    held, found = UntilNextEvent(at.services, at.make), list[tuple[int, Any]]()
    threads = [threading.Thread(target=lambda: found.append(held.get())) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(1, 1)] * 200
