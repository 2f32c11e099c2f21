"""Incidents and drafted responses over HTTP, on the whole product."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.serving import Server

WHY = {"reason": "测试"}
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64


@pytest.fixture(scope="module")
def duty(server: Server) -> Iterator[httpx.Client]:
    with server.api("duty") as client:
        yield client


@pytest.fixture(scope="module")
def leader(server: Server) -> Iterator[httpx.Client]:
    with server.api("leader") as client:
        yield client


def warning(number: int, msg_type: str = "Alert", refers: str = "", **more: Any) -> dict[str, Any]:
    now = datetime.now(UTC) + timedelta(seconds=number)
    sent = now.astimezone().replace(microsecond=0).isoformat()
    body: dict[str, Any] = {
        "identifier": f"test-{number}", "sender": "示例气象台", "sent": sent, "status": "Actual", "msgType": msg_type,
        "scope": "Public", "info": [{
            "language": "zh-CN", "category": ["Met"], "event": "11B03", "urgency": "Expected", "severity": "Severe",
            "certainty": "Likely", "headline": f"示例暴雨橙色预警{number}",
            "description": "示例:预计三小时雨量超过五十毫米。",
            "expires": (now + timedelta(hours=6)).astimezone().replace(microsecond=0).isoformat(),
            "area": [{"areaDesc": "示例区"}],
        }],
    }  # fmt: skip
    if refers:
        body["references"] = refers
    return body | more


def received(duty: httpx.Client, number: int, **more: Any) -> str:
    answer = duty.post("/api/v1/alerts", json=warning(number, **more))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def opened(duty: httpx.Client, **more: Any) -> dict[str, Any]:
    body = {"type": "waterlogging", "lon": 118.35, "lat": 35.06, "title": "示例积水"} | more
    answer = duty.post("/api/v1/incidents", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_an_incident_lives_through_its_routes(duty: httpx.Client, leader: httpx.Client) -> None:
    one, two = opened(duty), opened(duty, title="另一处", level="Ⅱ")
    at = f"/api/v1/incidents/{one['id']}"
    assert duty.post(f"{at}/notes", json={"text": "现场水深约半米"}).status_code == 201
    task = duty.get(at).json()["tasks"][0]
    done = duty.post(f"{at}/tasks/{task['id']}/done", json={}).json()["items"]
    assert done[0]["done_by"] == "duty"
    assert duty.patch(at, json={"level": "Ⅲ", **WHY}).json()["level"] == "Ⅲ"
    assert duty.patch(at, json={"level": "Ⅲ"}).status_code == 422
    assert duty.patch(at, json={"opened_by": "x", **WHY}).status_code == 422
    assert duty.patch(at, json={"level": "Ⅱ", "status": "closed", **WHY}).status_code == 422
    merged = duty.post(f"{at}/merge", json={"from": [two["id"]], **WHY}).json()
    assert merged["level"] == "Ⅱ"
    whole = duty.get(at).json()
    assert [part["id"] for part in whole["merged"]] == [two["id"]]
    assert whole["done"] == 1
    assert any(line["text"].startswith("并入事件") for line in duty.get(f"{at}/timeline").json()["items"])
    assert leader.post(f"{at}/notes", json={"text": "x"}).status_code == 403
    assert leader.get(at).status_code == 200
    assert duty.patch(at, json={"status": "closed", **WHY}).json()["closed_why"] == "测试"
    assert duty.post(f"{at}/reopen", json=WHY).json()["status"] == "open"
    assert duty.post(f"{at}/close", json=WHY).json()["status"] == "closed"
    assert duty.get("/api/v1/incidents/suggestions").status_code == 200
    listed = duty.get("/api/v1/incidents?status=all").json()["items"]
    assert next(item for item in listed if item["id"] == one["id"])["steps"] > 5


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [("POST", "/merge", {"from": "x", "reason": "x"}, 422), ("POST", "/merge", {"from": [], "reason": "x"}, 422),
     ("POST", "/split", {"alert_ids": ["nope"], "reason": "x"}, 404), ("POST", "/split", {"reason": "x"}, 422),
     ("POST", "/alerts", {"add": [1], "reason": "x"}, 422), ("POST", "/alerts", {"add": ["nope"], "reason": "x"}, 404),
     ("POST", "/alerts", {"reason": "x"}, 422), ("POST", "/notes", {"text": " "}, 422), ("POST", "/notes", [], 422),
     ("POST", "/tasks/nope/done", {}, 404), ("POST", "/people", {"person_id": "nope", "role": "x"}, 404),
     ("POST", "/people/nope/left", {}, 404), ("GET", "/files/nope", None, 404), ("PATCH", "", {"reason": "x"}, 422),
     ("PATCH", "", {"status": "gone", "reason": "x"}, 422), ("POST", "/reopen", {}, 422)],
)  # fmt: skip
def test_bad_input_is_told(duty: httpx.Client, method: str, path: str, body: Any, status: int) -> None:
    one = opened(duty)
    answer = duty.request(method, f"/api/v1/incidents/{one['id']}{path}", json=body)
    assert answer.status_code == status, answer.text
    assert duty.request(method, f"/api/v1/incidents/INC-NONE{path}", json=body).status_code in {404, 422}


def test_files_go_in_and_come_out_as_downloads(duty: httpx.Client) -> None:
    at = f"/api/v1/incidents/{opened(duty)['id']}/files"
    made = duty.post(at, files={"file": ("现场 一.png", PNG, "text/html")}, data={"note": "路口"}).json()
    assert (made["name"], made["media_type"], made["note"]) == ("现场 一.png", "image/png", "路口")
    raw = duty.post(at, params={"name": "../../x.txt"}, content="水位 0.5 米".encode())
    assert (raw.status_code, raw.json()["name"]) == (201, "x.txt")
    back = duty.get(f"{at}/{made['id']}")
    assert back.content == PNG
    assert back.headers["content-type"] == "image/png"
    assert back.headers["x-content-type-options"] == "nosniff"
    assert back.headers["content-disposition"].startswith("attachment;")
    for name, body in (("a.svg", b"<svg onload=alert(1)>"), ("a.html", b"<html></html>"), ("a.exe", b"MZ\x90\x00"),
                       ("a.txt", b"<script>alert(1)</script>"), ("a.png", b"")):  # fmt: skip
        assert duty.post(at, files={"file": (name, body)}).status_code == 422, name
    assert duty.post(at, files={"file": ("big.txt", b"a" * 18_000_000)}).status_code == 201, "larger than a data batch"
    assert duty.post(at, files={"file": ("more.txt", b"a" * 20_500_000)}).status_code == 413
    assert len(duty.get(at).json()["items"]) == 3


def test_a_timeline_is_a_pdf_with_text(duty: httpx.Client) -> None:
    one = opened(duty)
    answer = duty.get(f"/api/v1/incidents/{one['id']}/timeline.pdf", timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"%PDF-")
    assert b"/ToUnicode" in answer.content, "text that can be selected and searched"
    if reader := shutil.which("pdftotext"):
        found = subprocess.run(
            [reader, "-", "-"], input=answer.content, capture_output=True, check=True
        ).stdout.decode()
        assert "示例积水" in found
        assert "核实(电话或视频)" in found
    assert duty.get("/api/v1/incidents/INC-NONE/timeline.pdf").status_code == 404


def test_a_warning_becomes_a_signed_notice_that_is_called(duty: httpx.Client, leader: httpx.Client) -> None:
    alert_id = received(duty, 1)
    made = duty.post(f"/api/v1/alerts/{alert_id}/response")
    assert made.status_code == 201, made.text
    draft = made.json()
    assert draft["level"] == "", "no published source confirms a level"
    assert duty.post(f"/api/v1/alerts/{alert_id}/response").json()["id"] == draft["id"]
    at = f"/api/v1/responses/{draft['id']}"
    assert duty.post(f"{at}/sign", json={"version": 1}).status_code == 403
    assert leader.post(f"{at}/sign", json={"version": 1}).status_code == 409
    edited = duty.patch(at, json={"version": 1, "level": "Ⅱ", "short": "示例:启动{level}级响应,请到岗。"}).json()
    assert (edited["version"], edited["missing"]) == (2, [])
    stale = duty.patch(at, json={"version": 1, "short": "晚了一步"})
    assert stale.status_code == 409
    assert stale.json()["version"] == 2
    assert duty.post(f"{at}/incident").status_code == 409
    signed = leader.post(f"{at}/sign", json={"version": 2}).json()
    assert (signed["status"], signed["signed_by"], signed["short"]) == ("signed", "leader", "示例:启动Ⅱ级响应,请到岗。")
    assert [one["version"] for one in signed["history"]] == [1, 2]
    incident = duty.post(f"{at}/incident").json()
    assert incident["level"] == "Ⅱ"
    plan = duty.post(f"/api/v1/incidents/{incident['id']}/plan").json()
    assert plan["message"].endswith("示例:启动Ⅱ级响应,请到岗。")
    assert "leader" in plan["notice"]
    key = {"Idempotency-Key": plan["idempotency_key"]}
    call = duty.post(f"/api/v1/incidents/{incident['id']}/call", headers=key).json()["call"]
    assert duty.get(f"/api/v1/calls/{call}").json()["message"] == plan["message"]
    assert duty.post(f"{at}/withdraw", json={"version": 3, **WHY}).status_code == 403
    version = duty.get(at).json()["version"]
    assert leader.post(f"{at}/withdraw", json={"version": version, **WHY}).json()["status"] == "withdrawn"
    again = duty.post(f"/api/v1/incidents/{incident['id']}/plan").json()
    assert "示例:启动" not in again["message"]


def test_an_update_overtakes_the_draft(duty: httpx.Client, leader: httpx.Client) -> None:
    first = warning(20)
    alert_id = duty.post("/api/v1/alerts", json=first).json()["id"]
    draft = duty.post(f"/api/v1/alerts/{alert_id}/response").json()
    at = f"/api/v1/responses/{draft['id']}"
    duty.patch(at, json={"version": 1, "level": "Ⅱ", "short": "启动{level}级响应"})
    refers = f"{first['sender']},{first['identifier']},{first['sent']}"
    assert duty.post("/api/v1/alerts", json=warning(25, "Update", refers)).json()["outcome"] == "updated"
    assert "更新" in duty.get(at).json()["overtaken"]
    assert "更新" in leader.post(f"{at}/sign", json={"version": 2}).json()["detail"]
    assert duty.patch(at, json={"version": 2, "rebase": True}).json()["overtaken"] == ""
    assert duty.post("/api/v1/alerts", json=warning(30, "Cancel", refers)).json()["outcome"] == "cancelled"
    assert "解除" in duty.get(at).json()["overtaken"]
    assert leader.post(f"{at}/sign", json={"version": 3}).status_code == 409
    assert duty.post(f"/api/v1/alerts/{alert_id}/response").status_code == 409


def test_everything_is_in_the_audit_chain(server: Server, duty: httpx.Client) -> None:
    with sqlite3.connect(server.data_dir / "citybrain.sqlite") as connection:
        found = {row[0] for row in connection.execute("SELECT DISTINCT action FROM audit")}
    assert {"incident.merge", "incident.note", "incident.step", "incident.revise", "incident.file", "response.draft",
            "response.edit", "response.sign", "response.withdraw", "response.use"} <= found  # fmt: skip
