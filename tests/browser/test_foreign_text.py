"""What strangers write is shown as they wrote it, on every screen, and never runs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenScreen
from tests.hub.test_incident_api import opened, warning
from tests.serving import Server, sample_data, serving

pytestmark = pytest.mark.browser
IMAGE = "<img src=x onerror=window.ran=1>"
PAYLOADS = (
    IMAGE,
    '"><script>window.ran=1</script>',
    "</script><svg onload=window.ran=1>",
    "javascript:window.ran=1//",
    "'\" onmouseover=window.ran=1 x='",
    "${window.ran=1}{{constructor.constructor('window.ran=1')()}}",
    "[x](javascript:window.ran=1)<iframe srcdoc='<script>parent.ran=1</script>'>",
)
SCREENS = ("/desk", "/wall", "/load", "/rules", "/feeds", "/incident/", "/brief")
FEEDS = "feeds:\n  - {id: strange, kind: folder, title: '%s', path: /nonexistent/%s}\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sample_source: Path) -> Iterator[Server]:
    """The product with a feed of a strange name."""
    data = sample_data(tmp_path_factory.mktemp("strange"), sample_source)
    feeds = data / "feeds.yaml"
    feeds.write_text(FEEDS % (IMAGE, IMAGE.replace(" ", "%20")), encoding="utf-8")
    with serving(data, CITYBRAIN_DEMO="true", CITYBRAIN_DRILL="", CITYBRAIN_FEEDS_FILE=str(feeds)) as made:
        yield made


@pytest.fixture(scope="module")
def incident(server: Server) -> str:
    """An incident of strange words among strange alerts, rules and silences; its id."""
    with server.api("admin") as admin, server.api("duty") as duty:
        for number, text in enumerate(PAYLOADS):
            strange_alerts(duty, number, text)
        alert_ids = [alert["id"] for alert in duty.get("/api/v1/alerts").json()["items"]]
        made = opened(duty, alert_ids=alert_ids, title=IMAGE)
        at = f"/api/v1/incidents/{made['id']}"
        for text in PAYLOADS:
            duty.post(f"{at}/notes", json={"text": text}).raise_for_status()
            name = {"name": f"{text}.txt", "note": text}
            duty.post(f"{at}/files", params=name, content=f"note {text[:3]}".encode()).raise_for_status()
        duty.patch(at, json={"title": PAYLOADS[1], "reason": IMAGE}).raise_for_status()
        duty.post(f"{at}/close", json={"reason": IMAGE}).raise_for_status()
        duty.post(f"{at}/reopen", json={"reason": PAYLOADS[1]}).raise_for_status()
        end = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        held = {"matchers": [f"event={PAYLOADS[3]}"], "ends_at": end, "reason": IMAGE}
        duty.post("/api/v1/silences", json=held).raise_for_status()
        strange_rules(admin)
    return str(made["id"])


def strange_alerts(duty: httpx.Client, number: int, text: str) -> None:
    labels = {"alertname": text, "severity": "critical", "instance": text, "job": text}
    notes = {"summary": text, "description": text, "runbook_url": "javascript:window.ran=1"}
    alert = {"labels": labels, "annotations": notes, "generatorURL": "javascript:window.ran=1"}
    duty.post("/api/v2/alerts", json=[alert]).raise_for_status()
    message = warning(9_000 + number)
    message["info"][0] |= {"headline": text, "description": text, "instruction": text, "web": "javascript:ran=1"}
    message["info"][0]["area"] = [{"areaDesc": text}]
    duty.post("/api/v1/alerts", json=message)


def strange_rules(admin: httpx.Client) -> None:
    held = admin.get("/api/v1/rules/text").json()
    rule = (
        "\n  - id: strange\n    title: '{0}'\n    event: '{0}'\n    quantity: depth_m\n    sensors: {{all: true}}\n"
        "    levels: [{{level: red, at: 99, native: '{0}'}}]\n    source: '{0}'\n    note: '{0}'\n    enabled: false\n"
    )
    text = held["text"].rstrip() + rule.format(IMAGE)
    admin.post("/api/v1/rules", json={"text": text, "base": held["no"], "why": IMAGE}).raise_for_status()


def foreign(page: Page) -> list[str]:
    """What on the page is more than text."""
    return list(
        page.evaluate(
            """() => [
              ...(window.ran ? ["something ran"] : []),
              ...[...document.querySelectorAll("img[src=x], svg[onload], iframe[srcdoc]")].map((one) => one.outerHTML),
              ...[...document.querySelectorAll("*")].flatMap((node) => [...node.attributes]
                .filter((one) => /^on/i.test(one.name) || (/^(href|src|action)$/i.test(one.name)
                  && /^\\s*(javascript|data:text)/i.test(one.value)))
                .map((one) => `${node.tagName} ${one.name}=${one.value}`)),
            ]"""
        )
    )


@pytest.mark.parametrize("path", [*SCREENS, "/incident/?id="])
def test_strange_words_stay_words(open_screen: OpenScreen, incident: str, path: str) -> None:
    page = open_screen(path + incident if path.endswith("id=") else path, user="admin")
    page.wait_for_timeout(1_500)
    assert foreign(page) == []
    if path == "/rules":
        page.get_by_text(IMAGE, exact=False).first.click()
        page.wait_for_timeout(500)
        assert foreign(page) == []
    elif path not in ("/load", "/wall", "/incident/"):  # these show other words of theirs
        assert page.get_by_text(IMAGE, exact=False).count() > 0, "shown as it was written"


def test_an_alerts_drawer_shows_strange_words_as_words(open_screen: OpenScreen, incident: str) -> None:
    assert incident
    page = open_screen("/desk", user="duty")
    page.get_by_text(IMAGE, exact=False).first.click()
    page.wait_for_timeout(1_000)
    assert foreign(page) == []
