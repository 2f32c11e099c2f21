"""Ten thousand alerts open: the screens open, a change comes through, an engine that dies is followed as always."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.alert_store import DbAlertStore
from hub.database import Database
from tests.faults.parts import ago, kill, leader, leads_anew, sensors
from tests.serving import Server, sample_data, serving, until
from tests.storm import made_up

pytestmark = pytest.mark.faults
OPEN = 10_000


def test_ten_thousand_open_alerts(tmp_path: Path, sample_source: Path) -> None:
    data = sample_data(tmp_path / "data", sample_source)
    with serving(data, CITYBRAIN_DEMO="true", CITYBRAIN_DRILL="") as city, city.api("duty") as duty:
        database = Database(f"sqlite:///{data / 'citybrain.sqlite'}")
        store, changes = DbAlertStore(database), made_up(OPEN, datetime.now(UTC))
        for start in range(0, OPEN, 2_000):
            store.apply(changes[start : start + 2_000])
        database.close()
        answer = duty.get("/api/v1/open-alerts").raise_for_status().json()
        assert len(answer["rows"]) == OPEN
        assert answer["fields"][:2] == ["level", "level_no"]
        dead = leader(city)
        kill(city, "engine")
        until(lambda: leads_anew(city, dead), 30)
        fires_and_is_acknowledged(city)
        walked = duty.get("/desk/_dash-layout")
        assert walked.status_code == 200
        assert len(walked.content) < 2_000_000, "a page carries the worst alerts, not all of them"


def fires_and_is_acknowledged(city: Server) -> None:
    with city.api("admin") as admin, city.api("duty") as duty:
        sensor = sensors(duty, "depth_m", 1)[0]
        row = {"sensor": sensor, "quantity": "depth_m", "value": 1.1, "observed_at": ago(0)}
        admin.post("/api/v1/observations", json={"observations": [row]}).raise_for_status()

        def open_now() -> list[str]:
            answer = duty.get("/api/v1/open-alerts").json()
            at, name = answer["fields"].index("sensor"), answer["fields"].index("id")
            return [found[name] for found in answer["rows"] if found[at] == sensor]

        made = until(open_now, 60)[0]
        seen = duty.post(f"/api/v1/alerts/{made}/acknowledge", json={"note": ""}).raise_for_status().json()
        assert seen["acknowledged_by"] == "duty"
