"""What a person does with alerts, over HTTP on the running product: rights, outcomes, standings, the audit log."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.serving import Server


def stamp(minutes: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).replace(microsecond=0).isoformat()


@pytest.fixture(scope="module")
def duty(server: Server) -> Iterator[httpx.Client]:
    with server.api("duty") as client:
        yield client


@pytest.fixture(scope="module")
def leader(server: Server) -> Iterator[httpx.Client]:
    with server.api("leader") as client:
        yield client


def warn(api: httpx.Client, name: str, severity: str = "Moderate", area: str = "示例区") -> str:
    body = {
        "identifier": name, "sender": "shelf-test", "sent": stamp(), "status": "Actual", "msgType": "Alert",
        "scope": "Public", "category": "Met", "event": f"试验{name}", "urgency": "Immediate", "severity": severity,
        "certainty": "Observed", "headline": name, "area": {"areaDesc": area},
    }  # fmt: skip
    answer = api.post("/api/v1/alerts", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def listed(api: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    answer = api.get("/api/v1/alerts", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_shelve_and_take_back(duty: httpx.Client) -> None:
    one = warn(duty, "shelve-1")
    path = f"/api/v1/alerts/{one}"
    assert duty.post(f"{path}/shelve", json={"minutes": 30}).status_code == 422
    assert duty.post(f"{path}/shelve", json={"minutes": 30, "reason": 7}).status_code == 422
    assert duty.post(f"{path}/shelve", json={"minutes": True, "reason": "x"}).status_code == 422
    long = duty.post(f"{path}/shelve", json={"minutes": 241, "reason": "太久"})
    assert (long.status_code, "240 分钟" in long.json()["detail"]) == (422, True)
    done = duty.post(f"{path}/shelve", json={"until": stamp(30), "reason": "等待复核"}).json()
    assert (done["state"], done["standing"]["state"], done["standing"]["hides"]) == ("shelved", "shelved", True)
    assert "等待复核" in done["standing"]["why"]
    assert "duty" in done["standing"]["why"]
    assert one in [item["id"] for item in listed(duty, state="shelved")]
    assert one in [item["id"] for item in listed(duty, state="open", event="试验shelve-1")]
    assert duty.post(f"{path}/unshelve", json={"reason": "看完了"}).json()["state"] == "firing"
    assert duty.post(f"{path}/unshelve").status_code == 409
    assert [step["kind"] for step in duty.get(path).json()["history"]] == ["fired", "shelved", "unshelved"]


def test_close_and_reopen(duty: httpx.Client) -> None:
    one = warn(duty, "close-1")
    path = f"/api/v1/alerts/{one}"
    assert duty.post(f"{path}/reopen", json={"reason": "x"}).status_code == 409
    assert duty.post(f"{path}/close").status_code == 422
    assert duty.post(f"{path}/close", json={"reason": "现场已处置"}).json()["state"] == "closed"
    assert duty.post(f"{path}/close", json={"reason": "再关"}).status_code == 409
    assert one in [item["id"] for item in listed(duty, state="closed")]
    assert one in [item["id"] for item in listed(duty, state="ended")]
    assert one not in [item["id"] for item in listed(duty, state="open")]
    back = duty.post(f"{path}/reopen", json={"reason": "仍有疑问"}).json()
    assert (back["state"], back["reopened"]) == ("firing", 1)


def test_many_at_once(duty: httpx.Client) -> None:
    ids = [warn(duty, f"many-{n}") for n in range(3)]
    answer = duty.post("/api/v1/alerts/acknowledge", json={"ids": [*ids, "AL-none"], "note": "批量"})
    assert answer.json()["outcomes"] == dict.fromkeys(ids, "acknowledged") | {"AL-none": "unknown"}
    again = duty.post("/api/v1/alerts/acknowledge", json={"ids": ids[:1]})
    assert again.json()["outcomes"] == {ids[0]: "already"}
    for wrong in ({}, {"ids": []}, {"ids": "x"}, {"ids": [1]}, {"ids": ["x"] * 2_001}, {"ids": ["x"], "note": 1}):
        assert duty.post("/api/v1/alerts/acknowledge", json=wrong).status_code == 422


def test_silences_hold_back_but_nothing_red_leaves_the_list(duty: httpx.Client) -> None:
    mild, red = warn(duty, "quiet-1"), warn(duty, "quiet-2", "Extreme")
    body = {"matchers": ["event~试验quiet-*"], "ends_at": stamp(30), "reason": "检修"}
    assert duty.post("/api/v1/silences/preview", json=body).json() == {"count": 2, "red": 1, "ids": [red, mild]}
    made = duty.post("/api/v1/silences", json=body)
    assert made.status_code == 201
    assert (made.json()["owner"], made.json()["state"]) == ("duty", "active")
    held = {item["id"]: item["standing"] for item in listed(duty, state="suppressed", match="event~试验quiet-*")}
    assert {name: one["hides"] for name, one in held.items()} == {mild: True, red: False}
    assert all("静默:检修" in one["why"] for one in held.values())
    assert {mild, red} <= {item["id"] for item in listed(duty, state="open")}
    silence = made.json()["id"]
    assert silence in [item["id"] for item in duty.get("/api/v1/silences?state=active").json()["items"]]
    assert duty.post(f"/api/v1/silences/{silence}/end", json={"reason": "修好了"}).json()["ended_by"] == "duty"
    assert duty.post(f"/api/v1/silences/{silence}/end").status_code == 409
    assert duty.post("/api/v1/silences/SL-none/end").status_code == 404
    assert listed(duty, state="suppressed", match="event~试验quiet-*") == []
    past = listed(duty, at=stamp(-600))
    assert not [item for item in past if item["id"] in (mild, red)]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"matchers": []}, {"matchers": ["county~*"]}, {"matchers": ["乱写"]}, {"matchers": [1]},
        {"matchers": ["event=x"], "reason": "x"}, {"matchers": ["event=x"], "reason": "x", "ends_at": "明天"},
        {"matchers": ["event=x"], "reason": "", "ends_at": "2099-01-01T00:00:00+08:00"},
        {"matchers": ["event=x"] * 21, "reason": "x", "ends_at": "2099-01-01T00:00:00+08:00"},
    ],
)  # fmt: skip
def test_silences_that_cannot_be(duty: httpx.Client, body: dict[str, Any]) -> None:
    answer = duty.post("/api/v1/silences", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_filters(duty: httpx.Client) -> None:
    one = warn(duty, "filter-1", "Severe")
    for query in (
        {"level": "orange"}, {"event": "试验filter-1"}, {"match": ["sender=shelf-test", "event~*filter*"]},
        {"state": "firing", "level": "orange", "event": "试验filter-1"}, {"state": "all", "event": "试验filter-1"},
    ):  # fmt: skip
        assert one in [item["id"] for item in listed(duty, **query)], query
    for query in ({"level": "blue"}, {"match": "event!~*filter*"}, {"county": "371302"}, {"state": "resolved"}):
        assert one not in [item["id"] for item in listed(duty, **query)], query
    assert duty.get("/api/v1/alerts?match=%3D").status_code == 422
    assert duty.get("/api/v1/alerts?state=half").status_code == 422
    pages = duty.get("/api/v1/alerts", params={"state": "all", "event": "试验filter-1", "limit": 1}).json()
    assert [item["id"] for item in pages["items"]] == [one]


def test_what_waits_is_listed(duty: httpx.Client) -> None:
    body = duty.get("/api/v1/alerts?state=pending").json()
    assert set(body) == {"items", "next", "total"}


def test_only_those_with_the_right_may(leader: httpx.Client, duty: httpx.Client) -> None:
    one = warn(duty, "rights-1")
    for act in ("shelve", "unshelve", "close", "reopen", "acknowledge"):
        answer = leader.post(f"/api/v1/alerts/{one}/{act}", json={"minutes": 5, "reason": "x"})
        assert answer.status_code == 403, act
    assert leader.post("/api/v1/alerts/acknowledge", json={"ids": [one]}).status_code == 403
    body = {"matchers": ["event=x"], "ends_at": stamp(5), "reason": "x"}
    assert leader.post("/api/v1/silences", json=body).status_code == 403
    assert leader.get("/api/v1/silences").status_code == 200
    assert duty.get(f"/api/v1/alerts/{one}").json()["state"] == "firing"
