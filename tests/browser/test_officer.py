"""The officer's thread in a real browser, on the running product: alert → incident → one key → receipt → ledger."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenScreen
from tests.serving import Server, until

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def source(server: Server) -> Iterator[httpx.Client]:
    with server.api("admin") as client:
        yield client


@pytest.fixture(scope="module")
def inbox(server: Server) -> Iterator[httpx.Client]:
    address = re.findall(r"演练收件箱[^\n]*(http://\S+)", server.said())[-1]
    with httpx.Client(base_url=address, trust_env=False) as client:
        yield client


def post(source: httpx.Client, sensor: str, depth_m: float) -> None:
    reading = {"sensor": sensor, "quantity": "depth_m", "value": depth_m, "observed_at": datetime.now(UTC).isoformat()}
    answer = source.post("/api/v1/observations", json={"observations": [reading]})
    assert answer.json() == {"accepted": 1, "rejected": []}


def messages(inbox: httpx.Client) -> list[dict]:
    """What was sent to people; notifications of alerts lie in the same inbox."""
    return [one for one in inbox.get("messages").json()["items"] if one["channel"] != "notice"]


def row_of(page: Page, sensor_name: str) -> object:
    return page.locator("#alert-list .alert", has_text=sensor_name)


def test_alert_to_receipt_in_two_presses(
    open_screen: OpenScreen, source: httpx.Client, inbox: httpx.Client, server: Server
) -> None:
    page = open_screen("/desk")
    wall = open_screen("/wall", size="wall")
    before = page.evaluate("location.hash + location.search")
    post(source, "depth-up-001", 0.33)
    row = page.locator("#alert-list .alert", has_text="示例下穿 001")
    expect(row).to_have_count(1, timeout=5_000)
    expect(row).to_contain_text("封闭")
    expect(wall.locator("#alert-list .alert", has_text="示例下穿 001")).to_have_count(1, timeout=5_000)
    assert page.evaluate("location.hash + location.search") == before, "the map must not jump for an alert"

    row.locator("[data-act=key]").click()  # first press
    confirm = page.locator("#confirm-call")
    expect(confirm).to_be_enabled(timeout=10_000)
    expect(confirm).to_be_focused()
    people = page.locator(".plan-people li").count()
    assert people >= 3
    assert messages(inbox) == [], "nobody is told before the second press"
    confirm.dblclick()  # second press, and a nervous third
    expect(page.locator(".ledger .person-row")).to_have_count(people, timeout=10_000)

    with server.api() as api:
        (call,) = api.get("/api/v1/calls").json()["items"]
    wanted = sum(len(entry["attempts"]) for entry in call["rows"])
    got = until(lambda: len(messages(inbox)) >= wanted and messages(inbox), timeout_s=40)
    assert len(got) == wanted
    each = Counter((one["channel"], one["to"]) for one in got)
    assert set(each.values()) == {1}, "exactly one message per person and channel"
    assert {channel for channel, _ in each} == {"webhook", "email"}
    expect(page.locator(".ledger .st-queued")).to_have_count(0, timeout=10_000)

    link = got[0]["link"]
    answered = page.context.new_page()
    answered.goto(link)
    answered.click("button[value=confirmed]")
    expect(answered.locator("main")).to_contain_text("已确认")
    expect(page.locator(".ledger .st-confirmed")).to_have_count(1, timeout=1_000)  # the promise: within a second
    expect(wall.locator("#call-board")).to_contain_text("1", timeout=2_000)
    answered.reload()
    answered.close()


def test_the_same_by_keyboard_alone(open_screen: OpenScreen, source: httpx.Client, inbox: httpx.Client) -> None:
    page = open_screen("/desk")
    post(source, "depth-up-002", 0.31)
    expect(page.locator("#alert-list .alert", has_text="示例下穿 002")).to_have_count(1, timeout=5_000)
    already = len(messages(inbox))
    page.keyboard.press("/")
    expect(page.locator("#search-text")).to_be_focused()
    page.keyboard.press("Escape")
    for _ in range(10):
        page.keyboard.press("ArrowDown")
        if "示例下穿 002" in (page.locator("#alert-list .is-selected").text_content() or ""):
            break
    page.keyboard.press("Enter")
    expect(page.locator("#confirm-call")).to_be_focused(timeout=10_000)
    page.keyboard.press("Enter")
    expect(page.locator(".ledger .person-row").first).to_be_visible(timeout=10_000)
    page.keyboard.press("Escape")
    expect(page.locator("#call-panel")).to_be_hidden()
    page.keyboard.press("a")
    expect(page.locator("#alert-list .is-selected.is-acked")).to_have_count(1, timeout=5_000)
    until(lambda: len(messages(inbox)) > already)


def test_calling_again_and_ending_the_call(open_screen: OpenScreen, inbox: httpx.Client) -> None:
    page = open_screen("/desk")
    page.locator("#alert-list .alert", has_text="示例下穿 002").locator("[data-act=key]").click()
    expect(page.locator(".ledger .person-row").first).to_be_visible(timeout=10_000)
    before = len(messages(inbox))
    page.locator(".call-acts button", has_text="再叫未确认").click()
    until(lambda: len(messages(inbox)) > before, timeout_s=30)
    page.locator(".call-acts button", has_text="结束叫应").click()
    page.locator(".call-acts button", has_text="再按一次结束叫应").click()
    expect(page.locator("#call-panel")).to_contain_text("本次叫应已结束", timeout=10_000)


def test_a_leader_sees_but_is_offered_nothing_that_would_be_refused(open_screen: OpenScreen) -> None:
    page = open_screen("/desk", user="leader")
    expect(page.locator("#alert-list .alert").first).to_be_visible(timeout=10_000)
    assert page.locator("#alert-list [data-act=key]:visible, #alert-list [data-act=ack]:visible").count() == 0
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    expect(page.locator("#call-panel")).to_be_hidden()


def test_the_field_person_answers_on_a_phone(open_screen: OpenScreen) -> None:
    phone = open_screen("/field", user="field", size="phone")
    task = phone.locator("#field-tasks .task").first
    expect(task).to_be_visible(timeout=10_000)
    task.locator("button", has_text="确认收到").click()
    expect(task).to_contain_text("已确认", timeout=5_000)


def test_markup_in_a_warning_is_text_everywhere(open_screen: OpenScreen, source: httpx.Client) -> None:
    page = open_screen("/desk")
    sent = datetime.now(UTC).replace(microsecond=0).isoformat()
    payload = "&lt;img src=x onerror=&quot;window.hacked=1&quot;&gt;&lt;script&gt;window.hacked=1&lt;/script&gt;"
    cap = f"""<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>X-{sent}</identifier>
    <sender>test@example.invalid</sender><sent>{sent}</sent><status>Test</status><msgType>Alert</msgType>
    <scope>Public</scope><info><category>Met</category><event>{payload}</event><urgency>Immediate</urgency>
    <severity>Severe</severity><certainty>Observed</certainty><headline>{payload}</headline>
    <area><areaDesc>{payload}</areaDesc><circle>35.05,118.33 2</circle></area></info></alert>"""
    answer = source.post("/api/v1/alerts", content=cap.encode(), headers={"Content-Type": "application/cap+xml"})
    assert answer.status_code == 201, answer.text
    row = page.locator("#alert-list .alert", has_text="onerror")
    expect(row).to_have_count(1, timeout=5_000)
    row.click()
    page.wait_for_timeout(1_000)
    for screen, size in (("/wall", "wall"), ("/brief", "a4")):
        other = open_screen(screen, size=size)
        other.wait_for_timeout(500)
        assert other.evaluate("window.hacked") is None
    assert page.evaluate("window.hacked") is None


def test_search_opens_a_dossier(open_screen: OpenScreen) -> None:
    page = open_screen("/desk")
    page.keyboard.press("/")
    page.keyboard.type("示例下穿 003", delay=20)
    expect(page.locator("#search-results .pick").first).to_be_visible(timeout=5_000)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#dossier")).to_contain_text("示例下穿 003", timeout=5_000)


def test_layers_can_be_switched_and_the_view_is_in_the_address(open_screen: OpenScreen) -> None:
    page = open_screen("/desk")
    switch = page.locator("#layer-panel .layer-switch", has_text="城市部件")
    expect(switch).to_have_attribute("aria-pressed", "false")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")
    until(lambda: "components" in page.evaluate("location.href"))
    address = page.evaluate("location.href")
    page.goto(address)
    page.wait_for_selector("[data-ready]", state="attached")
    expect(page.locator("#layer-panel .layer-switch", has_text="城市部件")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize(
    ("path", "size"),
    [("/desk", "desk"), ("/wall", "wall"), ("/wall", "wall-4k"), ("/wall", "wall-wide"), ("/field", "tablet"),
     ("/field", "tablet-wide"), ("/field", "phone"), ("/brief", "a4")],
)  # fmt: skip
def test_every_screen_fits_its_window(open_screen: OpenScreen, path: str, size: str) -> None:
    page = open_screen(path, size=size)
    page.wait_for_timeout(800)
    wide, window = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= window + 1, f"{path} is {wide} px wide in a window of {window}"


def test_the_brief_as_picture_and_document(server: Server) -> None:
    with server.api("leader", timeout=60) as api:
        png = api.get("/api/v1/brief.png")
        assert png.headers["content-type"] == "image/png", png.text[:300]
        assert png.content.startswith(b"\x89PNG")
        pdf = api.get("/api/v1/brief.pdf")
        assert pdf.content.startswith(b"%PDF")
        assert api.get("/api/v1/brief.png", params={"size": "a3"}).status_code == 422


def test_the_api_document_opens_without_the_internet(open_screen: OpenScreen, server: Server) -> None:
    page = open_screen("/field")
    page.goto(f"{server.url}/api/docs")
    expect(page.locator("#swagger-ui")).to_contain_text("/api/v1/observations", timeout=20_000)
