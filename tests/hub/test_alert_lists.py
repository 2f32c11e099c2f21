"""A list while alerts go on firing: what is listed has a standing, whatever came between two looks."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from alerts.standing import standings
from hub.api.alert_lists import AlertLists, Asked
from tests.storm import made_up

NOW = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)


class Firing:
    """A desk on which one more alert is open at every look."""

    def __init__(self) -> None:
        self.alerts = [change.alert for change in made_up(40, NOW)]
        self.looks = 0

    def open(self, now: datetime) -> list[Any]:
        self.looks += 1
        return self.alerts[: self.looks]

    def standings(self, now: datetime, alerts: Any = (), among: Any = None) -> Any:
        every = {one.id: one for one in (*(self.open(now) if among is None else among), *alerts)}
        return standings(list(every.values()), (), (), now)

    def list(self, state: str, limit: int, before: str | None) -> list[Any]:
        return self.open(NOW)


def test_every_listed_alert_has_its_standing_while_more_fire() -> None:
    lists = AlertLists(SimpleNamespace(alerts=Firing()))  # type: ignore[arg-type]
    for state in ("open", "suppressed", "all", "open"):
        page = lists.now(state, Asked(), 1_000, None, NOW)
        assert all(item["standing"]["state"] for item in page["items"])
