"""Lists of alerts for the API: by state, level, county, event and matchers, each alert with its standing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.labels import labels_of
from alerts.matchers import Matcher, all_match, parse_matchers
from alerts.model import Alert, AlertState
from alerts.model_json import alert_to_plain
from alerts.pending import waiting, waiting_to_plain
from alerts.standing import Standing, standing_to_plain
from geodata.errors import BadInput
from hub.services import Services

_SCAN, _PAGES = 1_000, 20


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list is asked for; without matchers everything fits."""

    matchers: tuple[Matcher, ...] = ()

    @classmethod
    def of(cls, *, level: str, county: str, event: str, match: Sequence[str]) -> "Asked":
        """From the query. Raises `BadInput` for a matcher that cannot be read."""
        if len(match) > 20:
            raise BadInput("match 最多 20 个")
        named = {"level": level, "county": county, "event": event}
        equal = [Matcher(name, "=", value) for name, value in named.items() if value]
        return cls((*equal, *parse_matchers(match)))

    def fits(self, alert: Alert) -> bool:
        return not self.matchers or all_match(self.matchers, labels_of(alert))


class AlertLists:
    """Plain pages: `items`, `next`, and `total` where it is known."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def now(self, state: str, asked: Asked, limit: int, before: str | None, now: datetime) -> dict[str, Any]:
        desk = self._services.alerts
        if state == "pending":
            return self._pending(asked, limit, now)
        alive = desk.open(now)  # read once: one that fires meanwhile would be listed without a standing
        standings = desk.standings(now, among=alive)
        if state in ("open", "suppressed"):
            wanted = [alert for alert in alive if asked.fits(alert)]
            if state == "suppressed":
                wanted = [alert for alert in wanted if standings[alert.id].state is AlertState.SUPPRESSED]
            return _page(wanted, standings, limit, before, now)
        found, following = self._scan(state, asked, limit, before)
        known = standings | desk.standings(now, found, among=())
        known |= {alert.id: standings[alert.id] for alert in found if alert.id in standings}
        return {"items": [_plain(alert, known, now) for alert in found], "next": following}

    def as_of(self, asked: Asked, limit: int, at: datetime) -> dict[str, Any]:
        """As they stood at a past moment, silences too."""
        desk = self._services.alerts
        then = desk.as_of(at)
        standings = desk.standings(at, among=then)
        return {"items": [_plain(alert, standings, at) for alert in then if asked.fits(alert)][:limit], "next": None}

    def _scan(self, state: str, asked: Asked, limit: int, before: str | None) -> tuple[list[Alert], str | None]:
        """A page of what fits, newest first. A long search stops after a while and says where to go on."""
        desk, found = self._services.alerts, list[Alert]()
        for _ in range(_PAGES):
            size = _SCAN if asked.matchers else limit
            page = desk.list(state, size, before)
            for alert in page:
                before = alert.id
                if asked.fits(alert):
                    found.append(alert)
                    if len(found) == limit:
                        return found, before
            if len(page) < size:
                return found, None
        return found, before

    def _pending(self, asked: Asked, limit: int, now: datetime) -> dict[str, Any]:
        services = self._services
        names = {number: name for name, number in services.registry.numbers().items()}
        listed = waiting(services.alerts.rule_states(), services.rules.rules(), names)
        plain = [waiting_to_plain(one, now) for one in listed]
        fitting = [one for one in plain if all_match(asked.matchers, _labels(one))]
        return {"items": fitting[:limit], "next": None, "total": len(fitting)}


def _labels(plain: Mapping[str, Any]) -> dict[str, str]:
    return {
        "source": "rule",
        "event": plain["event"],
        "level": plain["level"],
        "rule": plain["rule_id"],
        "sensor": plain["sensor"],
    }


def _plain(alert: Alert, standings: Mapping[str, Standing], now: datetime) -> dict[str, Any]:
    return alert_to_plain(alert, now, standing_to_plain(standings[alert.id]))


def _page(
    alerts: Sequence[Alert], standings: Mapping[str, Standing], limit: int, before: str | None, now: datetime
) -> dict[str, Any]:
    """A page of the open alerts, worst first, after the one called `before` (from the start when it has ended)."""
    start = next((place + 1 for place, alert in enumerate(alerts) if alert.id == before), 0)
    page = alerts[start : start + limit]
    more = start + limit < len(alerts)
    items = [_plain(alert, standings, now) for alert in page]
    return {"items": items, "next": page[-1].id if more else None, "total": len(alerts)}
