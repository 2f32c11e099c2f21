"""What an officer does with silences: look, try, make, end."""

from collections.abc import Callable, Sequence
from datetime import datetime

from alerts.labels import labels_of
from alerts.matchers import all_match, parse_matchers
from alerts.model import Alert, Level
from alerts.ports import SilenceStore
from alerts.silences import Silence, new_silence


class SilenceDesk:
    """Silences over a store; `alerts` gives the open ones."""

    def __init__(self, store: SilenceStore, alerts: Callable[[datetime], Sequence[Alert]]) -> None:
        self._store, self._alerts = store, alerts

    def listed(self, limit: int = 200) -> list[Silence]:
        """Newest first."""
        return self._store.listed(limit)

    def active(self, now: datetime) -> list[Silence]:
        return self._store.active(now)

    def silence(
        self, matchers: Sequence[str], starts_at: datetime, ends_at: datetime, who: str, reason: str, now: datetime
    ) -> Silence:
        """Make one; `who` owns it."""
        made = new_silence(parse_matchers(matchers), starts_at, ends_at, who, reason, now)
        self._store.add(made)
        return made

    def end(self, silence_id: str, who: str, reason: str, now: datetime) -> Silence:
        """End it before its time; the second to do so gets `Conflict`."""
        return self._store.end(silence_id, who, reason or "提前结束", now)

    def preview(self, matchers: Sequence[str], now: datetime) -> tuple[list[Alert], int]:
        """The open alerts that such a silence would hold, and how many of them are red (which stay on the screen)."""
        wanted = parse_matchers(matchers)
        held = [alert for alert in self._alerts(now) if all_match(wanted, labels_of(alert))]
        return held, sum(alert.level is Level.RED for alert in held)
