"""What time alone does to alerts that exist: escalate, take off the shelf, end chattering, put away."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.chatter import settled
from alerts.handling import EscalationStep, Handling
from alerts.inhibition import Inhibition
from alerts.lifecycle import ENGINE
from alerts.model import Alert, AlertChange, Level, is_over, revised
from alerts.ports import AlertStore, SilenceStore
from alerts.standing import Standing, standings

Fence = tuple[str, int] | None
JUMP_S = 30.0
CHUNK = 500
CLOSE_EVERY = timedelta(minutes=1)
LOOK_AGAIN = timedelta(seconds=10)
_TOLD = frozenset({"Actual", "Exercise"})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What upkeep asks of others: silences, inhibitions, the incidents still open, and a clock that never jumps."""

    silences: SilenceStore
    inhibitions: Callable[[], Sequence[Inhibition]]
    open_incidents: Callable[[], Collection[str]]
    steady_s: Callable[[], float]


class Upkeep:
    """One engine's; call `tick` every second under the fence of the rules.

    Each step is stored once however many engines die on the way: the store takes an escalation only as the next after
    the last one stored. When the clock on the wall jumps, what is running goes on as if it had not.
    """

    def __init__(self, store: AlertStore, handling: Handling, around: Surroundings) -> None:
        self._store, self._handling, self._around = store, handling, around
        self._last: tuple[datetime, float] | None = None
        self._shifts: dict[tuple[str, datetime], timedelta] = {}  # (alert, moment) → by how much the clock has moved
        self._muted_until: dict[str, datetime] = {}
        self._next_close: datetime | None = None

    def tick(self, now: datetime, fence: Fence = None) -> list[AlertChange]:
        """Everything due at `now`, committed."""
        alerts = self._store.open_alerts()
        self._mind_the_clock(alerts, now)
        special = (alert for alert in alerts if alert.chattering_since is not None or alert.shelved_until is not None)
        changes = [change for alert in special if (change := self._due(alert, now)) is not None]
        changes += self._escalations(alerts, {change.alert.id for change in changes}, now)
        changes += self._closings(now)
        for start in range(0, len(changes), CHUNK):
            self._store.apply(changes[start : start + CHUNK], None, fence)
        return changes

    def _due(self, alert: Alert, now: datetime) -> AlertChange | None:
        if alert.chattering_since is not None:
            limit = self._handling.chatter_limit(alert)
            quiet_s = limit.quiet_s if limit is not None else 0.0
            if self._since(alert, alert.flapped_at or alert.chattering_since, now) >= quiet_s:
                return settled(alert, now)
        if alert.shelved_until is not None and self._since(alert, alert.shelved_until, now) >= 0:
            return unshelved(alert, now, ENGINE, "搁置到时间,自动恢复")
        return None

    def _escalations(self, alerts: Sequence[Alert], busy: Collection[str], now: datetime) -> list[AlertChange]:
        due: list[tuple[Alert, EscalationStep]] = []
        latest = {
            level: [now - timedelta(seconds=step.after_s) for step in self._handling.steps(level)] for level in Level
        }
        for alert in alerts:  # ten thousand a second: the cheap questions first
            if alert.acknowledged_at is not None or alert.escalation >= len(latest[alert.level]):
                continue
            since = alert.waiting_since or alert.fired_at
            if self._shifts:
                since += self._shifts.get((alert.id, since), timedelta())
            if (
                since <= latest[alert.level][alert.escalation]
                and self._may_escalate(alert, now)
                and alert.id not in busy
            ):
                due.append((alert, self._handling.steps(alert.level)[alert.escalation]))
        heard = self._audible(due, alerts, now)
        return [_escalated(alert, step, now) for alert, step in due if alert.id in heard]

    def _may_escalate(self, alert: Alert, now: datetime) -> bool:
        return alert.shelved_until is None and alert.status in _TOLD and not is_over(alert, now)

    def _audible(
        self, due: Sequence[tuple[Alert, EscalationStep]], alerts: Sequence[Alert], now: datetime
    ) -> Collection[str]:
        """Those of `due` that nothing silences or inhibits; the others are looked at again a little later."""
        waiting = self._muted_until
        asked = [alert for alert, _ in due if not now < waiting.get(alert.id, now) <= now + LOOK_AGAIN]
        if not asked:
            return ()
        silences, inhibitions = self._around.silences.active(now), self._around.inhibitions()
        # without inhibitions only those asked about matter; with them, all that fires is a possible source
        found: Mapping[str, Standing] = standings(alerts if inhibitions else asked, silences, inhibitions, now)
        muted = {alert.id for alert in asked if found[alert.id].mutes}
        kept = {name: until for name, until in waiting.items() if now < until <= now + LOOK_AGAIN}
        self._muted_until = kept | dict.fromkeys(muted, now + LOOK_AGAIN)
        return {alert.id for alert in asked} - muted

    def _closings(self, now: datetime) -> list[AlertChange]:
        next_close = self._next_close
        if not self._handling.close_after_s or (next_close and now < next_close <= now + CLOSE_EVERY):
            return []
        self._next_close = now + CLOSE_EVERY
        before = now - timedelta(seconds=self._handling.close_after_s)
        why = f"结束已满 {self._handling.close_after_s / 3600:g} 小时"
        old = self._store.closable(before, self._around.open_incidents(), CHUNK)
        if len(old) == CHUNK:
            self._next_close = None  # there are more
        return [closed(alert, now, ENGINE, why) for alert in old]

    def _since(self, alert: Alert, moment: datetime, now: datetime) -> float:
        """Seconds that have truly gone by since `moment`, which was written by the clock of that time."""
        return (now - moment - self._shifts.get((alert.id, moment), timedelta())).total_seconds()

    def _mind_the_clock(self, alerts: Sequence[Alert], now: datetime) -> None:
        steady_s = self._around.steady_s()
        if self._last is not None:
            jump = (now - self._last[0]) - timedelta(seconds=steady_s - self._last[1])
            if abs(jump.total_seconds()) > JUMP_S:
                self._shift(alerts, jump)
        self._last = now, steady_s

    def _shift(self, alerts: Sequence[Alert], jump: timedelta) -> None:
        shifts: dict[tuple[str, datetime], timedelta] = {}
        for alert in alerts:
            moments = (alert.waiting_since or alert.fired_at, alert.shelved_until, alert.flapped_at)
            for moment in filter(None, moments):
                shifts[alert.id, moment] = self._shifts.get((alert.id, moment), timedelta()) + jump
        self._shifts = shifts


def unshelved(alert: Alert, now: datetime, who: str, why: str) -> AlertChange:
    """Off the shelf; whoever should acknowledge it has the full time again."""
    after = revised(
        alert, now, shelved_until=None, shelved_by=None, shelved_why=None, waiting_since=now, escalation=0
    )  # fmt: skip
    return AlertChange(after, "unshelved", now, who, why)


def closed(alert: Alert, now: datetime, who: str, why: str) -> AlertChange:
    """Put away; what was not over ends with it, and it is said that a person ended it."""
    end = {} if alert.resolved_at else {"resolved_at": now, "resolved_why": f"人工关闭:{why}"}
    return AlertChange(
        revised(alert, now, closed_at=now, closed_by=who, closed_why=why, **end), "closed", now, who, why
    )


def _escalated(alert: Alert, step: EscalationStep, now: datetime) -> AlertChange:
    to = "、".join(step.to)
    after = revised(alert, now, escalation=alert.escalation + 1, escalated_at=now, escalated_to=to)
    what = f"{step.after_s / 60:.3g} 分钟无人确认,第 {after.escalation} 步上报:{to}"
    return AlertChange(after, "escalated", now, ENGINE, what)
