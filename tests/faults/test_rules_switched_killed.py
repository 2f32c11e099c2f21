"""The engine dies as new rules come into force: the next one goes by them, no alert is dropped or doubled."""

import pytest

from tests.faults.parts import ago, columns, kill, leader, leads_anew, post, rows, sensors
from tests.serving import Server, until

pytestmark = pytest.mark.faults
FIRED = "SELECT count(*) FROM alerts WHERE source = 'rule' AND dedup_key LIKE '%:' || ?"
OPEN = FIRED + " AND resolved_at IS NULL"


def test_an_engine_killed_while_rules_change(city: Server) -> None:
    with city.api("admin") as api:
        ids = sensors(api, "depth_m")[-3:]
        now = api.get("/api/v1/rules/text").json()
        assert post(api, columns("depth_m", ago(3), ids[:1], [0.35])).status_code == 202
        until(lambda: rows(city, OPEN, ids[0]) == [(1,)], 20)
        holder = leader(city)
        text = now["text"].replace("at: 0.20", "at: 0.10")
        saved = api.post("/api/v1/rules", json={"text": text, "base": now["no"], "why": "演练中断"}).json()
        kill(city, "engine")
        assert post(api, columns("depth_m", ago(2), ids[:2], [0.36, 0.12])).status_code == 202
        until(lambda: leads_anew(city, holder), 30)
        until(lambda: rows(city, OPEN, ids[1]) == [(1,)], 20)
        assert rows(city, FIRED, ids[0]) == rows(city, OPEN, ids[0]) == [(1,)]
        assert api.get("/api/v1/rules/state").json()["version"]["no"] == saved["no"]
        holder = leader(city)
        back = api.post("/api/v1/rules/restore", json={"no": now["no"], "base": saved["no"], "why": "恢复"}).json()
        kill(city, "engine")
        until(lambda: leads_anew(city, holder), 30)
        until(lambda: api.get("/api/v1/rules/state").json()["engine"] == back["no"], 20)
        assert post(api, columns("depth_m", ago(0), [*ids], [0.01, 0.12, 0.12])).status_code == 202
        until(lambda: rows(city, OPEN, ids[0]) == rows(city, OPEN, ids[1]) == [(0,)], 20)
        assert rows(city, FIRED, ids[2]) == [(0,)]
