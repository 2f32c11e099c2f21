"""What a warning message does to the alerts there are: new, duplicate, updated, cancelled."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from alerts.cap import CapMessage
from alerts.model import Alert, AlertChange, revised
from alerts.ports import AlertStore
from geodata.errors import BadInput

Outcome = Literal["new", "duplicate", "updated", "cancelled"]
_NAMES_MAX = 20
Decision = tuple[Outcome, list[Alert], list[AlertChange]]


def decide(message: CapMessage, alerts: Sequence[Alert], store: AlertStore, who: str, now: datetime) -> Decision:
    """The outcome, the alerts the message stands for, and the changes to store. Raises `BadInput` for messages that
    can change nothing (Ack, Error, Draft, a Cancel of something that never came)."""
    if message.status == "Draft":
        raise BadInput("status 为 Draft 的报文是草稿,不能成为预警")
    if message.msg_type in ("Ack", "Error"):
        raise BadInput(f"msgType 为 {message.msg_type} 的报文不产生预警;已记入拒收清单")
    known = [alert for alert in store.by_identifier(message.identifier) if alert.sender == message.sender]
    if known:
        return "duplicate", known, []
    family = _family(message, store)
    if message.msg_type == "Cancel":
        return _cancel(message, family, who, now)
    if message.msg_type == "Update" and _overtaken(message, family):
        return "duplicate", family, []
    alive = [alert for alert in family if alert.resolved_at is None]
    if message.msg_type == "Update" and alive:
        return _update(message, alive, alerts, who, now)
    if message.msg_type == "Update":
        return _update_of_unknown(message, alerts, who, now)
    return "new", list(alerts), [AlertChange(alert, "fired", now, who) for alert in alerts]


def _overtaken(message: CapMessage, family: Sequence[Alert]) -> bool:
    """Whether a message sent later, an update or the cancel, came before this one."""
    newest = max((alert.sent_at for alert in family if alert.sent_at is not None), default=None)
    return newest is not None and message.sent < newest


def _update_of_unknown(message: CapMessage, alerts: Sequence[Alert], who: str, now: datetime) -> Decision:
    """A new alert that also answers to what the update refers to: the first message, should it come after all, is then
    known already, and a cancel that names it finds it."""
    note = "引用的预警本系统没有收到或已结束,按新预警处理"
    names = [identifier for sender, identifier in message.references if sender == message.sender][:_NAMES_MAX]
    changes, found = [], []
    for alert in alerts:
        steps = [replace(alert, identifier=name, version=place) for place, name in enumerate(names, 1)]
        steps.append(replace(alert, version=len(names) + 1))
        changes += [
            AlertChange(one, "updated" if place else "fired", now, who, note) for place, one in enumerate(steps)
        ]
        found.append(steps[-1])
    return "new", found, changes


def _family(message: CapMessage, store: AlertStore) -> list[Alert]:
    """The alerts the message refers to, of the same sender, in the order of their infos. An alert keeps every
    identifier it ever had, so a reference may name the first message or any update."""
    found: dict[str, Alert] = {}
    for sender, identifier in message.references:
        for alert in store.by_identifier(identifier):
            if alert.sender == sender == message.sender and alert.source == "cap":
                found[alert.id] = alert
    return sorted(found.values(), key=lambda alert: alert.id)


def _cancel(message: CapMessage, family: list[Alert], who: str, now: datetime) -> Decision:
    if not family:
        wanted = "、".join(identifier for _, identifier in message.references)
        raise BadInput(f"要解除的预警本系统没有收到,或不是同一发布单位:{wanted[:400]}")
    changes = [
        AlertChange(
            revised(alert, now, resolved_at=now, resolved_why="发布单位解除", sent_at=message.sent),
            "cancelled",
            now,
            who,
            message.identifier,
        )
        for alert in family
        if alert.resolved_at is None and (alert.sent_at is None or alert.sent_at <= message.sent)
    ]
    if not changes and any(alert.resolved_at is None for alert in family):  # an update sent later came before it
        return "duplicate", family, []
    return "cancelled", family, changes


def _update(message: CapMessage, alive: list[Alert], alerts: Sequence[Alert], who: str, now: datetime) -> Decision:
    changes = []
    for old, new in zip(alive, alerts, strict=False):
        after = replace(
            new, id=old.id, dedup_key=old.dedup_key, fired_at=old.fired_at, version=old.version + 1,
            acknowledged_at=old.acknowledged_at, acknowledged_by=old.acknowledged_by, incident_id=old.incident_id,
        )  # fmt: skip
        kind = "level" if new.level != old.level else "updated"
        changes.append(AlertChange(after, kind, now, who, f"{old.native_level} → {new.native_level}"))
    for old in alive[len(alerts) :]:
        gone = revised(old, now, resolved_at=now, resolved_why="更新报文不再包含")
        changes.append(AlertChange(gone, "cancelled", now, who, message.identifier))
    changes += [AlertChange(new, "fired", now, who, message.identifier) for new in alerts[len(alive) :]]
    return "updated", [change.alert for change in changes], changes


def county_named(place: str, codes: Mapping[str, str]) -> str:
    """The code of the county that a warning's areas name, "" when they name none or several. `codes`: name → code."""
    found = {code for name, code in codes.items() if name and name in place}
    return found.pop() if len(found) == 1 else ""
