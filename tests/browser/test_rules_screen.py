"""The rules page as its users drive it: an edit from the first wrong line to the alert it fires, and back again."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenScreen
from tests.serving import ROOT, Server, sample_data, serving, until

pytestmark = pytest.mark.browser
GIVEN = (ROOT / "alerts/rules.yaml").read_text(encoding="utf-8")
LINE = "      - {level: yellow, at: 0.20, native: 慢行 0.20 m}"
GAUGE = "depth-up-003"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sample_source: Path) -> Iterator[Server]:
    """The product with a rules file of its own, which a test may break."""
    data = sample_data(tmp_path_factory.mktemp("rules"), sample_source)
    (data / "rules.yaml").write_text(GIVEN, encoding="utf-8")
    with serving(
        data, CITYBRAIN_DEMO="true", CITYBRAIN_DRILL="", CITYBRAIN_RULES_FILE=str(data / "rules.yaml")
    ) as made:
        yield made


@pytest.fixture(scope="module")
def admin(server: Server) -> Iterator[httpx.Client]:
    with server.api("admin") as client:
        yield client


def measure(admin: httpx.Client, depth: float, sensor: str = GAUGE) -> None:
    row = {"sensor": sensor, "quantity": "depth_m", "value": depth, "observed_at": datetime.now(UTC).isoformat()}
    assert admin.post("/api/v1/observations", json={"observations": [row]}).json()["rejected"] == []


def levels(admin: httpx.Client, sensor: str = GAUGE) -> list[str]:
    answer = admin.get("/api/v1/alerts", params={"state": "open"})
    assert answer.status_code == 200, answer.text
    return [one["level"] for one in answer.json()["items"] if one["sensor"] == sensor]


def text_of(page: Page) -> str:
    return page.input_value("#rules-text")


def put_in_force(page: Page, why: str) -> None:
    page.keyboard.press("Control+s")
    page.locator("dialog[open] #rules-why").fill(why)
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_have_count(0, timeout=15_000)


def tried(page: Page) -> str | None:
    """What the page says after a trial on the readings of the last hours."""
    page.click("[data-rules=try]")
    expect(page.locator("#rules-trial .trial-verdict")).to_be_visible(timeout=60_000)
    return page.locator("#rules-trial .trial-verdict b").text_content()


def in_force(page: Page, no: int) -> None:
    """The page says that this version is in force, and that the engine goes by it."""
    expect(page.locator("#rules-in-force")).to_contain_text(f"现行第 {no} 版", timeout=20_000)
    expect(page.locator("#rules-in-force")).to_contain_text("引擎已按此版判读", timeout=20_000)


def back_to_the_file(admin: httpx.Client) -> int:
    """The first version in force again, whatever a test before left; its number."""
    now = admin.get("/api/v1/rules/text").json()
    if now["text"] == GIVEN:
        return int(now["no"])
    return int(admin.post("/api/v1/rules/restore", json={"no": 1, "why": "测试之间"}).json()["no"])


def test_an_edit_from_the_wrong_line_to_the_alert_and_back(open_screen: OpenScreen, admin: httpx.Client) -> None:
    first = back_to_the_file(admin)
    page = open_screen("/rules")
    in_force(page, first)
    expect(page.locator(".rule-card", has_text="下穿立交积水")).to_contain_text("慢行 0.20 m")
    row = GIVEN.splitlines().index(LINE) + 1
    page.fill("#rules-text", GIVEN.replace(LINE, LINE.replace("0.20,", "viel,"), 1))
    expect(page.locator("#rules-dirty")).to_be_visible()
    page.locator("#rules-problems .pick", has_text=f"第 {row} 行").last.click()
    chosen = page.evaluate("[document.activeElement.selectionStart, document.activeElement.selectionEnd]")
    assert text_of(page)[slice(*chosen)] == LINE.replace("0.20,", "viel,")
    expect(page.locator(".gutter b").first).to_have_text(f"✕ {row}")
    page.click("[data-rules=save]")  # a wrong text cannot be put in force
    expect(page.locator("#toast")).to_contain_text("有误")
    expect(page.locator("dialog")).to_have_count(0)

    page.fill("#rules-text", GIVEN.replace(LINE, LINE.replace("0.20,", "0.10,"), 1))
    expect(page.locator("#rules-problems .right")).to_contain_text("修改「下穿立交积水」")
    measure(admin, 0.12)
    until(lambda: tried(page) == "现行 0 次 → 修改后 1 次")
    page.locator('[data-trial-more="waterlogging-underpass"] summary').click()
    expect(page.locator(".episodes li")).to_contain_text("峰值 0.12 m")
    put_in_force(page, "汛期提早提醒")
    in_force(page, first + 1)
    assert levels(admin) == []
    measure(admin, 0.13)
    until(lambda: levels(admin) == ["yellow"])
    expect(page.locator("#rules-dirty")).to_be_hidden()
    expect(page.locator(f'[data-version="{first + 1}"]')).to_contain_text("汛期提早提醒")
    expect(page.locator(".rule-card", has_text="下穿立交积水")).to_contain_text("≥ 0.1 m")

    page.locator(f'[data-version="{first + 1}"] button', has_text="改了什么").click()
    expect(page.locator("dialog[open] .diff-out")).to_contain_text("at: 0.20")
    expect(page.locator("dialog[open] .diff-in")).to_contain_text("at: 0.10")
    page.keyboard.press("Escape")
    page.locator(f'[data-version="{first}"] button', has_text="恢复").click()
    expect(page.locator("dialog[open]")).to_contain_text(f"恢复第 {first} 版")
    page.locator("dialog[open] #rules-why").fill("雨停了")
    page.locator("dialog[open] button[type=submit]").click()
    in_force(page, first + 2)
    assert text_of(page) == GIVEN
    measure(admin, 0.14)
    until(lambda: levels(admin) == [])


def test_one_rule_is_switched_off_and_on_with_a_reason(open_screen: OpenScreen, admin: httpx.Client) -> None:
    first = back_to_the_file(admin)
    page = open_screen("/rules")
    in_force(page, first)
    measure(admin, 0.30, "depth-up-004")
    until(lambda: levels(admin, "depth-up-004") == ["red"])
    switch = page.locator('.rule-switch[data-rule="waterlogging-underpass"]')
    switch.focus()
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open]")).to_contain_text("停用规则「下穿立交积水」")
    page.locator("dialog[open] button[type=submit]").click()  # no reason: the browser asks for it
    expect(page.locator("dialog[open]")).to_have_count(1)
    page.locator("dialog[open] #rules-why").fill("水尺检修")
    page.keyboard.press("Enter")
    in_force(page, first + 1)
    expect(switch).to_have_attribute("aria-checked", "false")
    until(lambda: levels(admin, "depth-up-004") == [])
    assert text_of(page).count("\n") == GIVEN.count("\n") + 1
    switch.click()
    page.locator("dialog[open] #rules-why").fill("检修完成")
    page.keyboard.press("Enter")
    in_force(page, first + 2)
    measure(admin, 0.30, "depth-up-004")
    until(lambda: levels(admin, "depth-up-004") == ["red"])
    measure(admin, 0.01, "depth-up-004")


def test_somebody_else_was_quicker_and_nothing_is_overwritten(
    open_screen: OpenScreen, admin: httpx.Client, troubles: list[str]
) -> None:
    first = back_to_the_file(admin)
    page = open_screen("/rules")
    in_force(page, first)
    page.fill("#rules-text", GIVEN.replace(LINE, LINE.replace("0.20,", "0.11,"), 1))
    page.keyboard.press("Control+s")
    expect(page.locator("dialog[open]")).to_be_visible()
    other = GIVEN.replace(LINE, LINE.replace("0.20,", "0.15,"), 1)
    admin.post("/api/v1/rules", json={"text": other, "base": first, "why": "会商决定"}).raise_for_status()
    page.locator("dialog[open] #rules-why").fill("晚了一步")
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open] .trouble")).to_contain_text("会商决定")
    page.keyboard.press("Escape")
    expect(page.locator("#rules-newer")).to_contain_text("会商决定", timeout=20_000)
    assert "at: 0.11" in text_of(page)  # what was written is kept
    page.click("#rules-newer button:has-text('以新版为底')")
    expect(page.locator("#rules-newer")).to_be_hidden()  # the new version has come
    put_in_force(page, "会商后再调")
    in_force(page, first + 2)
    assert [one for one in troubles if "409" not in one] == []
    troubles.clear()  # the browser itself notes the refused request


def test_a_broken_file_is_said_here_and_on_the_desk(
    open_screen: OpenScreen, server: Server, admin: httpx.Client
) -> None:
    page, desk = open_screen("/rules"), open_screen("/desk")
    no = admin.get("/api/v1/rules/text").json()["no"]
    expect(desk.locator("#rules-badge")).to_be_hidden()
    path = server.data_dir / "rules.yaml"
    path.write_text(GIVEN.replace("quantity: flow_m3s", "quantity: flow", 1), encoding="utf-8")
    try:
        expect(page.locator("#rules-trouble")).to_contain_text("quantity", timeout=20_000)
        expect(page.locator("#rules-trouble")).to_contain_text(f"第 {no} 版继续有效")
        expect(desk.locator("#rules-badge")).to_be_visible(timeout=30_000)
    finally:
        path.write_text(GIVEN, encoding="utf-8")
    expect(page.locator("#rules-trouble")).to_be_hidden(timeout=20_000)
    expect(desk.locator("#rules-badge")).to_be_hidden(timeout=30_000)


def test_who_may_not_edit_sees_everything_and_changes_nothing(open_screen: OpenScreen) -> None:
    page = open_screen("/rules", user="leader")
    expect(page.locator(".rule-card").first).to_be_visible()
    assert page.locator("#rules-text").get_attribute("readonly") is not None
    expect(page.locator("[data-rules], .rule-switch, .version button:has-text('恢复')")).to_have_count(0)
    page.keyboard.press("Control+s")
    expect(page.locator("dialog")).to_have_count(0)


@pytest.mark.parametrize("size", ["desk", "tablet-wide", "tablet"])
def test_nothing_is_cut_off_on_a_lesser_screen(open_screen: OpenScreen, size: str) -> None:
    page = open_screen("/rules", size=size)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for box in (
        "#rules-list .rule-card >> nth=0",
        "#rules-text",
        "[data-rules=save]",
        "#rules-history .version >> nth=0",
    ):
        page.locator(box).scroll_into_view_if_needed()
        found = page.locator(box).bounding_box()
        assert found is not None
        assert found["width"] > 60
        assert found["x"] >= 0
        assert found["x"] + found["width"] <= page.viewport_size["width"] + 1  # type: ignore[index]
