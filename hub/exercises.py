"""When a drill is over: nothing of it has come for a while, so its alerts must not stay on the screens."""

from collections.abc import Iterable
from datetime import datetime, timedelta

OVER_AFTER = timedelta(seconds=120)


class Exercises:
    """When each drill was last heard. One met for the first time (after a restart too) is given the whole time."""

    def __init__(self, over_after: timedelta = OVER_AFTER) -> None:
        self.over_after = over_after
        self._heard: dict[str, datetime] = {}

    def heard(self, exercise: str, now: datetime) -> None:
        """Readings of this drill came at `now`; "" is no drill."""
        if exercise:
            self._heard[exercise] = now

    def over(self, known: Iterable[str], now: datetime) -> list[str]:
        """Those of the drills `known` to the rules that have been silent too long."""
        ended = [name for name in sorted(known) if now - self._heard.setdefault(name, now) > self.over_after]
        for name in ended:
            del self._heard[name]
        return ended
