"""Conditions that a sender reports again and again until they are over: what each report means for the open alerts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.model import Alert, AlertChange, revised

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


def decide(reports: Sequence[Alert], known: Mapping[str, Alert], who: str, now: datetime) -> Decision:
    """`reports` in the order they came, one with `resolved_at` being the end of its condition; `known`: the open
    alerts by key. The end of what is not open changes nothing."""
    present = dict(known)
    changes: list[AlertChange] = []
    refreshed: dict[str, Alert] = {}
    for report in reports:
        stored = present.get(report.dedup_key)
        if stored is None:
            if report.resolved_at is None:
                present[report.dedup_key] = report
                changes.append(AlertChange(report, "fired", now, who))
        elif report.resolved_at is not None:
            del present[report.dedup_key]
            refreshed.pop(stored.id, None)
            over = revised(stored, now, resolved_at=now, resolved_why=report.resolved_why)
            changes.append(AlertChange(over, "resolved", now, who, report.resolved_why or ""))
        elif any(getattr(report, name) != getattr(stored, name) for name in _TOLD):
            refreshed.pop(stored.id, None)
            told = {name: getattr(report, name) for name in (*_TOLD, "expires_at")}
            present[report.dedup_key] = after = revised(stored, now, **told)
            changes.append(AlertChange(after, "updated", now, who))
        elif report.expires_at != stored.expires_at:
            present[report.dedup_key] = after = replace(stored, expires_at=report.expires_at)
            refreshed[stored.id] = after
    return Decision(changes, tuple(refreshed.values()))
