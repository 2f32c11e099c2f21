"""One line of time for an incident: what its alerts did, what officers did, what called people did."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from alerts.model import Alert
from dispatch.model import Call, Incident
from dispatch.ports import AlertLookup
from dispatch.stores import LogEntry
from geodata.errors import NotFound


def timeline_of(
    incident: Incident, log: Sequence[LogEntry], calls: Sequence[Call], alerts: AlertLookup
) -> list[dict[str, Any]]:
    """Dicts of `at, who, kind, text, detail`, oldest first; equal times keep alert, incident, call order."""
    lines = [line for alert_id in incident.alert_ids for line in _alert_lines(alert_id, alerts)]
    lines += [_line(entry.at, entry.who, entry.kind, entry.text, dict(entry.detail)) for entry in log]
    lines += [line for call in calls for line in _sending_lines(call)]
    return sorted(lines, key=lambda line: line["at"])


def _line(at: datetime, who: str, kind: str, text: str, detail: dict[str, Any]) -> dict[str, Any]:
    return {"at": at, "who": who, "kind": kind, "text": text, "detail": detail}


def _alert_lines(alert_id: str, alerts: AlertLookup) -> list[dict[str, Any]]:
    """The alert's history where the alerts room keeps one, else what the alert itself says."""
    try:
        alert = alerts.get(alert_id)
    except NotFound:
        alert = None
    if alert is None:
        return []
    history = getattr(alerts, "history", None)
    if callable(history):
        return [_history_line(alert, dict(step)) for step in history(alert_id)]
    lines = [_line(alert.fired_at, "system", "alert.fired", alert.headline, {"alert_id": alert_id})]
    if alert.acknowledged_at:
        who = alert.acknowledged_by or ""
        lines.append(_line(alert.acknowledged_at, who, "alert.acknowledged", "告警已确认", {"alert_id": alert_id}))
    if alert.resolved_at:
        text = f"告警解除 {alert.resolved_why or ''}".strip()
        lines.append(_line(alert.resolved_at, "system", "alert.resolved", text, {"alert_id": alert_id}))
    return lines


_KINDS = {
    "fired": "告警触发",
    "level": "级别变化",
    "value": "数值更新",
    "resolved": "告警解除",
    "acknowledged": "告警已确认",
    "cancelled": "告警取消",
    "linked": "并入事件",
    "unlinked": "移出事件",
    "updated": "告警更新",
    "reopened": "再次出现",
    "shelved": "搁置",
    "unshelved": "恢复显示",
    "closed": "告警关闭",
    "chattering": "反复触发",
    "quiet": "不再反复",
    "escalated": "无人确认,上报",
}


def _history_line(alert: Alert, step: dict[str, Any]) -> dict[str, Any]:
    """A step of one of perhaps several alerts, so it says of which."""
    at = step["at"] if isinstance(step["at"], datetime) else datetime.fromisoformat(step["at"])
    kind = str(step.get("kind", ""))
    text = " ".join(filter(None, (_KINDS.get(kind, kind), str(step.get("detail") or ""))))
    text = f"{text}({alert.headline})"
    return _line(at, str(step.get("who") or "system"), f"alert.{kind}", text, {"alert_id": alert.id})


def _sending_lines(call: Call) -> list[dict[str, Any]]:
    """One line a channel when its messages went out, one for each that could not."""
    sent: dict[str, list[datetime]] = {}
    lines = []
    for row in call.rows:
        for attempt in row.attempts:
            if attempt.state == "sent":
                sent.setdefault(attempt.channel, []).append(attempt.at)
            elif attempt.state == "failed":
                text = f"{row.unit}{row.name} 经 {attempt.channel} 未送出:{attempt.detail}"
                detail = {"call_id": call.id, "row_id": row.id, "attempt_id": attempt.id}
                lines.append(_line(attempt.at, "system", "call.failed", text, detail))
    for channel, times in sent.items():
        text = f"经 {channel} 送出 {len(times)} 条"
        lines.append(_line(max(times), "system", "call.sent", text, {"call_id": call.id}))
    return lines
