"""The rules over HTTP: rights, what is in force, checking, saving with its base, going back; no text brings a 5xx."""

import json
import random
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.faults.parts import rows
from tests.serving import ROOT, Server, until

GIVEN = (ROOT / "alerts/rules.yaml").read_text(encoding="utf-8")
EDITED = GIVEN.replace("at: 0.27, native: 封闭 0.27 m", "at: 0.31, native: 封闭 0.27 m", 1)


@pytest.fixture(scope="module")
def duty(server: Server) -> Iterator[httpx.Client]:
    with server.api("duty") as client:
        yield client


@pytest.fixture(scope="module")
def leader(server: Server) -> Iterator[httpx.Client]:
    with server.api("leader") as client:
        yield client


def newest(api: httpx.Client) -> dict:
    return api.get("/api/v1/rules/text").json()


def test_what_is_in_force_is_told_as_data(duty: httpx.Client, leader: httpx.Client) -> None:
    told = until(lambda: (found := duty.get("/api/v1/rules").json())["engine"] and found)
    assert (told["version"]["no"], told["version"]["origin"], told["engine"]) == (1, "file", 1)
    assert (told["may_edit"], told["problem"]) == (True, "")
    rule = next(one for one in told["rules"] if one["id"] == "waterlogging-underpass")
    assert rule["watches"] == "积水深度 · 设施 tunnel、underpass"
    assert [(one["level"], one["native"], one["words"]) for one in rule["levels"]] == [
        ("red", "封闭 0.27 m", "≥ 0.27 m"),
        ("yellow", "慢行 0.20 m", "≥ 0.2 m"),
    ]
    assert rule["fired"] == {"day": 0, "week": 0, "drill_day": 0, "drill_week": 0}
    seen = leader.get("/api/v1/rules").json()
    assert (seen["may_edit"], seen["rules"]) == (False, told["rules"])
    assert newest(duty)["text"] == GIVEN
    state = duty.get("/api/v1/rules/state").json()
    assert set(state) == {"version", "engine", "problem"}


@pytest.mark.parametrize(
    ("path", "body"),
    [("", {"text": EDITED, "base": 1, "why": "试"}), ("/check", {"text": EDITED}),
     ("/try", {"text": EDITED, "hours": 6}), ("/restore", {"no": 1, "why": "试"}),
     ("/switched", {"text": EDITED, "rule_id": "gas-combustible", "enabled": False})],
)  # fmt: skip
def test_who_may_not_edit_changes_nothing(server: Server, duty: httpx.Client, path: str, body: dict) -> None:
    before = newest(duty)
    for user in ("leader", "dispatcher", "field"):
        with server.api(user) as api:
            assert api.post(f"/api/v1/rules{path}", json=body).status_code == 403
    with server.api("field") as api:
        assert api.get("/api/v1/rules").status_code == 403
    assert newest(duty) == before


def test_an_edit_is_checked_saved_heard_by_the_engine_and_taken_back(server: Server, duty: httpx.Client) -> None:
    base = newest(duty)
    found = duty.post("/api/v1/rules/check", json={"text": EDITED}).json()
    assert (found["problems"], found["rules"]) == ([], len(duty.get("/api/v1/rules").json()["rules"]))
    assert [(one["rule_id"], one["what"]) for one in found["changes"]] == [("waterlogging-underpass", "修改")]
    assert [line[0] for line in found["diff"] if line[0] in "+-" and line[:3] not in ("---", "+++")] == ["-", "+"]
    saved = duty.post("/api/v1/rules", json={"text": EDITED, "base": base["no"], "why": "汛期"}).json()
    assert (saved["no"], saved["author"], saved["why"], saved["origin"]) == (base["no"] + 1, "duty", "汛期", "page")
    until(lambda: duty.get("/api/v1/rules/state").json()["engine"] == saved["no"])
    with server.api("admin") as admin:
        again = admin.post("/api/v1/rules", json={"text": GIVEN, "base": base["no"], "why": "晚了"})
        assert again.status_code == 409
        assert again.json()["current"]["author"] == "duty"
        assert "汛期" in again.json()["detail"]
        back = admin.post("/api/v1/rules/restore", json={"no": base["no"], "base": saved["no"], "why": "误改"}).json()
    assert (back["origin"], back["why"]) == ("restore", f"恢复自第 {base['no']} 版:误改")
    assert newest(duty)["text"] == GIVEN
    until(lambda: duty.get("/api/v1/rules/state").json()["engine"] == back["no"])
    entries = rows(
        server, "SELECT who, action, object FROM audit WHERE action LIKE 'rules.%' ORDER BY seq DESC LIMIT 2"
    )
    assert entries == [
        ("admin", "rules.restore", f"version {back['no']}"),
        ("duty", "rules.page", f"version {saved['no']}"),
    ]


def test_versions_tell_what_each_changed(duty: httpx.Client) -> None:
    page = duty.get("/api/v1/rules/versions", params={"limit": 1}).json()
    assert len(page["items"]) == 1
    assert "text" not in page["items"][0]
    rest = duty.get("/api/v1/rules/versions", params={"before": page["next"]}).json()
    assert [one["no"] for one in rest["items"]] == list(range(page["next"] - 1, 0, -1))
    first = duty.get("/api/v1/rules/versions/1").json()
    assert first["text"] == GIVEN
    assert {one["what"] for one in first["changes"]} == {"新增"}
    for no in ("0", "-3", "999999", str(2**80)):
        assert duty.get(f"/api/v1/rules/versions/{no}").status_code == 404
    assert duty.get("/api/v1/rules/versions/x").status_code == 422


def test_wrong_rules_are_refused_with_their_lines(duty: httpx.Client) -> None:
    before = newest(duty)
    text = GIVEN.replace("quantity: flow_m3s", "quantity: flow", 1)
    line = text.splitlines().index("    quantity: flow") + 1
    answer = duty.post("/api/v1/rules", json={"text": text, "base": before["no"], "why": "试"})
    assert answer.status_code == 422
    assert any(f":{line}: quantity" in one for one in answer.json()["problems"])
    assert [one["line"] for one in duty.post("/api/v1/rules/check", json={"text": text}).json()["problems"]] == [line]
    assert newest(duty) == before


def test_one_rule_is_switched_and_its_comments_stay(duty: httpx.Client) -> None:
    body = {"text": GIVEN, "rule_id": "gas-combustible", "enabled": False}
    text = duty.post("/api/v1/rules/switched", json=body).json()["text"]
    assert [line for line in text.splitlines() if line not in GIVEN.splitlines()] == []
    assert text.count("enabled: false") == GIVEN.count("enabled: false") + 1
    assert duty.post("/api/v1/rules/switched", json=body | {"rule_id": "nowhere"}).status_code == 422


def test_a_text_is_tried_and_nothing_is_stored(duty: httpx.Client) -> None:
    before = newest(duty)
    found = duty.post("/api/v1/rules/try", json={"text": EDITED, "hours": 6}).json()
    assert found["hours"] == 6
    changed = [row["id"] for row in found["rules"] if row["changed"]]
    assert changed == ["waterlogging-underpass"]
    assert newest(duty) == before


WRONG: list[tuple[str, object]] = [
    ("", {}), ("", {"text": 7, "base": 1, "why": "x"}), ("", {"text": EDITED, "base": "1", "why": "x"}),
    ("", {"text": EDITED, "base": True, "why": "x"}), ("", {"text": EDITED, "base": 1}),
    ("", {"text": EDITED, "base": 1, "why": ["x"]}), ("", {"text": EDITED, "base": 1, "why": "a\x00b"}), ("", []),
    ("/try", {"text": EDITED}), ("/try", {"text": EDITED, "hours": 0}), ("/try", {"text": EDITED, "hours": 10**30}),
    ("/try", {"text": EDITED, "hours": 6, "rule_ids": [1]}), ("/try", {"text": EDITED, "hours": 6, "drill": "x\x00"}),
    ("/try", {"text": "rules: [", "hours": 6}),
    ("/check", {}), ("/check", {"text": None}), ("/check", []), ("/restore", {}), ("/restore", {"no": "1", "why": "x"}),
    ("/restore", {"no": 1.5, "why": "x"}), ("/switched", {"text": GIVEN}),
    ("/switched", {"text": GIVEN, "rule_id": 1, "enabled": True}),
    ("/switched", {"text": "rules: 7", "rule_id": "a", "enabled": True}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body"), WRONG, ids=str)
def test_a_wrong_body_is_named(duty: httpx.Client, path: str, body: object) -> None:
    answer = duty.post(f"/api/v1/rules{path}", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(max_size=400), st.builds(lambda at, junk: GIVEN[:at] + junk + GIVEN[at + 3 :],
                                                  st.integers(0, len(GIVEN)), st.text(max_size=6))))  # fmt: skip
def test_any_text_is_answered_with_problems_or_a_diff(duty: httpx.Client, text: str) -> None:
    answer = duty.post("/api/v1/rules/check", json={"text": text})
    if "\x00" in text:  # refused at the door, as in every body
        assert answer.status_code == 422
        return
    assert answer.status_code == 200
    assert bool(answer.json()["problems"]) != bool(answer.json()["rules"])


HUGE = random.Random(7)
HEAVY = {
    "deep": "[" * 200_000,
    "flat list": "rules: [" + "x," * 200_000 + "]",
    "long": "#" + "x" * 1_100_000,
    "bomb": "a: &a [x,x]\n" + "".join(f"{b}: &{b} [*{a},*{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "many rules": "rules:\n" + "".join(f"  - id: r{n}\n" for n in range(30_000)),
    "noise": "".join(HUGE.choice("rules:-[]{}&*! \n'\"%x") for _ in range(300_000)),
    "yaml version": "%YAML " + "9" * 6_000 + "\n---\nrules: []",
}


def test_text_that_cannot_be_stored_is_refused_at_the_door(duty: httpx.Client) -> None:
    body = json.dumps({"text": "rules: \ud800"}).encode()
    answer = duty.post("/api/v1/rules/check", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


@pytest.mark.parametrize("text", HEAVY.values(), ids=HEAVY.keys())
def test_a_heavy_text_is_answered_while_others_are_served(server: Server, duty: httpx.Client, text: str) -> None:
    with server.api("duty", timeout=120) as api:
        body = json.dumps({"text": text}).encode()
        answer = api.post("/api/v1/rules/check", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    problems = answer.json()["problems"]
    assert 1 <= len(problems) <= 201
    assert duty.get("/healthz").status_code == 200
