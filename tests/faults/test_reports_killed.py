"""Combined, numbering and spatial rules in the running product, with `kill -9` of the engine under reports."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from geodata.clock import SHANGHAI
from tests.faults.parts import ago, is_ready, rows
from tests.serving import ROOT, Server, sample_data, serving, until

pytestmark = pytest.mark.faults
MINE = """
  - id: rain-and-flow
    kind: combination
    title: 积水且河水上涨
    event: 内涝
    level: orange
    native: 试验级
    when:
      all:
        - {sensors: {ids: [depth-up-001]}, quantity: depth_m, above: 0.15}
        - {sensors: {ids: [yi-linyi]}, quantity: flow_m3s, above: 4000}
    source: 测试
  - id: fires
    kind: spatial
    title: 火点
    event: 森林火灾
    of: fire_point
    where: {any: [{polygon: [[118, 35], [119, 35], [119, 36], [118, 36]]}, {grid: {layer: forest_grid, at_least: 1}}]}
    levels: [{level: yellow, at: 1, native: 1 起}, {level: red, at: 20, native: 20 起}]
    merge_m: 400
    merge_s: 3600
    source: 测试
"""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, sample_source: Path) -> Iterator[Server]:
    data = sample_data(tmp_path_factory.mktemp("kinds"), sample_source)
    text = (ROOT / "alerts/rules.yaml").read_text(encoding="utf-8")
    (data / "rules.yaml").write_text(text.rstrip("\n") + "\n" + MINE, encoding="utf-8")
    with serving(
        data, CITYBRAIN_DEMO="true", CITYBRAIN_DRILL="", CITYBRAIN_RULES_FILE=str(data / "rules.yaml")
    ) as made:
        until(lambda: is_ready(made), 60)
        yield made


def open_of(api: httpx.Client, rule: str) -> list[dict[str, object]]:
    items = api.get("/api/v1/alerts", params={"state": "open", "limit": 1000}).json()["items"]
    return [one for one in items if one["rule_id"] == rule]


def test_a_combination_and_a_numbered_flood(product: Server) -> None:
    with product.api("admin") as api:
        flow = {"sensor": "yi-linyi", "quantity": "flow_m3s", "value": 4100, "observed_at": ago(2)}
        depth = {"sensor": "depth-up-001", "quantity": "depth_m", "value": 0.17, "observed_at": ago(2)}
        assert api.post("/api/v1/observations", json={"observations": [flow]}).json()["accepted"] == 1
        (flood,) = until(lambda: open_of(api, "yi-flood-number"))
        assert flood["headline"] == f"沂河 {datetime.now(SHANGHAI).year} 年第 1 号洪水"
        assert flood["sensor"] == "yi-linyi"
        assert open_of(api, "rain-and-flow") == []
        assert api.post("/api/v1/observations", json={"observations": [depth]}).json()["accepted"] == 1
        (both,) = until(lambda: open_of(api, "rain-and-flow"))
        assert (both["level"], both["native_level"]) == ("orange", "试验级")
        assert "流量 ≥ 4000 m³/s" in str(both["description"])
        assert api.post("/api/v1/observations", json={"observations": [flow]}).json()["accepted"] == 1
        flow |= {"value": 100, "observed_at": ago(0)}
        api.post("/api/v1/observations", json={"observations": [flow]})
        until(lambda: not open_of(api, "rain-and-flow"))
        assert len(open_of(api, "yi-flood-number")) == 1


def test_reports_are_named_stored_and_shown(product: Server) -> None:
    good = {"id": "one", "kind": "patrol_car", "lon": 118.35, "lat": 35.06, "observed_at": ago(1), "datum": "gcj02"}
    with product.api("admin") as api, product.api("duty") as duty:
        bad = good | {"id": "two", "lon": "118"}
        answer = api.post("/api/v1/sightings", json={"sightings": [good, bad, good]})
        assert answer.status_code == 202
        assert answer.json() == {"accepted": 2, "rejected": [{"index": 1, "reason": "lon 必须是数字"}]}
        (shown,) = duty.get("/api/v1/sightings", params={"kind": "patrol_car"}).json()["items"]
        assert shown["given"] == {"datum": "GCJ-02", "lon": 118.35, "lat": 35.06}
        assert 100 < abs(shown["lon"] - 118.35) * 91_000 < 1_000
        assert duty.get("/api/v1/sightings", params={"since": ago(-60), "kind": "patrol_car"}).json()["items"] == []
        assert duty.post("/api/v1/sightings", json={"sightings": [good]}).status_code == 403
        assert api.post("/api/v1/sightings", content=b"[").status_code == 422
        assert api.post("/api/v1/sightings", json=[good]).status_code == 422
        assert duty.get("/api/v1/sightings", params={"since": "yesterday"}).status_code == 422
        assert "lon 必须是数字" in {r["reason"] for r in api.get("/api/v1/rejects?source=sightings").json()["items"]}
    assert rows(product, "SELECT count(*) FROM audit WHERE action = 'sighting.receive'")[0][0] >= 1


def test_no_report_is_lost_or_counted_twice_while_engines_die(product: Server) -> None:
    """Six places, reports in rounds, every report sent twice; the leading engines are killed meanwhile."""
    places = [(118.2 + n * 0.1, 35.2) for n in range(6)]
    rounds = 25
    dice = random.Random(3)

    def post() -> None:
        with product.api("admin") as api:
            for number in range(rounds):
                reports = [
                    {"id": f"{number}-{n}", "kind": "fire_point", "lon": lon + number * 1e-5, "lat": lat,
                     "observed_at": ago(1)}
                    for n, (lon, lat) in enumerate(places)
                ]  # fmt: skip
                for _ in range(2):
                    assert api.post("/api/v1/sightings", json={"sightings": reports}).json()["accepted"] == len(places)
                time.sleep(0.25)

    posting = threading.Thread(target=post)
    posting.start()
    kills = 0
    while posting.is_alive():
        time.sleep(dice.uniform(0.5, 1.5))
        for pid in product.children("engine"):
            os.kill(pid, signal.SIGKILL)
            kills += 1
    posting.join()
    assert kills >= 3
    with product.api("duty") as api:
        until(lambda: [one["value"] for one in open_of(api, "fires")] == [float(rounds)] * len(places), 40, 0.3)
        assert {one["level"] for one in open_of(api, "fires")} == {"red"}
        assert all(len(str(one["county"])) == 6 and one["quantity"] is None for one in open_of(api, "fires"))
    history = rows(
        product,
        "SELECT h.kind, count(*) FROM alert_history h JOIN alerts a ON a.id = h.alert_id "
        "WHERE a.dedup_key LIKE 'rule:fires:%' GROUP BY h.kind",
    )
    assert dict(history) == {"fired": len(places), "level": len(places)}
    assert rows(product, "SELECT count(*) FROM sightings WHERE kind = 'fire_point'")[0][0] == rounds * len(places)
