"""The incident pages as officers use them: list, sheet, steps, files, merge, print; draft, edit, sign, preview."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenScreen
from tests.hub.test_incident_api import PNG, opened, received, warning
from tests.serving import Server

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("SHOTS_DIR", "")


@pytest.fixture(scope="module")
def duty(server: Server) -> Iterator[httpx.Client]:
    with server.api("duty") as client:
        yield client


def shoot(page: Page, name: str, *, whole: bool = False) -> None:
    """A picture for people to look at, when a folder is named."""
    folder = Path(SHOTS or tempfile.gettempdir())
    if SHOTS:
        page.screenshot(path=folder / f"{name}.png", full_page=whole)


def fill(page: Page, title: str, **values: str) -> None:
    """Open the form under `title`, fill it, send it, and wait for the page that comes after."""
    form = page.locator("details.act", has=page.locator("summary", has_text=title))
    form.locator("summary").click()
    for name, value in values.items():
        field = form.locator(f"[name={name}]")
        if field.evaluate("node => node.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    sent(page, lambda: form.locator("button[type=submit]").click())


def sent(page: Page, press: Any) -> None:
    """Press, and wait until the page that follows is drawn."""
    page.evaluate("() => { document.documentElement.dataset.old = '1'; }")
    press()
    page.wait_for_selector("html[data-ready]:not([data-old])", state="attached")


def test_an_officer_handles_an_incident(open_screen: OpenScreen, duty: httpx.Client, tmp_path: Path) -> None:
    one, two = opened(duty, title="示例路口积水"), opened(duty, title="示例下穿积水", level="Ⅱ")
    page = open_screen("/incident/")
    expect(page.locator(".incidents").first).to_contain_text("示例路口积水")
    first = page.locator(".incidents tbody tr").first
    expect(first).to_contain_text("Ⅱ级")  # the worst one stands first
    shoot(page, "incident-list", whole=True)
    sent(page, lambda: page.get_by_role("link", name="示例路口积水").click())
    fill(page, "记一笔", text="现场 <b>水深</b> 约半米")
    expect(page.locator(".record")).to_contain_text("现场 <b>水深</b> 约半米")
    step = page.locator(".step-table tbody tr").first
    sent(page, lambda: step.get_by_role("button", name="完成").click())
    expect(page.locator(".step-table tbody tr").first).to_contain_text("duty")
    page.locator(".step-table tbody tr").first.get_by_role("button", name="撤销").click()
    page.locator(".step-form input").fill("按错了")
    sent(page, lambda: page.locator(".step-form button").click())
    expect(page.locator(".step-table tbody tr").first).to_contain_text("未完成")
    picture = tmp_path / "现场.png"
    picture.write_bytes(PNG)
    form = page.locator("details.act", has=page.locator("summary", has_text="附件"))
    form.locator("summary").click()
    form.locator("input[type=file]").set_input_files(picture)
    sent(page, lambda: form.locator("button[type=submit]").click())
    expect(page.locator(".files")).to_contain_text("现场.png")
    fill(page, "改级别", level="Ⅲ", reason="水位上涨")
    expect(page.locator("header p")).to_contain_text("Ⅲ级")
    fill(page, "并入其他事件", **{"from": two["id"], "reason": "同一处"})
    expect(page.locator(".incident-page")).to_contain_text("已并入的事件")
    expect(page.locator("header p")).to_contain_text("Ⅱ级")
    shoot(page, "incident-sheet", whole=True)
    fill(page, "结束事件", reason="水已退")
    expect(page.locator("header p")).to_contain_text("水已退")
    expect(page.locator("details.act summary", has_text="重新打开")).to_be_visible()
    assert duty.get(f"/api/v1/incidents/{one['id']}").json()["status"] == "closed"


def flooded(duty: httpx.Client, number: int, lon: float, headline: str) -> str:
    """A warning of standing water at a point."""
    body = warning(number)
    area = [{"areaDesc": headline, "circle": [f"35.06,{lon} 0.1"]}]
    body["info"][0] |= {"event": "积水", "headline": headline, "area": area}
    answer = duty.post("/api/v1/alerts", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_what_belongs_together_is_offered_and_can_be_parted(open_screen: OpenScreen, duty: httpx.Client) -> None:
    flooded(duty, 201, 118.60, "示例甲路积水")
    flooded(duty, 202, 118.604, "示例乙路积水")
    page = open_screen("/incident/")
    hint = page.locator(".hints tr", has_text="示例甲路积水")
    expect(hint).to_contain_text("同为积水")
    shoot(page, "incident-hints", whole=True)
    sent(page, lambda: hint.get_by_role("button", name="合并开立").click())
    expect(page.locator(".alert-table tbody tr")).to_have_count(2)
    form = page.locator("details.act", has=page.locator("summary", has_text="拆出新事件"))
    form.locator("summary").click()
    form.get_by_label("示例乙路积水").check()
    form.locator("[name=reason]").fill("两处水源不同")
    sent(page, lambda: form.locator("button[type=submit]").click())
    expect(page.locator(".alert-table tbody tr")).to_have_count(1)
    expect(page.locator(".alert-table")).to_contain_text("示例乙路积水")
    fill(page, "登记人员", person=page.locator("#roster option").first.get_attribute("value") or "", role="现场联络")
    expect(page.locator(".people-table")).to_contain_text("现场联络")
    shoot(page, "incident-split", whole=True)


def test_the_sheet_on_paper_has_no_buttons(open_screen: OpenScreen, duty: httpx.Client) -> None:
    one = opened(duty, title="示例打印")
    page = open_screen(f"/incident/%3Fid={one['id']}", size="a4")
    page.emulate_media(media="print")
    expect(page.locator(".incident-acts")).to_be_hidden()
    expect(page.locator(".incident-bar")).to_be_hidden()
    assert page.locator("button:visible").count() == 0
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "nothing runs off the sheet"
    expect(page.locator(".incident-page footer")).to_contain_text("未核定")
    shoot(page, "incident-print", whole=True)


def test_what_others_do_is_offered(open_screen: OpenScreen, duty: httpx.Client) -> None:
    one = opened(duty, title="示例两人处置")
    page = open_screen(f"/incident/%3Fid={one['id']}")
    page.wait_for_selector(".link-live")
    duty.post(f"/api/v1/incidents/{one['id']}/notes", json={"text": "另一人的记录"})
    expect(page.locator("#incident-news")).to_be_visible()
    sent(page, lambda: page.locator("#incident-news button").click())
    expect(page.locator(".record")).to_contain_text("另一人的记录")


def test_a_wrong_number_says_so(open_screen: OpenScreen) -> None:
    page = open_screen("/incident/")
    page.goto(page.url.split("?")[0] + "?id=INC-NONE")
    expect(page.locator("main.refused")).to_contain_text("没有事件")


def test_a_warning_is_drafted_edited_signed_and_called(open_screen: OpenScreen, duty: httpx.Client) -> None:
    received(duty, 101)
    page = open_screen("/incident/")
    row = page.locator(".warnings tr", has_text="示例暴雨橙色预警101")
    sent(page, lambda: row.get_by_role("button", name="起草响应").click())
    expect(page.locator(".gaps")).to_contain_text("响应级别没有填写")
    expect(page.locator(".response-editor")).to_contain_text("未核定")
    page.locator("[name=level]").select_option("Ⅱ")
    page.locator("[name=short]").fill("示例:橙色暴雨预警,启动{level}级响应,请立即到岗。")
    shoot(page, "response-draft", whole=True)
    sent(page, lambda: page.locator("#save-response").click())
    expect(page.locator(".versions")).to_contain_text("空")
    expect(page.locator("#sign-response")).to_have_count(0)
    address = page.url.split("/", 3)[3]

    signing = open_screen("/" + address.replace("?", "%3F"), user="leader")
    expect(signing.locator("[name=short]")).to_have_value("示例:橙色暴雨预警,启动Ⅱ级响应,请立即到岗。")
    sent(signing, lambda: signing.locator("#sign-response").click())
    expect(signing.locator(".response-editor")).to_contain_text("leader 于")

    sent(page, page.reload)
    page.locator("#use-response").click()
    expect(page.locator("#response-preview .message")).to_contain_text("示例:橙色暴雨预警,启动Ⅱ级响应,请立即到岗。")
    shoot(page, "response-preview", whole=True)
    sent(page, lambda: page.locator("#confirm-call").click())
    expect(page.locator(".calls")).to_contain_text("示例:橙色暴雨预警,启动Ⅱ级响应")
