"""Conditions that a sender reports again and again until they are over: what each report means for the open alerts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.chatter import checked, comes_back, reopened
from alerts.handling import Handling
from alerts.model import Alert, AlertChange, Level, revised

UNHANDLED = Handling()

REPEATED = frozenset({"prometheus"})  # sources whose alerts live only as long as they are reported
_TOLD = (
    "event", "headline", "description", "level", "native_level", "severity", "urgency", "certainty", "county", "lon",
    "lat", "place", "labels",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decision:
    """`changes` are steps of the alerts' histories; `refreshed` are open alerts of which only the end has moved."""

    changes: Sequence[AlertChange]
    refreshed: Sequence[Alert] = ()


def decide(
    reports: Sequence[Alert], known: Mapping[str, Alert], who: str, now: datetime, handling: Handling = UNHANDLED
) -> Decision:
    """`reports` in the order they came, one with `resolved_at` being the end of its condition; `known`: by key the
    open alerts and those that ended lately. The end of what is not open changes nothing.

    What comes back in time is the same alert again; what comes and goes too often is held open until it is quiet, as
    the rules' alerts are.
    """
    present = dict(known)
    changes: list[AlertChange] = []
    refreshed: dict[str, Alert] = {}
    for report in reports:
        stored = present.get(report.dedup_key)
        if stored is None or stored.resolved_at is not None:
            if report.resolved_at is None:
                steps = _come(report, stored, who, now, handling)
                present[report.dedup_key] = steps[-1].alert
                changes += steps
            continue
        step = _gone(report, stored, who, now) if report.resolved_at is not None else _told(report, stored, who, now)
        if step is not None:
            refreshed.pop(stored.id, None)
            present[report.dedup_key] = step.alert
            changes.append(step)
        elif report.resolved_at is None and report.expires_at != stored.expires_at:
            present[report.dedup_key] = after = replace(stored, expires_at=report.expires_at)
            refreshed[stored.id] = after
    return Decision(changes, tuple(refreshed.values()))


def _come(report: Alert, ended: Alert | None, who: str, now: datetime, handling: Handling) -> list[AlertChange]:
    if ended is None or not comes_back(ended, handling, now):
        return [AlertChange(report, "fired", now, who)]
    back = reopened(ended, report, now, who)
    return checked(replace(back, alert=replace(back.alert, expires_at=report.expires_at)), handling)


def _gone(report: Alert, stored: Alert, who: str, now: datetime) -> AlertChange | None:
    why = report.resolved_why or ""
    if stored.chattering_since is None:
        over = revised(stored, now, resolved_at=now, resolved_why=report.resolved_why, held=None, flapped_at=None)
        return AlertChange(over, "resolved", now, who, why)
    if stored.held is not None:
        return None
    held = {"level": int(Level.NONE), "why": why}  # without an end of its own: its quiet time says when it is over
    after = revised(stored, now, held=held, flapped_at=now, expires_at=None)
    return AlertChange(after, "value", now, who)


def _told(report: Alert, stored: Alert, who: str, now: datetime) -> AlertChange | None:
    """A report of what is open: there again after all, told otherwise, or (None) only told again."""
    if stored.held is not None:
        after = revised(stored, now, held=None, flapped_at=now, expires_at=report.expires_at)
        return AlertChange(after, "value", now, who)
    if any(getattr(report, name) != getattr(stored, name) for name in _TOLD):
        told = {name: getattr(report, name) for name in (*_TOLD, "expires_at")}
        return AlertChange(revised(stored, now, **told), "updated", now, who)
    if report.expires_at != stored.expires_at and stored.updated_at == now and stored.reopened_at == now:
        return AlertChange(revised(stored, now, expires_at=report.expires_at), "updated", now, who)  # twice in one post
    return None
