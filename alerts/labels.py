"""The labels of an alert: by these it is grouped, silenced, inhibited and sent on."""

from collections.abc import Mapping

from alerts.model import Alert


def labels_of(alert: Alert) -> Mapping[str, str]:
    """Name → text; a label without a value is absent, which matchers read as empty (as Alertmanager does)."""
    own = {
        "source": alert.source,
        "event": alert.event,
        "level": alert.level.name.lower(),
        "rule": alert.rule_id or "",
        "sensor": alert.sensor or "",
        "quantity": alert.quantity or "",
        "sender": alert.sender or "",
        "county": alert.county,
        "place": alert.place,
        "status": alert.status,
        "incident": alert.incident_id or "",
    }
    return {**alert.labels, **{name: text for name, text in own.items() if text}}
