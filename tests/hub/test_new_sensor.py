"""A sensor registered while the server runs is known with its first reading, without a restart."""

import httpx
import pytest

from geodata.clock import utc_now
from hub.database import Database
from hub.sensor_registry import DbSensorRegistry
from tests.serving import Server


@pytest.mark.parametrize("number", [1, 2])
def test_a_new_sensor_is_taken_at_once(server: Server, number: int) -> None:
    sensor = f"new-gauge-{number}"
    row = {"sensor": sensor, "quantity": "depth_m", "value": 0.01, "observed_at": utc_now().isoformat()}
    with server.api("admin") as api:

        def post() -> httpx.Response:
            return api.post("/api/v1/observations", json={"observations": [row]})

        refused = post().json()
        assert refused["accepted"] == 0
        assert sensor in refused["rejected"][0]["reason"]
        database = Database(f"sqlite:///{server.data_dir / 'citybrain.sqlite'}")
        DbSensorRegistry(database).register([sensor])
        database.close()
        assert post().json() == {"accepted": 1, "rejected": []}
