"""Text that no database keeps: refused at the door with a reason, no broken answer, nothing missing in the audit."""

from datetime import UTC, datetime

import httpx
import pytest
import sqlalchemy as sa

from hub.audit import AuditLog
from hub.database import Database
from hub.tables.hub import AUDIT
from tests.serving import Server

NOW = datetime(2026, 7, 1, tzinfo=UTC)
NUL, HALF = "\\u0000", "\\ud800"  # as JSON writes them
WRITES = [
    ("/api/v1/alerts/acknowledge", '{"ids": ["A%s"], "note": "n"}'),
    ("/api/v1/alerts/acknowledge", '{"ids": ["A"], "note": "%s"}'),
    ("/api/v1/alerts/A/shelve", '{"minutes": 5, "reason": "%s"}'),
    ("/api/v1/silences", '{"matchers": ["event=%s"], "ends_at": "2099-01-01T00:00:00+08:00", "reason": "r"}'),
    ("/api/v1/incidents", '{"type": "flood", "title": "%s", "lon": 118.3, "lat": 35.1}'),
    ("/api/v1/incidents/I/notes", '{"text": "%s"}'),
    ("/api/v1/rules/check", '{"text": "%s"}'),
    ("/api/v1/rules/check", '{"text": "rules: []", "deep": [[{"%s": 1}]]}'),
    ("/api/v1/exercise", '{"id": "%s", "label": "x"}'),
]


@pytest.mark.parametrize("bad", [NUL, HALF])
@pytest.mark.parametrize(("path", "body"), WRITES)
def test_a_body_with_it_is_refused_with_a_reason(server: Server, path: str, body: str, bad: str) -> None:
    with server.api("admin") as client:
        answer = client.post(path, content=body % bad, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, answer.text
        assert "不能保存的字符" in answer.json()["detail"]


def test_an_address_with_a_nul_names_nothing(server: Server) -> None:
    with server.api("admin") as client:
        for path in ("alerts/a%00b", "incidents/%00/timeline", "calls/%00", "alerts/%00.cap"):
            assert client.get(f"/api/v1/{path}").status_code == 404, path
        for path in ("/api/v1/alerts/%00/close", "/api/v1/responses/%00/withdraw", "/api/v1/calls/%00/stand-down"):
            assert client.post(path, json={}).status_code == 404, path
        for query in ("/api/v1/sightings?kind=%00", "/api/v1/rejects?source=a%00b", "/api/v1/responses?alert_id=%00"):
            assert client.get(query).status_code == 422, query


def test_signing_in_with_it_is_refused_and_the_connection_lives(server: Server) -> None:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        for bad in (NUL, HALF):
            body = f'{{"username": "{bad}", "password": "x"}}'
            answer = client.post("/api/v1/token", content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422, answer.text


def test_what_was_done_is_in_the_audit_whatever_its_words(room_database: Database) -> None:
    log = AuditLog(room_database)
    given = ["a" + "汉" * 2_000, "\ud800", "a\x00b", 2**80]
    for note in given:
        log.record("duty", "alert.acknowledge", f"A {note}", {"note": note}, NOW)
    assert log.verify() is None
    with room_database.read() as connection:
        details = [row.detail for row in connection.execute(sa.select(AUDIT.c.detail).order_by(AUDIT.c.seq))]
    assert len(details) == len(given)
    assert all(len(detail) <= 4_000 for detail in details)
    assert details[0].decode().startswith('{"note":"a汉')


def test_a_long_note_is_answered_and_recorded(server: Server) -> None:
    alert = {"labels": {"alertname": "long-note", "severity": "warning"}}
    with server.api("admin") as client:
        client.post("/api/v2/alerts", json=[alert]).raise_for_status()
        mine = next(one for one in client.get("/api/v1/alerts").json()["items"] if one["event"] == "long-note")
        answer = client.post("/api/v1/alerts/acknowledge", json={"ids": [mine["id"]], "note": "a" + "汉" * 1_999})
        assert answer.json() == {"outcomes": {mine["id"]: "acknowledged"}}
