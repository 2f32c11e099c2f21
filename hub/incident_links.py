"""The alerts' own word of which incident they are in, written in the transaction that moves them."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.engine import Connection

from alerts.model import AlertChange, revised
from hub.alert_write import locked, write_changes
from hub.database import Database


def link_alerts(
    database: Database, connection: Connection, moved: Mapping[str, str | None], who: str, now: datetime
) -> None:
    """`moved`: alert id → its incident, None when it is in none any more. Alerts not kept here are passed over."""
    alerts = locked(connection, "id", moved)
    changes = [
        AlertChange(
            revised(alert, now, incident_id=moved[alert.id]),
            "linked" if moved[alert.id] else "unlinked",
            now,
            who,
            moved[alert.id] or f"移出 {alert.incident_id or ''}".strip(),
        )
        for alert in alerts
        if alert.incident_id != moved[alert.id]
    ]
    if changes:
        write_changes(database, connection, changes, {alert.id: alert for alert in alerts})
