"""What a condition's coming and going means for its alert: the same one again, a new one, or mere chattering."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from alerts.handling import ChatterLimit, Handling
from alerts.lifecycle import DRILL_OVER, ENGINE, MEASURED, resolved
from alerts.model import Alert, AlertChange, Level, revised
from alerts.ports import AlertStore
from geodata.clock import epoch_ms

KEPT_ONSETS = 20
_MANY = 5_000
_FRESH = (*MEASURED, "urgency", "certainty", "description")


class Conditions:
    """The open alerts by condition, and those that ended lately; `take` applies a step to them.

    Give it what the condition did (fired, level, value, resolved); `changes` is what becomes of that.
    """

    def __init__(
        self, alerts: Mapping[str, Alert], recent: Mapping[str, Alert], handling: Handling, now: datetime
    ) -> None:
        self.open, self.recent = dict(alerts), dict(recent)
        self.changes: list[AlertChange] = []
        self._handling, self._now = handling, now

    def take(self, change: AlertChange) -> None:
        """`change` as the policy has it; nothing when it changes nothing that is told."""
        key = change.alert.dedup_key
        for step in self._steps(change, key):
            self.changes.append(step)
            if step.alert.resolved_at is None:
                self.open[key] = step.alert
                self.recent.pop(key, None)
            else:
                self.open.pop(key, None)
                self.recent[key] = step.alert

    def stands(self, alert: Alert) -> None:
        """The condition is (again) at the level that its open alert has."""
        if alert.held is not None:
            self.take(_held(alert, None, self._now))

    def _steps(self, change: AlertChange, key: str) -> list[AlertChange]:
        if change.kind == "fired":
            last = self.recent.get(key)
            if last is None or not comes_back(last, self._handling, self._now):
                return [change]
            return checked(reopened(last, change.alert, self._now, ENGINE), self._handling)
        known = self.open.get(key)
        if known is None or change.kind not in ("level", "resolved"):
            return [change]
        if known.chattering_since is None:
            return [change] if change.kind == "resolved" else checked(_risen(known, change), self._handling)
        return _while_chattering(known, change)


def recently_over(store: AlertStore, handling: Handling, now: datetime) -> dict[str, Alert]:
    """The rule alerts whose conditions may still come back, by condition: the latest of each."""
    if not handling.reopen_within_s:
        return {}
    since = now - timedelta(seconds=handling.reopen_within_s)
    return {alert.dedup_key: alert for alert in store.recently_resolved(since) if alert.source == "rule"}


def pruned(recent: dict[str, Alert], handling: Handling, now: datetime) -> dict[str, Alert]:
    """`recent` without what has been over for too long; now and then, since it only costs memory."""
    if len(recent) < _MANY:
        return recent
    return {key: alert for key, alert in recent.items() if comes_back(alert, handling, now)}


def comes_back(last: Alert, handling: Handling, now: datetime) -> bool:
    """Whether a condition that is there again is the one that `last` stood for. A closed one stays closed."""
    if last.resolved_at is None or last.closed_at is not None or last.resolved_why == DRILL_OVER:
        return False
    return abs(now - last.resolved_at) <= timedelta(seconds=handling.reopen_within_s) and handling.reopen_within_s > 0


def reopened(last: Alert, fresh: Alert, now: datetime, who: str, why: str = "") -> AlertChange:
    """`last` open again with what is measured in `fresh`."""
    after = revised(
        last, now,
        **{name: getattr(fresh, name) for name in _FRESH},
        resolved_at=None, resolved_why=None, closed_at=None, closed_by=None, closed_why=None,
        reopened=last.reopened + 1, reopened_at=now,
        onsets_ms=(*last.onsets_ms, epoch_ms(now))[-KEPT_ONSETS:],
        chattering_since=None, flapped_at=None, held=None,
    )  # fmt: skip
    if after.level > last.level:
        after = replace(after, acknowledged_at=None, acknowledged_by=None)
    return AlertChange(after, "reopened", now, who, why or f"第 {after.reopened} 次重新出现:{fresh.native_level}")


def _risen(known: Alert, change: AlertChange) -> AlertChange:
    if change.alert.level <= known.level:
        return change
    onsets = (*known.onsets_ms, epoch_ms(change.at))[-KEPT_ONSETS:]
    return replace(change, alert=replace(change.alert, onsets_ms=onsets))


def checked(change: AlertChange, handling: Handling) -> list[AlertChange]:
    """`change`, and that the alert chatters if this coming was one too many."""
    limit = handling.chatter_limit(change.alert)
    if limit is None or change.alert.chattering_since is not None or not _too_often(change.alert, limit, change.at):
        return [change]
    what = f"{limit.within_s / 60:g} 分钟内出现 {limit.count} 次;安静 {limit.quiet_s / 60:g} 分钟后恢复"
    after = revised(change.alert, change.at, chattering_since=change.at, flapped_at=change.at, held=None)
    return [change, AlertChange(after, "chattering", change.at, ENGINE, what)]


def _too_often(alert: Alert, limit: ChatterLimit, now: datetime) -> bool:
    window_ms, now_ms = limit.within_s * 1000, epoch_ms(now)
    return sum(abs(now_ms - onset) <= window_ms for onset in alert.onsets_ms) >= limit.count


def _while_chattering(known: Alert, change: AlertChange) -> list[AlertChange]:
    """Worse is always told; everything else is only remembered."""
    if change.kind == "level" and change.alert.level > known.level:
        after = replace(_risen(known, change).alert, flapped_at=change.at, held=None)
        return [replace(change, alert=after)]
    gone = change.kind == "resolved"
    held: dict[str, Any] = {name: getattr(change.alert, name) for name in MEASURED if name != "value"}
    held |= {"level": 0, "why": change.detail} if gone else {"level": int(change.alert.level)}
    if known.held is not None and known.held["level"] == held["level"]:
        return []
    return [_held(known, held, change.at, change.alert.value)]


def _held(known: Alert, held: Mapping[str, Any] | None, now: datetime, value: float | None = None) -> AlertChange:
    kept = known.value if value is None else value
    return AlertChange(revised(known, now, value=kept, held=held, flapped_at=now), "value", now, ENGINE)


def settled(alert: Alert, now: datetime) -> AlertChange:
    """A chattering alert that has been quiet: as its condition really is now."""
    calm = {"chattering_since": None, "flapped_at": None, "held": None}
    if alert.held is None:
        return AlertChange(revised(alert, now, **calm), "quiet", now, ENGINE, "抖动已停止")
    if not alert.held["level"]:
        return resolved(alert, f"抖动已停止:{alert.held.get('why') or '条件不再成立'}", now)
    now_as = {name: value for name, value in alert.held.items() if name in MEASURED}
    now_as["level"] = Level(alert.held["level"])
    why = f"抖动已停止,级别降低:{alert.native_level} → {alert.held['native_level']}"
    return AlertChange(revised(alert, now, **calm, **now_as), "level", now, ENGINE, why)
