"""Every screen as its user drives it: layers, dossiers, time, 3-D, a cut link, sound, tablet and phone."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenScreen
from tests.serving import Server, until

pytestmark = pytest.mark.browser
LAYERS = ("waterlogging", "forest", "components", "cameras")


@pytest.fixture(scope="module")
def source(server: Server) -> Iterator[httpx.Client]:
    with server.api("admin") as client:
        yield client


def post(source: httpx.Client, depths: dict[str, float]) -> None:
    at = datetime.now(UTC).isoformat()
    rows = [
        {"sensor": name, "quantity": "depth_m", "value": depth, "observed_at": at} for name, depth in depths.items()
    ]
    assert source.post("/api/v1/observations", json={"observations": rows}).json()["rejected"] == []


def only(page: Page, layer: str) -> None:
    """Switch this layer on and the others off."""
    for one in LAYERS:
        switch = page.locator(f'[data-layer="{one}"]')
        if (switch.get_attribute("aria-pressed") == "true") != (one == layer):
            switch.click()


def look(page: Page, lon: float, lat: float, zoom: int) -> None:
    page.evaluate(f"void citybrain.map().setView([{lat}, {lon}], {zoom}, {{animate: false}})")
    page.wait_for_timeout(500)


def painted(page: Page, layer: str) -> int:
    """How many pixels of the layer's tiles on screen are not empty."""
    return int(
        page.evaluate(
            """(layer) => Object.values(citybrain.mapLayer(layer)._tiles).reduce((sum, {el}) => {
                const data = el.getContext("2d").getImageData(0, 0, el.width, el.height).data;
                let n = 0; for (let i = 3; i < data.length; i += 4) n += data[i] > 0; return sum + n; }, 0)""",
            layer,
        )
    )


def test_a_layer_has_switch_legend_and_filter(open_screen: OpenScreen) -> None:
    page = open_screen("/desk")
    only(page, "components")
    look(page, 118.35, 35.06, 14)
    full = until(lambda: painted(page, "components"))
    card = page.locator(".layer", has_text="城市部件")
    card.locator("summary").click()
    expect(card.locator(".legend")).to_contain_text("公用设施")
    for chip in card.locator('[data-field="class_code"]').all()[:5]:
        chip.click()
    until(lambda: 0 < painted(page, "components") < full)
    page.locator('[data-layer="components"]').click()  # the filter outlives the switch
    page.locator('[data-layer="components"]').click()
    until(lambda: 0 < painted(page, "components") < full)


@pytest.mark.parametrize(
    ("layer", "dataset", "title", "zoom", "around"),
    [("waterlogging", "waterlogging_points", "积水点", 16, (118.35, 35.06)),
     ("components", "city_components", "城市部件", 18, (118.35, 35.06)),
     ("cameras", "cameras", "摄像机", 18, (118.35, 35.06)),
     ("forest", "forest_grid", "林区网格", 13, (117.85, 35.55))],
)  # fmt: skip
def test_a_press_on_the_map_opens_the_dossier(
    open_screen: OpenScreen,
    server: Server,
    layer: str,
    dataset: str,
    title: str,
    zoom: int,
    around: tuple[float, float],
) -> None:
    with server.api() as api:
        near = api.get("/api/v1/features", params={"lon": around[0], "lat": around[1], "zoom": 9, "layers": dataset})
    spot = near.json()["items"][0]
    page = open_screen("/desk")
    only(page, layer)
    look(page, spot["lon"], spot["lat"], zoom)
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#dossier .kind")).to_have_text(title, timeout=5_000)
    expect(page.locator("#dossier")).to_contain_text("责任人")
    expect(page.locator("#dossier")).to_contain_text("示例数据")
    page.keyboard.press("Escape")
    expect(page.locator("#dossier .kind")).to_have_count(0)


def test_the_view_in_three_dimensions_opens_and_closes(open_screen: OpenScreen) -> None:
    page = open_screen("/desk")
    page.click(".map-tools [data-act=deck]")
    expect(page.locator("#deck-toggle")).to_have_attribute("data-ready", "true", timeout=20_000)
    expect(page.locator(".deck-legend")).to_contain_text("封路")
    page.wait_for_timeout(500)
    page.click("#deck-toggle [data-act=deck]")
    expect(page.locator("#deck-toggle")).to_be_hidden()


def test_the_past_says_so_and_leads_back(open_screen: OpenScreen) -> None:
    then = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    page = open_screen("/desk")
    page.locator(".bin").nth(80).click()
    page.wait_for_selector("[data-ready]", state="attached")
    expect(page.locator("#mode-badge")).to_have_text("回放")
    page.goto(page.url.split("/desk")[0] + f"/desk/?at={then}")
    page.wait_for_selector("[data-ready]", state="attached")
    expect(page.locator("#mode-badge")).to_have_text("回放")
    expect(page.locator("#link-state")).to_contain_text("非实时")
    page.click("text=返回实时")
    page.wait_for_selector("[data-ready]", state="attached")
    expect(page.locator("#mode-badge")).not_to_have_text("回放")
    expect(page.locator("#link-state")).to_contain_text("已连接", timeout=10_000)


def test_the_alert_list_keeps_its_place(open_screen: OpenScreen, source: httpx.Client) -> None:
    page = open_screen("/desk")
    page.locator(
        '#alert-view [data-view="flat"]'
    ).click()  # each by itself; lines are tests/browser/test_alert_list.py's
    post(source, {f"depth-up-{n:03d}": 0.22 for n in range(4, 24)})
    until(lambda: page.locator("#alert-list .alert").count() >= 20)
    page.locator("#alert-list").evaluate("(list) => { list.scrollTop = 400; }")
    first = """(list) => { const top = list.getBoundingClientRect().top;
        const row = [...list.children].find((one) => one.getBoundingClientRect().bottom > top);
        return [row.dataset.id, Math.round(row.getBoundingClientRect().top - top)]; }"""
    before, count = page.locator("#alert-list").evaluate(first), page.locator("#alert-list .alert").count()
    post(source, {"depth-up-024": 0.5, "depth-up-025": 0.5})  # the worst come in above
    until(lambda: page.locator("#alert-list .alert").count() > count)
    page.wait_for_timeout(200)
    after = page.locator("#alert-list").evaluate(first)
    assert after[0] == before[0]
    assert abs(after[1] - before[1]) <= 2
    expect(page.locator("#alert-list .acked").first).to_contain_text("确认")


def test_sound_and_rails_are_remembered(open_screen: OpenScreen) -> None:
    page = open_screen("/desk")
    page.click("#sound-toggle")
    expect(page.locator("#sound-toggle")).to_have_text("声音:开")
    page.click("[data-act=rail-left]")
    expect(page.locator(".rail-left")).to_be_hidden()
    page.reload()
    page.wait_for_selector("[data-ready]", state="attached")
    expect(page.locator("#sound-toggle")).to_have_text("声音:开")
    expect(page.locator(".rail-left")).to_be_hidden()
    page.click("[data-act=rail-left]")
    expect(page.locator(".rail-left")).to_be_visible()


@pytest.mark.parametrize("size", ["tablet", "tablet-wide", "phone"])
def test_the_field_screen_can_be_used_by_thumb(open_screen: OpenScreen, size: str) -> None:
    page = open_screen("/field", user="field", size=size)
    expect(page.locator("#field-tasks")).to_be_visible()
    expect(page.locator("#map")).to_be_visible()
    for button in page.locator("#field-position, .step").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44


def test_a_cut_wall_says_so_and_recovers(open_screen: OpenScreen, server: Server, troubles: list[str]) -> None:
    wall = open_screen("/wall", size="wall")
    expect(wall.locator("#link-state")).to_contain_text("已连接", timeout=10_000)
    web = server.children("web")
    for pid in web:
        os.kill(pid, signal.SIGSTOP)
    try:
        expect(wall.locator("#link-banner")).to_be_visible(timeout=35_000)
        expect(wall.locator("#link-banner")).to_contain_text("断开")
    finally:
        for pid in web:
            os.kill(pid, signal.SIGCONT)
    expect(wall.locator("#link-banner")).to_be_hidden(timeout=30_000)
    expect(wall.locator("#link-state")).to_contain_text("已连接")
    troubles[:] = [one for one in troubles if "ERR_" not in one]  # the cut itself is reported by the browser
