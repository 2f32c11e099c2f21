"""What a level move means for an alert, and how a change meets the stored one. Pure functions."""

from dataclasses import dataclass, replace
from datetime import datetime

from alerts.model import Alert, AlertChange, Level, revised
from alerts.quantities import QUANTITIES
from alerts.rules import LevelStep, Rule
from alerts.sensors import SensorInfo
from geodata.clock import new_id

ENGINE = "engine"
SEVERITY = {
    Level.NONE: "Unknown", Level.BLUE: "Minor", Level.YELLOW: "Moderate", Level.ORANGE: "Severe", Level.RED: "Extreme",
}  # fmt: skip
STALE = "/stale"
# what each kind of change may write: an acknowledgement made elsewhere meanwhile is never undone by a reading
_MEASURED = ("level", "native_level", "severity", "headline", "value", "threshold")
OWNED = {
    "level": (*_MEASURED, "urgency", "certainty"),
    "value": ("value", "headline"),
    "resolved": ("resolved_at", "resolved_why", "value"),
    "cancelled": ("resolved_at", "resolved_why"),
    "acknowledged": ("acknowledged_at", "acknowledged_by"),
    "linked": ("incident_id",),
}
_CAP_OWNED = (
    *_MEASURED, "urgency", "certainty", "native_level", "description", "event", "identifier", "sender", "sent_at",
    "lon", "lat", "area", "place", "expires_at", "onset_at", "status",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Move:
    """One slot's level move, or the telling of its silence. `since` is when the new level was first reached."""

    rule: Rule
    sensor: SensorInfo
    level: Level
    value: float | None
    since: datetime
    exercise: str = ""


def dedup_key(rule_id: str, sensor_id: str, exercise: str = "") -> str:
    """One condition, one key; a drill's is its own, so that it can never swallow a real one."""
    return f"rule:{rule_id}:{sensor_id}" + (f":exercise:{exercise}" if exercise else "")


def step_of(rule: Rule, level: Level) -> LevelStep:
    return next(step for step in rule.levels if step.level == level)


def number_text(value: float | None, quantity: str) -> str:
    """A value with its unit as people read it."""
    unit = QUANTITIES[quantity].unit if quantity in QUANTITIES else ""
    return "无读数" if value is None else f"{value:.6g} {unit}".strip()


def fired(move: Move, now: datetime) -> AlertChange:
    """A new alert for the level that `move` reached."""
    rule, sensor = move.rule, move.sensor
    step = step_of(rule, move.level)
    alert = replace(
        _blank(move, rule.id, now),
        headline=_headline(move, step),
        level=move.level,
        native_level=step.native,
        severity=rule.severity or SEVERITY[move.level],
        urgency=rule.urgency,
        certainty=rule.certainty,
        description=f"{rule.title}。阈值出处:{rule.source}",
        value=move.value,
        threshold=step.at,
    )
    return AlertChange(alert, "fired", now, ENGINE, f"{sensor.name} {number_text(move.value, rule.quantity)}")


def levelled(alert: Alert, move: Move, now: datetime) -> AlertChange:
    """The open alert at its new level."""
    step = step_of(move.rule, move.level)
    way = "升高" if move.level > alert.level else "降低"
    after = revised(
        alert,
        now,
        level=move.level,
        native_level=step.native,
        threshold=step.at,
        value=move.value,
        headline=_headline(move, step),
        severity=move.rule.severity or SEVERITY[move.level],
    )
    return AlertChange(after, "level", now, ENGINE, f"级别{way}:{alert.native_level} → {step.native}")


def revalued(alert: Alert, rule: Rule, sensor: SensorInfo, value: float, now: datetime) -> AlertChange:
    """The open alert with a newer value at the same level."""
    move = Move(rule, sensor, alert.level, value, alert.onset_at)
    after = revised(alert, now, value=value, headline=_headline(move, step_of(rule, alert.level)))
    return AlertChange(after, "value", now, ENGINE)


def resolved(alert: Alert, why: str, now: datetime, value: float | None = None) -> AlertChange:
    """The alert ended at `now`, and why."""
    kept = alert.value if value is None else value
    return AlertChange(revised(alert, now, resolved_at=now, resolved_why=why, value=kept), "resolved", now, ENGINE, why)


def silent(move: Move, now: datetime) -> AlertChange:
    """A sensor that should report and does not: an alert of its own, blue."""
    rule, sensor = move.rule, move.sensor
    minutes = round((now - move.since).total_seconds() / 60)
    alert = replace(
        _blank(move, rule.id + STALE, now),
        event=rule.stale_title,
        headline=f"{sensor.name} {rule.stale_title}:已 {minutes} 分钟没有读数",
        level=Level.BLUE,
        native_level="无数据",
        severity=SEVERITY[Level.BLUE],
        urgency="Expected",
        certainty="Observed",
        description=f"{rule.title}:超过 {rule.stale_after_s:g} 秒没有新读数,当前数值不可信。",
        value=move.value,
    )
    return AlertChange(alert, "fired", now, ENGINE, "无数据")


def _blank(move: Move, rule_id: str, now: datetime) -> Alert:
    rule, sensor = move.rule, move.sensor
    return Alert(
        id=new_id("AL", now),
        dedup_key=dedup_key(rule_id, sensor.id, move.exercise),
        source="rule",
        event=rule.event,
        headline="",
        level=Level.NONE,
        native_level="",
        status="Exercise" if move.exercise else "Actual",
        onset_at=move.since,
        fired_at=now,
        updated_at=now,
        rule_id=rule_id,
        sensor=sensor.id,
        quantity=rule.quantity,
        unit=QUANTITIES[rule.quantity].unit if rule.quantity in QUANTITIES else None,
        lon=sensor.lon,
        lat=sensor.lat,
        place=sensor.name,
    )


def _headline(move: Move, step: LevelStep) -> str:
    return f"{move.sensor.name} {move.rule.title} {number_text(move.value, move.rule.quantity)},达到{step.native}"


def merged(stored: Alert, change: AlertChange) -> Alert | None:
    """`stored` with what `change` may write; None when it may write nothing any more (the alert has ended).

    A level that rises takes the acknowledgement back: somebody must look again.
    """
    if stored.resolved_at is not None and change.kind != "linked":
        return None
    names = OWNED.get(change.kind, _CAP_OWNED)
    if change.kind == "level" and stored.source == "cap":
        names = _CAP_OWNED
    values = {name: getattr(change.alert, name) for name in names}
    if change.kind == "level" and change.alert.level > stored.level:
        values |= {"acknowledged_at": None, "acknowledged_by": None}
    return revised(stored, change.at, **values)
