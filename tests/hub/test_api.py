"""The HTTP API of the running product: contracts, bad input, rights."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.serving import Server, until

GAUGE = "depth-up-001"


def stamp(offset_s: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=offset_s)).isoformat()


def row(value: object, sensor: str = GAUGE, quantity: str = "depth_m", at: object = None) -> dict[str, object]:
    return {"sensor": sensor, "quantity": quantity, "value": value, "observed_at": at or stamp()}


def open_alerts(api: httpx.Client) -> list[dict]:
    return api.get("/api/v1/alerts", params={"state": "open"}).json()["items"]


@pytest.fixture(scope="module")
def admin(server: Server) -> Iterator[httpx.Client]:
    with server.api("admin") as client:
        yield client


@pytest.fixture(scope="module")
def duty(server: Server) -> Iterator[httpx.Client]:
    with server.api("duty") as client:
        yield client


def test_health_is_open_and_names_each_part(server: Server) -> None:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        assert client.get("/healthz").json() == {"status": "alive"}
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert {"database", "bus", "engine", "city"} <= set(ready.json()["parts"])
        assert b"citybrain_readings_accepted_total" in client.get("/metrics").content


@pytest.mark.parametrize(
    "path",
    ["/api/v1/alerts", "/api/v1/sensors", "/tiles/roads.json", "/stream", "/data/counties.geojson", "/desk", "/wall",
     "/field", "/brief", "/api/docs", "/api/openapi.json", "/desk/_dash-layout", "/vendor/pydeck.js", "/nowhere"],
)  # fmt: skip
def test_everything_else_wants_a_sign_in(server: Server, path: str) -> None:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        answer = client.get(path)
        assert answer.status_code == 401
        assert answer.headers["content-type"].startswith("application/problem+json")
        page = client.get(path, headers={"Accept": "text/html"})
        assert page.status_code == 303
        assert page.headers["location"].startswith("/login?next=")


def test_reading_to_alert_to_acknowledged(admin: httpx.Client, duty: httpx.Client) -> None:
    answer = admin.post("/api/v1/observations", json={"observations": [row(0.31), row(0.02, "depth-up-002")]})
    assert (answer.status_code, answer.json()) == (202, {"accepted": 2, "rejected": []})
    (alert,) = until(lambda: [one for one in open_alerts(duty) if one["sensor"] == GAUGE])
    assert (alert["level"], alert["state"], alert["value"]) == ("red", "firing", 0.31)
    assert all(alert[name] for name in ("lon", "lat", "native_level"))
    seen = duty.post(f"/api/v1/alerts/{alert['id']}/acknowledge", json={"note": "已通知路段"})
    assert seen.json()["state"] == "acknowledged"
    again = duty.post(f"/api/v1/alerts/{alert['id']}/acknowledge")
    assert again.json()["acknowledged_at"] == seen.json()["acknowledged_at"]
    history = duty.get(f"/api/v1/alerts/{alert['id']}").json()["history"]
    assert {"fired", "acknowledged"} <= {step["kind"] for step in history}
    admin.post("/api/v1/observations", json={"observations": [row(0.01)]})
    until(lambda: not [one for one in open_alerts(duty) if one["sensor"] == GAUGE])


def test_bad_readings_are_named_kept_and_disturb_nothing_else(admin: httpx.Client) -> None:
    rows = [
        row(0.05), row("NaN"), row(None), row(True), row(1e308), row(10**400), row(0.1, "no-such-sensor"),
        row(0.1, quantity="magic"), row(0.1, at=stamp(3600)), row(0.1, at=stamp(-8 * 86400)),
        row(0.1, at="2026-01-01T00:00:00"), row(-0.0, "depth-up-003"), row(0.1, "<script>alert(1)</script>"),
    ]  # fmt: skip
    answer = admin.post("/api/v1/observations", json={"observations": rows})
    body = answer.json()
    assert answer.status_code == 202, body
    assert body["accepted"] == 2
    assert [one["index"] for one in body["rejected"]] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]
    assert all(one["reason"] for one in body["rejected"])
    kept = admin.get("/api/v1/rejects").json()["items"]
    assert len([one for one in kept if one["index"] == 6 and "no-such-sensor" in one["original"]]) == 1


def test_columns(admin: httpx.Client) -> None:
    sensors = [one["id"] for one in admin.get("/api/v1/sensors?quantity=depth_m&limit=50").json()["items"]]
    columns = {"quantity": "depth_m", "observed_at": stamp(), "sensor": sensors, "value": [0.01] * len(sensors)}
    assert admin.post("/api/v1/observations", json=columns).json()["accepted"] == 50
    short = columns | {"value": [0.01]}
    answer = admin.post("/api/v1/observations", json=short)
    assert answer.status_code == 422
    assert answer.json()["title"]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 422), (b"{", 422), (b"[1,2", 422), (b"null", 422), (b"[]", 422), (b'{"observations":7}', 422),
     (b"[" * 100_000, 422), (b"\xff\xfe", 422), (b"x" * 20_000_000, 413)],
)  # fmt: skip
def test_bodies_that_cannot_be_used(admin: httpx.Client, body: bytes, status: int) -> None:
    answer = admin.post("/api/v1/observations", content=body)
    assert answer.status_code == status
    problem = answer.json()
    assert {"type", "title", "status", "detail"} <= set(problem)


def test_a_body_that_hides_its_size_is_cut_off(server: Server, admin: httpx.Client) -> None:
    def chunks():  # type: ignore[no-untyped-def]
        for _ in range(40):
            yield b"x" * 1_000_000

    with contextlib.suppress(httpx.WriteError):  # closing the connection while we still send is right too
        assert admin.post("/api/v1/observations", content=chunks()).status_code == 413
    assert admin.get("/healthz").status_code == 200


def test_roles(server: Server, duty: httpx.Client) -> None:
    with server.api("leader") as leader, server.api("field") as field:
        assert duty.post("/api/v1/observations", json={"observations": []}).status_code == 403
        assert leader.post("/api/v1/incidents", json={"alert_ids": []}).status_code == 403
        assert leader.get("/api/v1/alerts").status_code == 200
        assert field.get("/api/v1/calls").status_code == 403
        assert field.get("/api/v1/field/tasks").status_code == 200
        assert field.get("/desk").status_code == 303
        assert duty.get("/api/v1/rejects").status_code == 200
        assert leader.get("/api/v1/rejects").status_code == 403


def test_a_write_with_a_cookie_must_come_from_our_pages(server: Server) -> None:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        from tests.serving import PASSWORD

        form = {"username": "duty", "password": PASSWORD, "next": "//evil.example/x"}
        answer = client.post("/login", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        body = {"alert_ids": []}
        assert client.post("/api/v1/incidents", json=body, headers={"Origin": "http://evil.example"}).status_code == 403
        assert client.post("/api/v1/incidents", json=body).status_code == 403
        assert client.post("/api/v1/incidents", json=body, headers={"Origin": server.url}).status_code != 403
        assert client.get("/desk").status_code == 200
        assert client.post("/logout", headers={"Origin": server.url}).status_code == 303
        client.cookies.set("city_session", "guessed")
        assert client.get("/api/v1/alerts").status_code == 401


def test_cap_in_and_out(admin: httpx.Client, duty: httpx.Client) -> None:
    sent = datetime.now(UTC).astimezone().replace(microsecond=0).isoformat().replace("Z", "+00:00")
    cap = f"""<?xml version="1.0" encoding="UTF-8"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
    <identifier>TEST-1</identifier><sender>test@example.invalid</sender><sent>{sent}</sent><status>Test</status>
    <msgType>Alert</msgType><scope>Public</scope><info><language>zh-CN</language><category>Met</category>
    <event>暴雨</event><urgency>Immediate</urgency><severity>Severe</severity><certainty>Observed</certainty>
    <headline>&lt;img src=x onerror=alert(1)&gt;</headline>
    <area><areaDesc>测试</areaDesc><polygon>35.0,118.2 35.0,118.4 35.2,118.4 35.0,118.2</polygon></area>
    </info></alert>"""
    xml = {"Content-Type": "application/cap+xml"}
    first = admin.post("/api/v1/alerts", content=cap.encode(), headers=xml)
    assert (first.status_code, first.json()["outcome"]) == (201, "new")
    assert admin.post("/api/v1/alerts", content=cap.encode(), headers=xml).json()["outcome"] == "duplicate"
    assert [one for one in open_alerts(duty) if one["identifier"] == "TEST-1"]
    feed = duty.get("/api/v1/alerts.cap")
    assert b"urn:oasis:names:tc:emergency:cap:1.2" in feed.content
    broken = cap.replace("<msgType>Alert</msgType>", "").replace("Severe", "Bad").replace("118.4 35.0,118.2", "118.4")
    answer = admin.post("/api/v1/alerts", content=broken.encode(), headers=xml)
    assert answer.status_code == 422
    assert len(answer.json()["problems"]) >= 3


@pytest.mark.parametrize(
    "body",
    [b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><alert>&x;</alert>',
     b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><alert>&b;</alert>',
     b"<alert>", b"not xml", b"<html/>"],
)  # fmt: skip
def test_hostile_cap_is_refused(admin: httpx.Client, body: bytes) -> None:
    answer = admin.post("/api/v1/alerts", content=body, headers={"Content-Type": "application/cap+xml"})
    assert answer.status_code == 422
    assert b"root:" not in answer.content


def test_tiles_with_entity_tags(duty: httpx.Client) -> None:
    described = duty.get("/tiles/city_components.json").json()
    assert described["tilejson"] == "3.0.0"
    tile = duty.get("/tiles/city_components/10/848/405.pbf")
    assert tile.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    same = duty.get("/tiles/city_components/10/848/405.pbf", headers={"If-None-Match": tile.headers["etag"]})
    assert same.status_code == 304
    assert duty.get("/tiles/nothing/1/0/0.pbf").status_code == 404
    assert duty.get("/tiles/roads/1/9/0.pbf").status_code == 422
    assert duty.get("/data/city_components.geojson").status_code == 404
    assert len(duty.get("/data/counties.geojson").json()["features"]) == 12


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/desk/assets/../../app.py", "/static/..%2fapp.py"]
)
def test_no_way_out_of_the_assets(duty: httpx.Client, path: str) -> None:
    answer = duty.get(path)
    assert answer.status_code in {404, 422}
    assert b"composition root" not in answer.content


def test_the_document_of_the_api(duty: httpx.Client) -> None:
    paths = duty.get("/api/openapi.json").json()["paths"]
    assert {"/api/v1/observations", "/api/v1/alerts", "/api/v1/incidents/{incident_id}/call", "/stream"} <= set(paths)


def test_metrics_are_not_for_everybody(duty: httpx.Client) -> None:
    assert duty.get("/metrics").status_code == 200  # this machine


def test_an_unknown_route_is_a_problem_document(duty: httpx.Client) -> None:
    answer = duty.get("/api/v1/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert duty.get("/api/v1/incidents", params={"status": "bogus"}).status_code == 422


def test_many_open_alerts_come_page_by_page(admin: httpx.Client, duty: httpx.Client) -> None:
    sensors = [one["id"] for one in admin.get("/api/v1/sensors?quantity=depth_m&limit=40").json()["items"]]
    columns = {"quantity": "depth_m", "observed_at": stamp(), "sensor": sensors, "value": [0.5] * len(sensors)}
    assert admin.post("/api/v1/observations", json=columns).json()["accepted"] == 40
    until(lambda: duty.get("/api/v1/alerts").json()["total"] >= 40)
    whole = duty.get("/api/v1/alerts").json()
    seen, before = [], None
    while True:
        page = duty.get("/api/v1/alerts", params={"limit": 7, **({"before": before} if before else {})}).json()
        seen += [one["id"] for one in page["items"]]
        before = page["next"]
        if before is None:
            break
    assert seen == [one["id"] for one in whole["items"]]
    admin.post("/api/v1/observations", json=columns | {"observed_at": stamp(), "value": [0.0] * len(sensors)})
    until(lambda: duty.get("/api/v1/alerts").json()["total"] < 10)
