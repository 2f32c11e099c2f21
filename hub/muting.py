"""Which alerts nobody is to be notified of: silenced, inhibited or shelved ones, asked for all or for a few."""

from collections.abc import Callable, Sequence
from datetime import datetime

from alerts.inhibition import Inhibition
from alerts.labels import labels_of
from alerts.matchers import all_match
from alerts.model import Alert
from alerts.silences import Silence
from alerts.standing import standings


class Muting:
    """`silences` gives those in force at a moment. What inhibits others is remembered from `all_of` for `some_of`."""

    def __init__(
        self, silences: Callable[[datetime], Sequence[Silence]], inhibitions: Callable[[], Sequence[Inhibition]]
    ) -> None:
        self._silences, self._inhibitions = silences, inhibitions
        self._active: Sequence[Silence] = ()
        self._sources: dict[str, Alert] = {}

    def all_of(self, alerts: Sequence[Alert], now: datetime) -> set[str]:
        """The muted among `alerts`, which are all that fire."""
        self._active, rules = self._silences(now), self._inhibitions()
        self._sources = {alert.id: alert for alert in alerts if _is_source(alert, rules)} if rules else {}
        return self._muted(alerts, now)

    def some_of(self, alerts: Sequence[Alert], now: datetime) -> set[str]:
        """The muted among a few that have just changed, by the silences and the inhibiting alerts known so far."""
        rules = self._inhibitions()
        self._sources |= {alert.id: alert for alert in alerts if _is_source(alert, rules)}
        asked = {alert.id for alert in alerts}
        around = [alert for alert in self._sources.values() if alert.id not in asked]
        return self._muted([*alerts, *around], now) & asked

    def _muted(self, alerts: Sequence[Alert], now: datetime) -> set[str]:
        rules = self._inhibitions() if self._sources else ()
        if not self._active and not rules:
            alerts = [alert for alert in alerts if alert.shelved_until is not None]
        return {alert_id for alert_id, one in standings(alerts, self._active, rules, now).items() if one.mutes}


def _is_source(alert: Alert, rules: Sequence[Inhibition]) -> bool:
    labels = labels_of(alert)
    return any(all_match(rule.source, labels) for rule in rules)
