"""The officer's list in Chromium: a storm folded and unfolded, acknowledged at once, put aside, handled as one."""

from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenScreen
from tests.serving import Server, until

pytestmark = pytest.mark.browser
COUNTIES = ("371302", "371311", "371312", "371321", "371322", "371323")
EVENTS = ("示例积水", "示例井盖", "示例泵站", "示例停电")


def prometheus(number: int, severity: str, event: str, county: str, run: str) -> dict[str, Any]:
    labels = {
        "alertname": event, "severity": severity, "county": county, "instance": f"示例点 {run}-{number}",
        "lon": f"{118.2 + number % 40 / 100:.4f}", "lat": f"{35.0 + number % 30 / 100:.4f}",
    }  # fmt: skip
    return {
        "labels": labels,
        "annotations": {"summary": f"{event} {run}-{number}"},
        "startsAt": datetime.now(UTC).isoformat(),
    }


@pytest.fixture(scope="module")
def storm(server: Server) -> Server:
    """300 alarms, four of them red."""
    body = [
        prometheus(
            n, "critical" if n % 75 == 0 else ("info", "warning", "error")[n % 3], EVENTS[n % 4], COUNTIES[n % 6], "a"
        )
        for n in range(300)
    ]
    with server.api("admin") as client:
        assert client.post("/api/v2/alerts", json=body).status_code == 200
    return server


def lines(page: Page) -> list[dict[str, Any]]:
    return list(
        page.evaluate(
            "citybrain.alertLines().map((line) => ({key: line.key, n: line.alerts.length, one: !!line.one,"
            " worst: line.alerts[0].level, waiting: line.alerts.filter((one) => !one.acknowledged_at).length}))"
        )
    )


def folded(page: Page, count: int) -> list[dict[str, Any]]:
    until(lambda: page.evaluate("citybrain.alerts.size") >= count)
    return list(until(lambda: sum(line["n"] for line in lines(page)) >= count and lines(page)))


def test_a_storm_is_ten_lines_and_every_alarm_is_reachable(open_screen: OpenScreen, storm: Server) -> None:
    page = open_screen("/desk")
    found = folded(page, 300)
    assert len(found) <= 10
    assert [line for line in found if line["worst"] == "red"]
    assert page.locator("#alert-list > .alert").count() == len(found)
    fold = page.locator("#alert-list .fold").last
    many = int(page.evaluate("citybrain.alertLines().findLast((line) => !line.one).alerts.length"))
    fold.click()
    shown = page.locator("#alert-list .is-inside").count()
    assert shown == min(many, 60)
    while page.locator("#alert-list .more").count():
        page.locator("#alert-list .more").click()
    assert page.locator("#alert-list .is-inside").count() == many
    fold.click()
    expect(page.locator("#alert-list .is-inside")).to_have_count(0)


def test_the_list_by_keyboard(open_screen: OpenScreen, storm: Server) -> None:
    page = open_screen("/desk")
    folded(page, 300)
    page.locator("#alert-list").focus()
    page.keyboard.press("ArrowDown")
    until(lambda: page.evaluate("!!(citybrain.selectedFold() || citybrain.selectedAlert())"))
    for _ in range(10):
        if page.evaluate("!!citybrain.selectedFold()"):
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    until(lambda: page.locator("#alert-list .is-inside").count() > 0)
    page.keyboard.press("ArrowDown")
    assert page.evaluate("citybrain.selectedAlert().id")
    page.keyboard.press("m")
    expect(page.locator("#alert-sheet")).to_contain_text("经过")
    page.keyboard.press("Escape")
    expect(page.locator("#alert-sheet")).to_be_hidden()


def test_filters_say_their_numbers(open_screen: OpenScreen, storm: Server) -> None:
    page = open_screen("/desk")
    folded(page, 300)
    expect(page.locator('#alert-filter [data-level="red"] .n')).to_have_text("4")
    page.locator('#alert-filter [data-level="red"]').click()
    until(lambda: [line["worst"] for line in lines(page)] == ["red"] * 4)
    page.locator('#alert-filter [data-level="all"]').click()
    page.locator('#alert-view [data-view="flat"]').click()
    until(lambda: page.locator("#alert-list .fold").count() == 0)
    page.locator('#alert-view [data-view="flat"]').click()
    until(lambda: page.locator("#alert-list .fold").count() > 0)


def test_three_lines_stay_in_sight_whatever_is_open(open_screen: OpenScreen, storm: Server) -> None:
    page = open_screen("/desk")
    folded(page, 300)
    for act in ("key-all", "key-all"):  # two incidents, and the call of the second prepared
        fold = page.locator(f'#alert-list .fold:has([data-act="{act}"]:visible)').last
        fold.hover()
        fold.locator(f'[data-act="{act}"]').click()
        expect(page.locator("#confirm-call")).to_be_focused()
    page.locator("#alert-list").focus()
    while page.evaluate("!citybrain.selectedAlert()"):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
    page.keyboard.press("m")
    sheet, rail, rows = (page.locator(one) for one in ("#alert-sheet", ".rail-right", "#alert-list"))
    expect(sheet.locator(".course li").first).to_be_visible()
    expect(sheet.locator(".trouble")).to_be_hidden()  # nothing has gone wrong yet
    boxes = [one.bounding_box() for one in (sheet, rail, rows)]
    beside, around, list_box = boxes
    assert beside
    assert around
    assert list_box
    assert beside["x"] + beside["width"] <= around["x"], "the sheet lies beside the rail, not in it"
    assert list_box["height"] >= 216, "three lines of the list"
    assert list_box["y"] + list_box["height"] <= around["y"] + around["height"] + 1, "in sight"


def test_one_is_put_aside_with_a_reason_and_comes_back(open_screen: OpenScreen, storm: Server) -> None:
    page = open_screen("/desk")
    folded(page, 300)
    page.locator('#alert-filter [data-level="blue"]').click()
    page.locator("#alert-list .fold").first.click()
    row = page.locator("#alert-list .is-inside").first
    shelved = row.get_attribute("data-id")
    row.hover()
    row.locator('[data-act="more"]').click()
    sheet = page.locator("#alert-sheet")
    sheet.get_by_role("button", name="搁置 1 小时").click()
    expect(sheet.locator(".trouble")).to_have_text("请先写明原因")
    sheet.get_by_label("原因").fill("示例:设备检修")
    sheet.get_by_role("button", name="搁置 1 小时").click()
    expect(sheet).to_be_hidden()
    expect(page.locator('#alert-view [data-view="held"] .n')).to_have_text("1")
    page.locator('#alert-view [data-view="held"]').click()
    held = page.locator(f'#alert-list [data-id="{shelved}"]')
    expect(held).to_contain_text("示例:设备检修")
    held.hover()
    held.locator('[data-act="more"]').click()
    sheet.get_by_label("原因").fill("示例:检修完毕")
    sheet.get_by_role("button", name="恢复显示").click()
    expect(page.locator('#alert-view [data-view="held"] .n')).to_have_text("0")


def test_a_silence_hides_all_but_the_red(open_screen: OpenScreen, storm: Server) -> None:
    page = open_screen("/desk")
    folded(page, 300)
    with storm.api("duty") as client:
        until_when = datetime.now(UTC).replace(year=datetime.now(UTC).year + 1)
        body = {"matchers": ["event=示例泵站"], "ends_at": until_when.isoformat(), "reason": "示例:泵站轮修"}
        assert client.post("/api/v1/silences", json=body).status_code == 422  # a year is too long
        body["ends_at"] = datetime.fromtimestamp(datetime.now(UTC).timestamp() + 3600, UTC).isoformat()
        made = client.post("/api/v1/silences", json=body)
        assert made.status_code == 201, made.text
        until(lambda: page.locator('#alert-view [data-view="held"] .n').inner_text() not in ("", "0"))
        shown = page.evaluate(
            "citybrain.alertLines().flatMap((line) => line.alerts)"
            ".filter((one) => one.event === '示例泵站').map((one) => one.level)"
        )
        assert set(shown) <= {"red"}
        client.post(f"/api/v1/silences/{made.json()['id']}/end", json={"reason": "示例结束"}).raise_for_status()
    expect(page.locator('#alert-view [data-view="held"] .n')).to_have_text("0")


def test_a_line_is_acknowledged_at_once_on_every_screen(open_screen: OpenScreen, storm: Server) -> None:
    page, other = open_screen("/desk"), open_screen("/desk", user="dispatcher")
    folded(other, 300)
    wanted = next(line for line in folded(page, 300) if not line["one"])
    fold = page.locator(f'#alert-list [data-fold="{wanted["key"]}"]')
    fold.hover()
    fold.locator('[data-act="ack-all"]').click()
    for one in (page, other):
        until(lambda one=one: next(line for line in lines(one) if line["key"] == wanted["key"])["waiting"] == 0)


def test_a_line_is_handled_as_one_incident(open_screen: OpenScreen, storm: Server) -> None:
    page = open_screen("/desk")
    found = folded(page, 300)
    wanted = next(line for line in found if not line["one"] and line["n"] <= 200)
    fold = page.locator(f'#alert-list [data-fold="{wanted["key"]}"]')
    fold.hover()
    fold.locator('[data-act="key-all"]').click()
    expect(page.locator("#confirm-call")).to_be_focused()
    page.keyboard.press("Escape")
    incident = page.locator("#incident-list .incident").first
    expect(incident).to_contain_text(f"告警 {wanted['n']}")
    incident.locator('[data-act="handle"]').click()
    expect(page.locator("#confirm-call")).to_be_focused()
    assert len(folded(page, 300)) <= 10


def test_one_that_nobody_looked_at_says_so(open_screen: OpenScreen, storm: Server) -> None:
    page = open_screen("/wall", user="leader", size="wall")
    until(lambda: page.evaluate("citybrain.alerts.size") >= 300)
    assert page.locator("#alert-list > .alert").count() <= 10


def test_the_wall_shows_every_line_whole(open_screen: OpenScreen, storm: Server) -> None:
    """Nobody scrolls a wall: what does not fit is folded further, never cut off."""
    page = open_screen("/wall", user="leader", size="wall")
    until(lambda: page.evaluate("citybrain.alerts.size") >= 300)
    until(lambda: page.evaluate("citybrain.alertLines().reduce((sum, line) => sum + line.alerts.length, 0)") >= 300)
    fits = "(() => { const list = citybrain.byId('alert-list'); return list.scrollHeight <= list.clientHeight + 1; })()"
    until(lambda: page.evaluate(fits))
    tall = page.locator("#alert-list > .alert").count()
    page.set_viewport_size({"width": 1920, "height": 640})
    until(lambda: page.evaluate(fits))
    assert 3 <= page.locator("#alert-list > .alert").count() <= tall
    assert page.evaluate("citybrain.alertLines().reduce((sum, line) => sum + line.alerts.length, 0)") >= 300
