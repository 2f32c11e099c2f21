"""Feeds over HTTP on the running product: SensorThings, health of each account, and a flood that starves nobody."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving import Server, sample_data, serving, until

ROOT = "/api/v1/sensorthings/v1.1"
GAUGE = "depth-up-001"
FEEDS = """
http:
  identities:
    admin: {limit: {rows_per_s: 200, burst: 400}}
sensorthings:
  datastreams: {"17": depth-up-009/depth_m}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sample_source: Path) -> Iterator[Server]:
    data = sample_data(tmp_path_factory.mktemp("feeds"), sample_source)
    (data / "feeds.yaml").write_text(FEEDS)
    settings = {"CITYBRAIN_DEMO": "true", "CITYBRAIN_DRILL": "", "CITYBRAIN_FEEDS_FILE": str(data / "feeds.yaml")}
    with serving(data, **settings) as made:
        yield made


@pytest.fixture
def api(server: Server) -> Iterator[httpx.Client]:
    """The account that no limit holds: a service made for the test, with a token of its own."""
    with service(server, "meter-company") as made:
        yield made


def service(server: Server, name: str) -> httpx.Client:
    from hub.auth import Auth
    from hub.database import Database

    database = Database(f"sqlite:///{server.data_dir / 'citybrain.sqlite'}")
    auth = Auth(database, 1)
    auth.ensure_service(name, "示例抄表公司", "service")
    token, _ = auth.issue(name, "api", datetime.now(UTC), timedelta(hours=1))
    database.close()
    return httpx.Client(
        base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
    )  # fmt: skip


def stamp(ago_s: float = 0) -> str:
    return (datetime.now(UTC) - timedelta(seconds=ago_s)).isoformat(timespec="milliseconds")


def path_of(link: str) -> str:
    return link[link.index(ROOT) :]


def test_a_client_discovers_posts_and_reads_back(api: httpx.Client) -> None:
    root = api.get(ROOT).json()
    assert {"Things", "Datastreams", "Observations"} <= {one["name"] for one in root["value"]}
    assert root["serverSettings"]["conformance"]
    things = api.get(f"{ROOT}/Things", params={"$top": 2, "$count": "true"}).json()
    assert len(things["value"]) == 2
    assert things["@iot.count"] > 2
    more = api.get(path_of(things["@iot.nextLink"])).json()
    assert more["value"][0]["@iot.id"] > things["value"][1]["@iot.id"]
    stream = api.get(
        path_of(api.get(f"{ROOT}/Things('{GAUGE}')/Datastreams").json()["value"][0]["@iot.selfLink"])
    ).json()
    assert stream["unitOfMeasurement"]["symbol"] == "m"
    made = api.post(
        path_of(stream["Observations@iot.navigationLink"]), json={"result": 0.11, "phenomenonTime": stamp(5)}
    )
    assert made.status_code == 201, made.text
    read = until(lambda: (found := api.get(path_of(made.headers["Location"]))).status_code == 200 and found.json())
    assert read["result"] == 0.11
    listed = api.get(path_of(stream["Observations@iot.navigationLink"])).json()["value"]
    assert [one["result"] for one in listed if one["@iot.id"] == read["@iot.id"]] == [0.11]
    assert api.get(path_of(stream["Thing@iot.navigationLink"])).json()["@iot.id"] == GAUGE


def test_bodies_that_are_refused_say_why_and_are_kept(api: httpx.Client) -> None:
    for body in (
        {"result": 1}, {"phenomenonTime": stamp(), "Datastream": {"@iot.id": f"{GAUGE}/depth_m"}}, [], 7,
        {"result": 1, "Datastream": {"@iot.id": "nobody/depth_m"}}, {"result": "wet", "Datastream": {"@iot.id": "17"}},
        {"result": 1, "phenomenonTime": "2001-01-01T00:00:00Z", "Datastream": {"@iot.id": "17"}},
    ):  # fmt: skip
        answer = api.post(f"{ROOT}/Observations", json=body)
        assert answer.status_code == 422, body
        assert answer.json()["detail"]
    kept = api.get("/api/v1/rejects", params={"source": "sensorthings"}).json()["items"]
    assert len(kept) >= 7
    for path in ("Users", "Things('nobody')", "Datastreams('x/y')", "Observations('a/b/1')", "Datastreams(17)/Nothing"):
        assert api.get(f"{ROOT}/{path}").status_code == 404, path
    assert api.get(f"{ROOT}/Things", params={"$filter": "name eq 'x'"}).status_code == 422
    assert api.post(f"{ROOT}/Things", json={}).status_code == 404


def test_a_data_array_answers_for_each_row_in_order(api: httpx.Client) -> None:
    groups = [
        {"Datastream": {"@iot.id": 17}, "components": ["phenomenonTime", "result"],
         "dataArray": [[stamp(9), 0.2], [stamp(8), "wet"], [stamp(7), 0.3]]},
        {"Datastream": {"@iot.id": "nobody/depth_m"}, "components": ["phenomenonTime", "result"],
         "dataArray": [[stamp(6), 1]]},
    ]  # fmt: skip
    answer = api.post(f"{ROOT}/CreateObservations", json=groups)
    assert answer.status_code == 201
    assert [one.startswith("error: ") for one in answer.json()] == [False, True, False, True]
    read = until(lambda: (found := api.get(path_of(answer.json()[2]))).status_code == 200 and found.json())
    assert read["result"] == 0.3
    streams = api.get(f"{ROOT}/Datastreams(17)").json()
    assert streams["@iot.id"] == "17"


def test_who_may(server: Server, api: httpx.Client) -> None:
    with server.api("duty") as duty:
        assert duty.get(f"{ROOT}/Things").status_code == 200
        assert duty.post(f"{ROOT}/Observations", json={"result": 1}).status_code == 403
        assert duty.get("/api/v1/feeds").status_code == 200
    assert api.get("/api/v1/feeds").status_code == 403
    assert httpx.get(f"{server.url}{ROOT}", trust_env=False).status_code == 401


def feed(duty: httpx.Client, feed_id: str) -> dict[str, Any]:
    items = duty.get("/api/v1/feeds").json()["items"]
    return next((one for one in items if one["id"] == feed_id), {})


def test_a_flood_is_refused_and_counted_exactly_and_starves_nobody(server: Server, api: httpx.Client) -> None:
    """One account sends a hundred times what it may; the other's readings all arrive, in order, meanwhile."""
    flooding, refused, accepted, answers = threading.Event(), 0, 0, list[httpx.Response]()
    with server.api("duty") as duty, server.api("admin") as admin:
        before = feed(duty, "http:admin").get("dropped", 0)
        now = stamp()
        batch = [{"sensor": GAUGE, "quantity": "pressure_hpa", "value": 1000, "observed_at": now}] * 200

        def flood() -> None:
            nonlocal refused, accepted
            while not flooding.is_set():
                answer = admin.post("/api/v1/observations", json={"observations": batch})
                if answer.status_code == 429:
                    refused += len(batch)
                    answers.append(answer)
                else:
                    accepted += answer.json()["accepted"]

        thread = threading.Thread(target=flood)
        began = time.monotonic()
        thread.start()
        sent = []
        for number in range(100):
            at = datetime.now(UTC) - timedelta(minutes=10) + timedelta(seconds=number)
            row = {"sensor": GAUGE, "quantity": "humidity_pct", "value": number / 2, "observed_at": at.isoformat()}
            assert api.post("/api/v1/observations", json={"observations": [row]}).json() == {
                "accepted": 1,
                "rejected": [],
            }
            sent.append(number / 2)
        flooding.set()
        thread.join(60)
        took_s = time.monotonic() - began
        assert refused > 0
        assert accepted <= 400 + 200 * (took_s + 1) + 200
        until(lambda: feed(duty, "http:admin").get("dropped") == before + refused)
        series = f"{ROOT}/Datastreams('{GAUGE}/humidity_pct')/Observations?$top=200&$orderby=phenomenonTime asc"
        until(lambda: [one["result"] for one in duty.get(series).json()["value"]] == sent)
        assert feed(duty, "http:meter-company")["dropped"] == 0
        problem = answers[0].json()
        assert int(answers[0].headers["retry-after"]) >= 1
        assert "每秒 200 条" in problem["detail"]
        said = admin.get("/api/v1/rejects", params={"source": "feed:http:admin"}).json()["items"]
        assert len(said) == 1  # a line a minute, not one a request
        assert "没有接收" in said[0]["reason"]


def test_health_of_accounts_in_metrics_and_ready(server: Server, api: httpx.Client) -> None:
    api.post("/api/v1/observations", json={"observations": [
        {"sensor": GAUGE, "quantity": "depth_m", "value": 0.1, "observed_at": stamp(30)}]})  # fmt: skip
    with server.api("duty") as duty:
        row = until(lambda: (found := feed(duty, "http:meter-company")).get("state") == "ok" and found)
        assert row["title"] == "示例抄表公司"
        assert row["accepted"] > 0
        assert row["rate_per_min"] > 0
        part = duty.get("/readyz").json()["parts"]["feeds"]
    assert (part["up"], part["needed"]) == (True, False)
    text = httpx.get(f"{server.url}/metrics", trust_env=False).text
    assert 'citybrain_feed_rows{feed="http:meter-company",outcome="accepted"}' in text
    assert 'citybrain_feed_ok{feed="http:meter-company"} 1.0' in text
