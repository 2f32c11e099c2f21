"""Prometheus and an Alertmanager as senders, over HTTP against the whole product."""

import pytest

from tests.serving import Server, until

ENTRY = {"labels": {"alertname": "ApiTest", "severity": "critical", "job": "api"}, "annotations": {"summary": "水位高"}}


def found(server: Server, state: str = "all") -> list[dict[str, object]]:
    with server.api() as api:
        items = api.get("/api/v1/alerts", params={"state": state, "limit": 1000}).json()["items"]
    return [item for item in items if item["labels"].get("job") == "api"]


def test_the_same_alert_by_either_way_is_one_and_it_ends(server: Server) -> None:
    with server.api("admin") as api:
        for _ in range(2):
            answer = api.post("/api/v2/alerts", json=[ENTRY])
            assert (answer.status_code, answer.content) == (200, b"")
        webhook = {"version": "4", "status": "firing", "alerts": [ENTRY | {"status": "firing"}]}
        answer = api.post("/api/v1/feeds/alertmanager", json=webhook)
        assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "rejected": []})
        (alert,) = found(server, "firing")
        assert (alert["event"], alert["headline"], alert["level"]) == ("ApiTest", "水位高", "red")
        assert api.post("/api/v2/alerts", json=[ENTRY | {"endsAt": "2020-01-01T00:00:00Z"}]).status_code == 200
        (ended,) = found(server)
        assert (ended["id"], ended["state"]) == (alert["id"], "resolved")
        steps = api.get(f"/api/v1/alerts/{alert['id']}").json()["history"]
        assert [(step["kind"], step["who"]) for step in steps] == [("fired", "admin"), ("resolved", "admin")]


def test_what_is_refused_is_named_kept_and_the_rest_stored(server: Server) -> None:
    good = {"labels": {"alertname": "Good", "job": "api"}}
    with server.api("admin") as api:
        answer = api.post("/api/v2/alerts", json=[good, {"labels": {"9bad": "x"}}])
        assert answer.status_code == 422
        assert "9bad" in answer.json()["problems"][0]
        assert [alert["event"] for alert in found(server, "firing")] == ["Good"]
        rejects = api.get("/api/v1/rejects", params={"source": "prometheus"}).json()["items"]
        assert (rejects[0]["index"], "9bad" in rejects[0]["original"]) == (1, True)
        answer = api.post("/api/v1/feeds/alertmanager", json={"version": "4", "alerts": [5]})
        assert (answer.status_code, answer.json()["rejected"][0]["index"]) == (200, 0)


def test_the_feeds_page_counts_what_was_sent(server: Server) -> None:
    with server.api("dispatcher") as refused, server.api("duty") as api:
        assert refused.post("/api/v2/alerts", json=[ENTRY]).status_code == 403
        assert api.post("/api/v2/alerts", json=[ENTRY, {"labels": {"9bad": "x"}}]).status_code == 422
        assert api.post("/api/v2/alerts", json={}).status_code == 422

        def told() -> dict[str, object] | None:
            rows = api.get("/api/v1/feeds").json()["items"]
            return next((row for row in rows if row["id"] == "alertmanager:duty"), None)

        row = until(told)
        assert (row["kind"], row["accepted"], row["rejected"], row["state"]) == ("alertmanager", 1, 2, "ok")
        assert row["stale_after_s"] == 0, "no alerts is no trouble of the sender's"


@pytest.mark.parametrize("body", [b"{", b"{}", b"5", b"\xff", b""])
@pytest.mark.parametrize("path", ["/api/v2/alerts", "/api/v1/feeds/alertmanager"])
def test_what_is_no_message_at_all_is_refused(server: Server, path: str, body: bytes) -> None:
    with server.api("admin") as api:
        assert api.post(path, content=body, headers={"Content-Type": "application/json"}).status_code == 422


def test_only_who_may_warn_may_send(server: Server) -> None:
    with server.api("leader") as api:
        assert api.post("/api/v2/alerts", json=[ENTRY]).status_code == 403
