"""Alerts from Prometheus and from an Alertmanager: what they become, and what is refused by name."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.feeds.alertmanager import RESOLVE_AFTER, dedup_key, parse_alerts, parse_webhook
from alerts.feeds.repeated import decide
from alerts.model import Level
from geodata.errors import BadInput

NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
ENTRY: dict[str, Any] = {
    "labels": {"alertname": "GaugeHigh", "severity": "critical", "county": "371302", "lon": "118.3", "lat": "35.1"},
    "annotations": {"summary": "水尺超过阈值", "description": "0.31 m"},
    "startsAt": "2026-07-01T15:55:00+08:00",
    "endsAt": "2026-07-01T08:04:00.123456789Z",
    "generatorURL": "http://prometheus.invalid/graph",
}


def test_an_entry_becomes_an_alert() -> None:
    (alert,) = parse_alerts([ENTRY], NOW).reports
    assert (alert.source, alert.event, alert.headline, alert.description) == (
        "prometheus", "GaugeHigh", "水尺超过阈值", "0.31 m",
    )  # fmt: skip
    assert (alert.level, alert.native_level, alert.severity) == (Level.RED, "critical", "Extreme")
    assert (alert.county, alert.lon, alert.lat) == ("371302", 118.3, 35.1)
    assert alert.onset_at == NOW - timedelta(minutes=5)
    assert alert.expires_at == datetime(2026, 7, 1, 8, 4, 0, 123456, tzinfo=UTC)
    assert alert.resolved_at is None
    assert alert.labels == ENTRY["labels"]


@pytest.mark.parametrize(
    ("more", "resolved", "expires"),
    [
        ({"endsAt": None}, False, NOW + RESOLVE_AFTER),
        ({"endsAt": "0001-01-01T00:00:00Z"}, False, NOW + RESOLVE_AFTER),
        ({"endsAt": "2026-07-01T08:00:00Z"}, True, None),
        ({"endsAt": "2026-07-01T08:00:00.001Z"}, False, NOW + timedelta(milliseconds=1)),
        ({"status": "resolved"}, True, None),
    ],
)
def test_the_end_is_the_senders_or_five_minutes_on(more: dict[str, Any], resolved: bool, expires: object) -> None:
    (alert,) = parse_alerts([ENTRY | more], NOW).reports
    assert (alert.resolved_at is not None, alert.expires_at) == (resolved, expires)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("x", "JSON 对象"),
        ({}, "标签"),
        ({"labels": {}}, "标签"),
        ({"labels": {"a": ""}}, "标签"),
        ({"labels": []}, "labels"),
        ({"labels": {"9a": "x"}}, "9a"),
        ({"labels": {"a-b": "x"}}, "a-b"),
        ({"labels": {"a" * 200: "x"}}, "aaa"),
        ({"labels": {"a": 1}}, "labels.a"),
        ({"labels": {"a": "x" * 1_001}}, "labels.a"),
        ({"labels": {"a": "\0"}}, "labels"),
        ({"labels": {"a": "\ud800"}}, "labels"),
        ({"labels": {f"l{n}": "x" for n in range(65)}}, "64"),
        ({"labels": {"a": "x"}, "annotations": {"summary": "x" * 4_001}}, "annotations.summary"),
        ({"labels": {"a": "x"}, "startsAt": "yesterday"}, "startsAt"),
        ({"labels": {"a": "x"}, "startsAt": "2026-07-01T08:00:00"}, "startsAt"),
        ({"labels": {"a": "x"}, "endsAt": 5}, "endsAt"),
        ({"labels": {"a": "x"}, "startsAt": "2026-07-01T09:00:00Z", "endsAt": "2026-07-01T08:30:00Z"}, "晚于"),
    ],
)
def test_a_bad_entry_is_refused_by_name_and_the_rest_kept(entry: object, said: str) -> None:
    checked = parse_alerts([ENTRY, entry, ENTRY], NOW)
    assert len(checked.reports) == 2
    (reject,) = checked.rejects
    assert reject.index == 1
    assert said in reject.reason


@pytest.mark.parametrize("payload", [None, {}, "x", 5])
def test_what_is_no_list_is_refused_whole(payload: object) -> None:
    with pytest.raises(BadInput):
        parse_alerts(payload, NOW)


@pytest.mark.parametrize("payload", [None, [], {"alerts": 5}, {"version": "3", "alerts": []}])
def test_what_is_no_webhook_of_version_4_is_refused_whole(payload: object) -> None:
    with pytest.raises(BadInput):
        parse_webhook(payload, NOW)


def test_a_place_that_is_none_is_left_out_and_an_unknown_severity_stays_visible() -> None:
    labels = {"alertname": "x", "lon": "500", "lat": "35", "county": "兰山", "severity": "sev-9"}
    (alert,) = parse_alerts([{"labels": labels}], NOW).reports
    assert (alert.lon, alert.lat, alert.county) == (None, None, "")
    assert (alert.level, alert.native_level) == (Level.YELLOW, "sev-9")
    assert alert.labels == labels


def test_both_ways_in_are_one_condition() -> None:
    webhook = {"version": "4", "status": "firing", "alerts": [ENTRY | {"status": "firing", "fingerprint": "f"}]}
    assert parse_webhook(webhook, NOW).reports[0].dedup_key == parse_alerts([ENTRY], NOW).reports[0].dedup_key


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,5}", fullmatch=True), st.text(max_size=8)), st.randoms())
def test_the_key_is_of_the_set_of_labels(labels: dict[str, str], dice: Any) -> None:
    labels = {name: text.encode("utf-8", "replace").decode() for name, text in labels.items()}
    items = list(labels.items())
    dice.shuffle(items)
    assert dedup_key(dict(items)) == dedup_key(labels)
    assert dedup_key(labels | {"zz": "1"}) != dedup_key(labels)


def test_reports_again_are_one_alert_and_only_what_changed_is_a_step() -> None:
    def report(**more: Any) -> Any:
        return parse_alerts([ENTRY | more], NOW).reports[0]

    first = decide([report()], {}, "p", NOW)
    assert [change.kind for change in first.changes] == ["fired"]
    stored = first.changes[0].alert
    known = {stored.dedup_key: stored}
    again = decide([report(), report()], known, "p", NOW)
    assert (list(again.changes), list(again.refreshed)) == ([], [])
    later = decide([report(endsAt="2026-07-01T09:00:00Z")], known, "p", NOW)
    assert list(later.changes) == []
    assert [(alert.id, alert.version, alert.expires_at) for alert in later.refreshed] == [
        (stored.id, stored.version, datetime(2026, 7, 1, 9, tzinfo=UTC))
    ]
    words = decide([report(annotations={"summary": "别的话"})], known, "p", NOW)
    assert [(change.kind, change.alert.headline) for change in words.changes] == [("updated", "别的话")]
    ended = decide([report(status="resolved"), report(status="resolved"), report()], known, "p", NOW)
    assert [change.kind for change in ended.changes] == ["resolved", "fired"]
    assert ended.changes[1].alert.id != stored.id
    assert decide([report(status="resolved")], {}, "p", NOW).changes == []
