"""Findings into alert changes, by the lifecycle that thresholds have: one condition, one alert, however often found."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from alerts.chatter import Conditions
from alerts.evaluators import Finding
from alerts.handling import Handling
from alerts.lifecycle import ENGINE, Move, fired, levelled, resolved, revalued
from alerts.model import Alert, AlertChange, revised
from alerts.rules import LevelStep
from alerts.sensors import SensorInfo


class FindingDraft(Conditions):
    """Changes over a copy of the open alerts and of those that ended lately; nothing else is touched."""

    def __init__(
        self,
        alerts: Mapping[str, Alert],
        now: datetime,
        recent: Mapping[str, Alert] | None = None,
        handling: Handling | None = None,
    ) -> None:
        super().__init__(alerts, recent or {}, handling or Handling(), now)

    def add_all(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.add(finding)

    def add(self, finding: Finding) -> None:
        """Fire, change or end the alert of `finding`, if that is what it means for the present ones."""
        alert = self.open.get(finding.dedup_key)
        if alert is None:
            if finding.level and finding.is_news:
                self.take(_fired(finding, self._now))
        elif not finding.level:
            self.take(resolved(alert, finding.why or "条件不再成立", self._now, finding.value))
        elif alert.level != finding.level:
            self.take(_levelled(alert, finding, self._now))
        else:
            self.stands(alert)
            self._retell(self.open[finding.dedup_key], finding)

    def _retell(self, alert: Alert, finding: Finding) -> None:
        if alert.description != _description(finding):
            self.take(_retold(alert, finding, self._now))
        elif alert.value != finding.value and finding.value is not None:
            self.take(_revalued(alert, finding, self._now))


def _move(finding: Finding) -> Move:
    """The finding as the lifecycle knows moves: a rule with the one step reached, a sensor in the place's stead."""
    step = LevelStep(finding.level, finding.threshold or 0.0, finding.native)
    rule = replace(finding.rule, levels=(step,), quantity=finding.quantity)
    place = SensorInfo(-1, finding.key, finding.place, "", finding.lon, finding.lat, finding.county)
    return Move(rule, place, finding.level, finding.value, finding.since, finding.exercise)


def _description(finding: Finding) -> str:
    return f"{finding.rule.title}。{finding.why}。出处:{finding.rule.source}"


def _fired(finding: Finding, now: datetime) -> AlertChange:
    change = fired(_move(finding), now)
    alert = replace(
        change.alert,
        headline=finding.headline,
        description=_description(finding),
        sensor=finding.sensor,
        quantity=finding.quantity or None,
        threshold=finding.threshold,
        unit=finding.unit,
        county=finding.county,
    )
    return replace(change, alert=alert, detail=finding.why)


def _levelled(alert: Alert, finding: Finding, now: datetime) -> AlertChange:
    change = levelled(alert, _move(finding), now)
    return replace(change, alert=replace(change.alert, headline=finding.headline, threshold=finding.threshold))


def _retold(alert: Alert, finding: Finding, now: datetime) -> AlertChange:
    """The same level for another reason, or with a part of the evidence gone silent."""
    told = {"description": _description(finding), "headline": finding.headline, "value": finding.value}
    return AlertChange(revised(alert, now, **told), "updated", now, ENGINE, finding.why)


def _revalued(alert: Alert, finding: Finding, now: datetime) -> AlertChange:
    move = _move(finding)
    change = revalued(alert, move.rule, move.sensor, finding.value or 0.0, now)
    return replace(change, alert=replace(change.alert, headline=finding.headline))
