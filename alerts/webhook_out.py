"""A message to a webhook receiver: Alertmanager's payload version 4, so that receivers made for it need no change."""

from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson

from alerts.group_state import Notice
from alerts.model import Alert
from alerts.routing import group_text, routing_labels

_NO_TIME = "0001-01-01T00:00:00Z"  # as Go writes that there is none


def webhook_body(notice: Notice, now: datetime, base_url: str) -> bytes:
    """`base_url` is where people open this system. What only left its group ends, for the receiver, at `now`."""
    entries = [_entry(alert, "firing", now, base_url) for alert in notice.firing]
    entries += [_entry(alert, "resolved", now, base_url) for alert in notice.over]
    return orjson.dumps(
        {
            "version": "4",
            "groupKey": group_text(notice.place),
            "truncatedAlerts": 0,
            "status": "firing" if notice.firing else "resolved",
            "receiver": notice.place.route.receiver,
            "groupLabels": dict(notice.place.labels),
            "commonLabels": _common([entry["labels"] for entry in entries]),
            "commonAnnotations": _common([entry["annotations"] for entry in entries]),
            "externalURL": base_url,
            "alerts": entries,
        }
    )


def fingerprint(alert: Alert) -> str:
    """16 hexadecimal digits, equal for equal conditions."""
    return blake2b(alert.dedup_key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _entry(alert: Alert, status: str, now: datetime, base_url: str) -> dict[str, Any]:
    ends: object = _NO_TIME if status == "firing" else alert.resolved_at or alert.closed_at or now
    return {
        "status": status,
        "labels": routing_labels(alert),
        "annotations": {"summary": alert.headline, "description": alert.description},
        "startsAt": alert.onset_at,
        "endsAt": ends,
        "generatorURL": f"{base_url}/desk?alert={alert.id}",
        "fingerprint": fingerprint(alert),
    }


def _common(given: list[dict[str, str]]) -> dict[str, str]:
    """What all have, with the same value."""
    shared = dict(given[0])
    for one in given[1:]:
        if not shared:
            break
        for name in [name for name, value in shared.items() if one.get(name) != value]:
            del shared[name]
    return shared
