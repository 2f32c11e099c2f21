"""Folding in the browser that does it: any storm becomes at most ten lines, no red is out of sight, none is lost."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
ASSETS = Path(__file__).parents[2] / "assets"
LEVELS = ("none", "blue", "yellow", "orange", "red")
EVENTS = (
    "积水",
    "洪水",
    "暴雨",
    "火点",
    "传感器无数据",
    "燃气",
    "井盖",
    "停电",
    "道路中断",
    "大风",
    "高温",
    "泵站停机",
    "边坡",
)
COUNTIES = (
    "兰山区",
    "罗庄区",
    "河东区",
    "沂南县",
    "郯城县",
    "沂水县",
    "兰陵县",
    "费县",
    "平邑县",
    "莒南县",
    "蒙阴县",
    "",
)
ASK = """([alerts, limit]) => citybrain.foldAlerts(alerts, limit).map((line) => ({
    key: line.key, one: !!line.one, ids: line.alerts.map((alert) => alert.id),
    title: line.one ? "" : citybrain.lineTitle(line)}))"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page()
    for name in ("a_core.js", "alert_fold.js"):
        opened.add_script_tag(path=ASSETS / name)
    opened.evaluate("() => { citybrain.incidentTitle = (id) => '事件 ' + id; }")
    yield opened
    opened.close()


def alert(number: int, level: int, event: str, county: str, status: str, incident: str | None, minute: int) -> Any:
    return {
        "id": f"AL{number:06}", "level": LEVELS[level], "level_no": level, "event": event, "county": county,
        "status": status, "incident_id": incident, "fired_at": f"2026-07-01T{minute // 60:02}:{minute % 60:02}:00Z",
        "acknowledged_at": None if number % 3 else "2026-07-01T20:00:00+00:00",
    }  # fmt: skip


ALERTS = st.lists(
    st.tuples(
        st.integers(0, 4), st.sampled_from(EVENTS), st.sampled_from(COUNTIES),
        st.sampled_from(["Actual", "Exercise", "Test"]),
        st.sampled_from([None, None, None, "INC1", "INC2", "INC3"]), st.integers(0, 1_000),
    ),
    max_size=400,
).map(lambda rows: [alert(number, *row) for number, row in enumerate(rows)])  # fmt: skip


def checked(page: Page, alerts: list[Any], limit: int = 10) -> list[Any]:
    """The lines, after what must hold of any."""
    lines: list[Any] = page.evaluate(ASK, [alerts, limit])
    known = {one["id"]: one for one in alerts}
    assert len(lines) <= limit
    assert sorted(key for line in lines for key in line["ids"]) == sorted(known)
    worst = [max(known[key]["level_no"] for key in line["ids"]) for line in lines]
    assert worst == sorted(worst, reverse=True)
    for line in lines:
        inside = [known[key] for key in line["ids"]]
        assert inside[0]["level_no"] == max(one["level_no"] for one in inside)  # a red stands first in a red line
        assert len({one["status"] == "Exercise" for one in inside}) == 1
        assert line["one"] or line["title"]
    return lines


@settings(max_examples=120, deadline=None)
@given(alerts=ALERTS, limit=st.integers(6, 14))
def test_any_alerts_fold_to_the_lines_allowed(page: Page, alerts: list[Any], limit: int) -> None:
    lines = checked(page, alerts, limit)
    if len(alerts) <= limit:
        assert all(line["one"] for line in lines)
    shuffled = list(alerts)
    random.Random(1).shuffle(shuffled)
    assert page.evaluate(ASK, [shuffled, limit]) == lines


def test_a_few_reds_stand_singly_in_a_storm(page: Page) -> None:
    pick = random.Random(7)
    storm = [
        alert(
            number,
            pick.choice([1, 2, 2, 3]),
            pick.choice(EVENTS[:4]),
            pick.choice(COUNTIES),
            "Actual",
            None,
            number // 3,
        )
        for number in range(2_000)
    ]
    storm += [alert(5_000 + number, 4, "积水", "兰山区", "Actual", None, 900 + number) for number in range(3)]
    lines = checked(page, storm)
    assert {line["ids"][0] for line in lines[:3] if line["one"]} == {"AL005000", "AL005001", "AL005002"}


def test_a_new_alert_inside_a_line_moves_no_line(page: Page) -> None:
    storm = [alert(n, 2, EVENTS[n % 5], COUNTIES[n % 11], "Actual", None, n) for n in range(300)]
    before = [line["key"] for line in checked(page, storm)]
    more = [*storm, alert(999, 2, EVENTS[2], COUNTIES[3], "Actual", None, 999)]
    assert [line["key"] for line in checked(page, more)] == before


def test_the_line_of_an_incident_bears_its_name(page: Page) -> None:
    alerts = [alert(n, 3, EVENTS[n % 2], "费县", "Actual", "INC7" if n < 8 else None, n) for n in range(20)]
    titles = [line["title"] for line in checked(page, alerts) if not line["one"]]
    assert "事件 INC7" in titles
