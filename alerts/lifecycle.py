"""What a level move means for an alert, and how a change meets the stored one. Pure functions."""

from dataclasses import dataclass, replace
from datetime import datetime

from alerts.model import Alert, AlertChange, Level, revised
from alerts.native_levels import severity_of
from alerts.rules import LevelStep, Rule
from alerts.sensors import SensorInfo
from geodata.clock import epoch_ms, new_id
from geodata.errors import Conflict

ENGINE = "engine"
DRILL_OVER = "演练结束"
EXPIRED = "已到失效时间"
STALE = "/stale"
# what each kind of change may write: an acknowledgement made elsewhere meanwhile is never undone by a reading
MEASURED = ("level", "native_level", "severity", "headline", "value", "threshold")
_CHATTER = ("onsets_ms", "chattering_since", "flapped_at", "held")
_SHELF = ("shelved_until", "shelved_by", "shelved_why")
_END = ("resolved_at", "resolved_why")
_CLOSING = ("closed_at", "closed_by", "closed_why")
_WAITING = ("acknowledged_at", "acknowledged_by", "waiting_since", "escalation", "escalated_at", "escalated_to")
OWNED = {
    "level": (*MEASURED, *_CHATTER, "urgency", "certainty"),
    "value": ("value", "headline", "flapped_at", "held", "expires_at"),
    "resolved": (*_END, *_CHATTER, "value"),
    "cancelled": (*_END, "sent_at"),  # of the message that ended it: an update overtaken by it changes nothing
    "reopened": (*_END, *_CLOSING, *MEASURED, *_CHATTER, "description", "reopened", "reopened_at", "expires_at"),
    "chattering": _CHATTER,
    "quiet": _CHATTER,
    "acknowledged": ("acknowledged_at", "acknowledged_by"),
    "escalated": ("escalation", "escalated_at", "escalated_to"),
    "shelved": _SHELF,
    "unshelved": (*_SHELF, "waiting_since", "escalation"),
    "closed": (*_CLOSING, *_END),
    "linked": ("incident_id",),
    "unlinked": ("incident_id",),
}
_AFTER_THE_END = frozenset({"linked", "unlinked", "closed", "reopened"})
_CONDITION = frozenset({"level", "value", "updated", "chattering"})
_CAP_OWNED = (
    *MEASURED, "urgency", "certainty", "native_level", "description", "event", "identifier", "sender", "sent_at",
    "lon", "lat", "area", "place", "county", "labels", "expires_at", "onset_at", "status",
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
    is_partial: bool = False  # of a window: parts of it are not known


def dedup_key(rule_id: str, sensor_id: str, exercise: str = "") -> str:
    """One condition, one key; a drill's is its own, so that it can never swallow a real one."""
    return f"rule:{rule_id}:{sensor_id}" + (f":exercise:{exercise}" if exercise else "")


def step_of(rule: Rule, level: Level) -> LevelStep:
    return next(step for step in rule.levels if step.level == level)


def number_text(value: float | None, unit: str) -> str:
    """A value with its unit as people read it."""
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
        severity=rule.severity or severity_of(move.level),
        urgency=rule.urgency,
        certainty=rule.certainty,
        description=f"{rule.title}。阈值出处:{rule.source}",
        value=move.value,
        threshold=step.at,
    )
    return AlertChange(alert, "fired", now, ENGINE, f"{sensor.name} {number_text(move.value, rule.unit)}")


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
        severity=move.rule.severity or severity_of(move.level),
    )
    return AlertChange(after, "level", now, ENGINE, f"级别{way}:{alert.native_level} → {step.native}")


def revalued(
    alert: Alert, rule: Rule, sensor: SensorInfo, value: float, now: datetime, is_partial: bool = False
) -> AlertChange:
    """The open alert with a newer value at the same level."""
    move = Move(rule, sensor, alert.level, value, alert.onset_at, is_partial=is_partial)
    after = revised(alert, now, value=value, headline=_headline(move, step_of(rule, alert.level)))
    return AlertChange(after, "value", now, ENGINE)


def resolved(alert: Alert, why: str, now: datetime, value: float | None = None) -> AlertChange:
    """The alert ended at `now`, and why."""
    kept = alert.value if value is None else value
    calm = {"chattering_since": None, "flapped_at": None, "held": None}
    after = revised(alert, now, resolved_at=now, resolved_why=why, value=kept, **calm)
    return AlertChange(after, "resolved", now, ENGINE, why)


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
        severity=severity_of(Level.BLUE),
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
        unit=rule.unit or None,
        lon=sensor.lon,
        lat=sensor.lat,
        place=sensor.name,
        county=sensor.county,
        onsets_ms=(epoch_ms(now),),
        waiting_since=now,
    )


def _headline(move: Move, step: LevelStep) -> str:
    known = "(窗口内数据不全,只计已知部分)" if move.is_partial else ""
    value = number_text(move.value, move.rule.unit)
    return f"{move.sensor.name} {move.rule.title} {value}{known},{_reached(move, step)}{step.native}"


def _reached(move: Move, step: LevelStep) -> str:
    """A level is left only beyond its deadband and hold: until then its value may be short of it again."""
    sign = -1.0 if move.rule.direction == "below" else 1.0
    return "未退出" if move.value is not None and sign * move.value < sign * step.at else "达到"


def merged(stored: Alert, change: AlertChange) -> Alert | None:
    """`stored` with what `change` may write; None when it may write nothing any more.

    A level that rises, or a condition that comes back worse, takes the acknowledgement and the shelf back: somebody
    must look again. Raises `Conflict` when a rule goes on with an alert that was ended elsewhere, or reopens one that
    a person has closed or reopened: its condition stands, so the rule has to begin again from what is stored.
    """
    over = stored.resolved_at is not None or stored.closed_at is not None
    gone_on = over and change.kind in _CONDITION and stored.source == "rule"
    back = change.kind == "reopened" and change.who == ENGINE and (not over or stored.closed_at is not None)
    if gone_on or back:
        raise Conflict(f"告警 {stored.id} 已在别处结束或重新打开;请重新读取后再写")
    if (over and change.kind not in _AFTER_THE_END) or _came_too_late(stored, change):
        return None
    names = OWNED.get(change.kind, _CAP_OWNED)
    if change.kind == "level" and stored.source == "cap":
        names = _CAP_OWNED
    values = {name: getattr(change.alert, name) for name in names}
    if change.kind == "reopened":
        values["reopened"] = stored.reopened + 1
    if change.kind in ("level", "reopened", "updated") and change.alert.level > stored.level:
        values |= dict.fromkeys((*_WAITING, *_SHELF)) | {"waiting_since": change.at, "escalation": 0}
        values["escalated_to"] = ""
    elif change.kind == "reopened":
        values |= {"waiting_since": change.at, "escalation": 0}
    return revised(stored, change.at, **values)


def _came_too_late(stored: Alert, change: AlertChange) -> bool:
    """Whether what time or a person did rests on something that is no longer so."""
    wanted = change.alert
    changed = change.who == ENGINE and wanted.version != stored.version + 1  # time acts on what it has seen, or again
    match change.kind:
        case "escalated":  # once each step, and only while nobody has seen it
            return stored.acknowledged_at is not None or stored.escalation != wanted.escalation - 1
        case "unshelved":
            return stored.shelved_until is None or changed
        case "closed":
            return stored.closed_at is not None or changed
        case "acknowledged":
            return stored.acknowledged_at is not None
        case "reopened":
            return stored.resolved_at is None
        case "resolved" if wanted.resolved_why == EXPIRED:  # its sender has moved the end meanwhile
            return stored.expires_at is not None and stored.expires_at > change.at
        case "resolved":  # it chattered, was quiet, and has come back meanwhile
            return stored.source != "rule" and stored.chattering_since is not None and stored.held is None and changed
    return False
