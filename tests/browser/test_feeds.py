"""The feeds page in Chromium: empty it says what to do, full it is live, failing ones stand first."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenScreen
from tests.serving import Server, sample_data, serving

pytestmark = pytest.mark.browser
FEEDS = """
feeds:
  - {{id: gone, kind: folder, title: 水文日报文件夹(已卸载), path: {missing}}}
  - {{id: box, kind: folder, title: 雨量站文件夹, path: {box}, settle_s: 0.2, every_s: 0.2}}
  - id: dead
    kind: mqtt
    title: 水务物联网网关
    host: 127.0.0.1
    port: 20599
    topics: [{{topic: 'n/{{sensor}}/{{quantity}}'}}]
  - {{id: later, kind: folder, title: 城管井盖(未启用), path: {box}, on: false}}
http:
  identities:
    duty: {{limit: {{rows_per_s: 1, burst: 5}}}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sample_source: Path) -> Iterator[Server]:
    """A product of this module's own: its feeds file is empty at first."""
    data = sample_data(tmp_path_factory.mktemp("feeds"), sample_source)
    (data / "feeds.yaml").write_text("feeds: []\n")
    settings = {"CITYBRAIN_DEMO": "true", "CITYBRAIN_DRILL": "", "CITYBRAIN_FEEDS_FILE": str(data / "feeds.yaml")}
    with serving(data, **settings) as made:
        yield made


def shot(page: object, name: str) -> None:
    """A picture to look at, when a folder for it is named."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")  # type: ignore[attr-defined]


def test_from_nothing_to_a_live_panel(open_screen: OpenScreen, server: Server) -> None:
    page = open_screen("/feeds")
    expect(page.locator("#feeds-empty")).to_contain_text("还没有任何读数进来")
    expect(page.locator(".feeds-list")).to_be_hidden()
    shot(page, "feeds-empty")

    box = server.data_dir / "box"
    box.mkdir()
    (server.data_dir / "feeds.yaml").write_text(FEEDS.format(missing=server.data_dir / "missing", box=box))
    expect(page.locator('[data-feed="dead"]')).to_contain_text("连不上代理", timeout=40_000)
    expect(page.locator('[data-feed="gone"]')).to_contain_text("不存在", timeout=20_000)
    expect(page.locator("#feeds-rows tr").first).to_have_class("feed is-failing")
    expect(page.locator('[data-feed="later"]')).to_contain_text("关闭")
    expect(page.locator("#feeds-empty")).to_be_hidden()

    now = datetime.now(UTC).isoformat()
    with server.api("admin") as api:
        rows = [{"sensor": "depth-up-001", "quantity": "depth_m", "value": 0.1, "observed_at": now}] * 3
        bad = {"sensor": "nobody", "quantity": "depth_m", "value": 0.1, "observed_at": now}
        assert api.post("/api/v1/observations", json={"observations": [*rows, bad]}).json()["accepted"] == 3
    expect(page.locator('[data-feed="http:admin"]')).to_contain_text("正常", timeout=10_000)
    expect(page.locator('[data-feed="http:admin"] td.num').nth(3)).to_have_text("3")
    (box / "rain.csv").write_text(f"sensor,quantity,value,observed_at\ndepth-up-002,depth_m,0.2,{now}\n")
    expect(page.locator('[data-feed="box"]')).to_contain_text("正常", timeout=20_000)
    assert (box / "done" / "rain.csv.txt").read_text().startswith("接收 1 条")
    shot(page, "feeds")

    (server.data_dir / "feeds.yaml").write_text("feeds:\n  - {kind: nothing}\n")
    expect(page.locator("#feeds-trouble")).to_be_hidden()
    expect(page.locator("#feeds-trouble")).to_contain_text("feeds.yaml:2", timeout=10_000)
    expect(page.locator('[data-feed="box"]')).to_contain_text("正常")
    with server.api() as api:
        part = api.get("/readyz").json()["parts"]["feeds"]
    assert (part["needed"], part["up"]) == (False, False)
    assert "feeds.yaml:2" in part["problem"]
    shot(page, "feeds-wrong-file")
