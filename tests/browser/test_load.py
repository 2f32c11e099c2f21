"""The load page in Chromium: what a storm did to the desk, its files, its picture, and the way to an alert."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenScreen
from tests.serving import Server, until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def api(server: Server) -> Iterator[httpx.Client]:
    with server.api("admin") as client:
        yield client


@pytest.fixture(scope="module")
def storm(api: httpx.Client) -> int:
    """Twelve underpasses under deep water at once, as readings through the real engine: a flood."""
    sensors = [one["id"] for one in api.get("/api/v1/sensors?quantity=depth_m&limit=12").json()["items"]]
    payload = {
        "quantity": "depth_m", "observed_at": datetime.now(UTC).isoformat(), "sensor": sensors,
        "value": [0.9] * len(sensors),
    }  # fmt: skip
    for _ in range(3):  # rules hold for a moment: the level must be seen again
        payload["observed_at"] = datetime.now(UTC).isoformat()
        assert api.post("/api/v1/observations", json=payload).json()["rejected"] == []
    until(lambda: api.get("/api/v1/load?period=1h").json()["total"] >= len(sensors), 90)
    return len(sensors)


def test_an_empty_desk_says_that_all_is_well(open_screen: OpenScreen) -> None:
    page = open_screen("/load/")  # a demonstration begins with its drills
    expect(page.locator('.chip[aria-current="true"]').last).to_have_text("演练")
    expect(page.locator(".verdict .word")).to_have_text("可接受")
    expect(page.locator(".verdict")).to_contain_text("本时段没有告警呼叫")
    expect(page.locator(".list-top")).to_contain_text("本时段没有告警呼叫")
    expect(page.locator(".load-chart svg .level")).to_have_count(0)


def test_a_storm_is_told_at_a_glance(open_screen: OpenScreen, storm: int) -> None:
    page = open_screen("/load/?exercise=0")
    expect(page.locator(".verdict .word")).not_to_have_text("可接受")
    expect(page.locator(".verdict .why")).to_contain_text("宜不超过")
    expect(page.locator(".tile", has_text="最忙的 10 分钟").locator("b")).to_have_text(str(storm))
    expect(page.locator(".tile", has_text="最忙的 10 分钟")).to_contain_text("超限")
    expect(page.locator(".load-chart .flood")).not_to_have_count(0)
    expect(page.locator(".load-chart .limit")).to_have_count(2)
    expect(page.locator(".list-top tbody tr")).to_have_count(10)
    page.locator(".load-chart .touch").last.click()
    expect(page.locator(".load-read")).to_contain_text(f"{storm} 次")
    page.locator(".tile", has_text="洪峰时间占比").locator("summary").click()
    expect(page.locator(".tile[open] .definition")).to_contain_text("ISA-18.2")


def test_a_period_is_a_link_and_a_row_leads_to_its_alert(open_screen: OpenScreen, storm: int) -> None:
    page = open_screen("/load/?exercise=0")
    page.click("text=30 天")
    page.wait_for_selector('[data-ready="true"]', state="attached")
    expect(page.locator('.chip[aria-current="true"]').first).to_have_text("30 天")
    expect(page.locator(".load-read")).to_contain_text("每柱为")
    link = page.locator(".list-top a.name").first
    wanted = (link.get_attribute("href") or "").split("alert=")[1]
    link.click()
    page.wait_for_selector("#alert-list", state="attached")
    page.wait_for_function(
        "id => window.citybrain.selectedAlert && (citybrain.selectedAlert() || {}).id === id", arg=wanted
    )
    assert storm


def test_it_looks_again_by_itself(open_screen: OpenScreen, api: httpx.Client, storm: int) -> None:
    page = open_screen("/load/?exercise=0")
    waiting = page.locator(".tile", has_text="等待确认").locator("b")
    before = int(waiting.inner_text())
    worst = api.get("/api/v1/alerts?state=firing&limit=1").json()["items"][0]["id"]
    assert api.post(f"/api/v1/alerts/{worst}/acknowledge").status_code == 200
    expect(waiting).to_have_text(str(before - 1), timeout=45_000)
    assert storm


def test_the_files_hold_what_the_page_shows(api: httpx.Client, storm: int) -> None:
    bins = api.get("/api/v1/load.csv?period=1h")
    assert bins.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(bins.content.decode("utf-8-sig"))))
    assert len(rows) == 6
    assert sum(int(row["呼叫"]) for row in rows) == api.get("/api/v1/load?period=1h").json()["total"]
    top = list(csv.DictReader(io.StringIO(api.get("/api/v1/load.csv?period=1h&table=top").text.lstrip("\ufeff"))))
    assert len(top) == min(10, storm)
    picture = api.get("/api/v1/load.png?period=1h", timeout=60)
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")
    assert (int.from_bytes(picture.content[16:20]), int.from_bytes(picture.content[20:24])) == (1920, 1080)


@pytest.mark.parametrize("query", ["period=9y", "period=31d", "table=x", "at=yesterday", "period=1h&at=2026-01-01"])
def test_what_cannot_be_answered_is_said(api: httpx.Client, query: str) -> None:
    answer = api.get(f"/api/v1/load.csv?{query}")
    assert answer.status_code == 422
    assert "应" in answer.json()["detail"] or "不是" in answer.json()["detail"]


def test_field_people_do_not_see_it(server: Server) -> None:
    with server.api("field") as client:
        assert client.get("/api/v1/load").status_code == 403
        assert client.get("/load/", follow_redirects=False).status_code in (303, 403)
