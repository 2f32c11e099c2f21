"""What the screens say when they open: ages, staleness, mode, empty states, hostile text as text."""

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from plotly.utils import PlotlyJSONEncoder

from alerts.model import Level
from geodata.catalog import Catalog
from geodata.city import City
from layouts import brief
from layouts.model import ScreenContext
from layouts.parts import response_text
from layouts.snapshot import response_level
from tests.screen_services import HOSTILE, NOW, alert, client, services, walk

FRESH, OLD = NOW - timedelta(seconds=20), NOW - timedelta(hours=3)
LATEST = {"S1": {"depth_m": (0.31, FRESH)}, "S2": {"depth_m": (0.0, OLD)}}


def text_of(layout: Any) -> str:
    if isinstance(layout, list):
        return " ".join(text_of(one) for one in layout)
    if isinstance(layout, dict):
        return text_of(layout.get("props", {}).get("children"))
    return "" if layout is None else str(layout)


def layout(folder: Path, screen: str, *alerts: Any, at: str = "", latest: Any = None) -> Any:
    browser, _ = client(services(folder, alerts, latest))
    referer = f"http://localhost/{screen}/" + (f"?at={at}" if at else "")
    answer = browser.get(f"/{screen}/_dash-layout", headers={"Referer": referer})
    assert answer.status_code == 200
    return answer.get_json()


def state(page: Any) -> dict[str, Any]:
    holder = next(node for node in walk(page) if node["props"].get("id") == "screen-state")
    return json.loads(holder["props"]["data-state"])


def test_the_worst_alert_comes_first_and_all_are_counted(tmp_path: Path) -> None:
    alerts = [alert(1, Level.BLUE), alert(2, Level.RED, 60), alert(3, Level.RED, 2), alert(4, Level.ORANGE)]
    found = state(layout(tmp_path, "desk", *alerts))
    assert [one["id"] for one in found["alerts"]] == ["A3", "A2", "A4", "A1"]
    assert found["alert_total"] == 4


def test_the_list_is_capped_but_the_sum_is_not(tmp_path: Path) -> None:
    found = state(layout(tmp_path, "desk", *[alert(n) for n in range(250)]))
    assert (len(found["alerts"]), found["alert_total"]) == (200, 250)


@pytest.mark.parametrize("screen", ["desk", "wall", "brief"])
def test_a_silent_gauge_is_never_counted_as_dry(tmp_path: Path, screen: str) -> None:
    page = layout(tmp_path, screen, latest=LATEST)
    words = text_of(page)
    assert "无数据" in words
    if screen == "desk":
        counts = [text_of(node) for node in walk(page) if "count count-" in str(node["props"].get("className"))]
        assert [one.split()[0] for one in counts] == ["1", "0", "0", "1"]


@pytest.mark.parametrize(
    ("status", "at", "mode"),
    [
        ("Actual", "", "live"),
        ("Actual", "2026-08-14T10:59:00Z", "live"),
        ("Exercise", "", "exercise"),
        ("Actual", "2026-08-14T10:50:00Z", "replay"),
    ],
)
def test_the_header_says_what_the_numbers_are(tmp_path: Path, status: str, at: str, mode: str) -> None:
    page = layout(tmp_path, "desk", alert(status=status, minutes=30), at=at)
    assert state(page)["mode"] == mode
    assert {"live": "实时", "exercise": "演练", "replay": "回放"}[mode] in text_of(page)


def test_a_replay_shows_the_past_only(tmp_path: Path) -> None:
    page = layout(tmp_path, "desk", alert(1, minutes=90), alert(2, minutes=5), at="2026-08-14T10:00:00Z")
    assert [one["id"] for one in state(page)["alerts"]] == ["A1"]
    assert "返回实时" in text_of(page)


@pytest.mark.parametrize(
    ("level", "approved", "words"),
    [("", False, "未启动响应"), ("Ⅱ", False, "响应 Ⅱ 级(未核定)"), ("Ⅰ", True, "响应 Ⅰ 级")],
)
def test_the_response_level_in_words(level: str, approved: bool, words: str) -> None:
    assert response_text(level, approved) == words


def test_the_response_is_that_of_the_worst_incident_open_then(tmp_path: Path) -> None:
    made, at = services(tmp_path), ScreenContext(NOW, "duty", "王", "duty", NOW - timedelta(hours=1))
    old, new = NOW - timedelta(hours=3), NOW - timedelta(minutes=5)
    made.dispatch.incidents = lambda status: [
        SimpleNamespace(level="Ⅲ", opened_at=old, closed_at=None),
        SimpleNamespace(level="Ⅱ", opened_at=old, closed_at=new),
        SimpleNamespace(level="Ⅰ", opened_at=new, closed_at=None),
    ]
    assert response_level(made, at) == "Ⅱ"


def test_a_silent_gauge_says_since_when(tmp_path: Path) -> None:
    assert "自 16:00 起无数据" in text_of(layout(tmp_path, "desk", latest={"S1": {"flow_m3s": (1.0, OLD)}}))


@pytest.mark.parametrize(("ago_s", "replay"), [(20, False), (3600, True)])
def test_a_report_holds_the_readings_of_its_moment(tmp_path: Path, ago_s: int, replay: bool) -> None:
    """A reading that came after the moment is not in the report; the one before it is, from the stored series."""
    at, latest = NOW - timedelta(seconds=ago_s), {"S1": {"flow_m3s": (9_999.0, NOW)}}
    made = services(tmp_path, (alert(1, minutes=90), alert(2, minutes=0)), latest)
    made.readings.series = lambda number, quantity, since, until, label="": [(until - timedelta(minutes=1), 1_234.0)]
    context = ScreenContext(NOW, "leader", "李", "leader", at if replay else None, {"at": at.isoformat()}, at)
    words = text_of(json.loads(json.dumps(brief.layout(made, context), cls=PlotlyJSONEncoder)))
    assert "1,234" in words
    assert "9,999" not in words
    assert ("历史回放" in words) == replay
    assert "未结束告警 1 条" in words


def test_a_city_without_data_says_what_to_do(tmp_path: Path) -> None:
    made = services(tmp_path)
    made.city = City(Catalog(tmp_path / "empty"))
    browser, _ = client(made)
    for screen in ("desk", "wall", "field"):
        page = browser.get(f"/{screen}/_dash-layout").get_json()
        assert "python app.py import 文件 --layer counties" in text_of(page)
        assert not any(layer["data"] for layer in state(page)["layers"])


@pytest.mark.parametrize("at", ["yesterday", "2026-08-14T10:00:00", "<script>"])
def test_a_wrong_time_is_answered_in_words(tmp_path: Path, at: str) -> None:
    assert "无法识别" in text_of(layout(tmp_path, "desk", at=at))


@pytest.mark.parametrize("screen", ["desk", "wall", "field", "brief"])
def test_hostile_text_stays_text(tmp_path: Path, screen: str) -> None:
    """Nothing in a layout may carry markup: no Markdown, no raw HTML; SVG pictures hold escaped text."""
    page = layout(tmp_path, screen, alert())
    kinds = {node["type"] for node in walk(page)}
    assert not kinds & {"Markdown", "DangerouslySetInnerHTML", "Iframe", "Script"}
    for node in walk(page):
        assert HOSTILE not in str(node["props"].get("src", "")) + str(node["props"].get("href", ""))


def test_the_empty_city_says_so(tmp_path: Path) -> None:
    words = text_of(layout(tmp_path, "desk")) + text_of(layout(tmp_path / "b", "brief"))
    assert "尚未收到河道数据" in words
    assert "目前没有未结束的告警" in words
