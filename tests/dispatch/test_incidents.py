"""Opening incidents by hand and from alerts; what is refused, and why."""

from dataclasses import replace
from typing import Any

import pytest

from alerts.model import Level
from dispatch.incidents import new_incident
from dispatch.plans import load_plans
from geodata.errors import BadInput, Conflict
from tests.dispatch.house import ROOT, T0, Alerts

BOOK = load_plans(ROOT / "dispatch/plans.yaml")
ALERT = Alerts().items["A1"]


def test_the_worst_alert_decides() -> None:
    river = replace(
        ALERT, id="B", event="沂河洪水", headline="", level=Level.ORANGE, place="临沂站", lon=None, lat=None
    )
    made = new_incident([ALERT, river], BOOK, "duty", T0)
    assert (made.type, made.level, made.title) == ("flood", "Ⅱ", "临沂站 沂河洪水橙色告警")
    assert (made.lon, made.lat) == (118.32, 35.06), "the place comes from the alert that has one"
    assert made.alert_ids == ("A1", "B")


def test_by_hand_wins_and_needs_no_alert() -> None:
    made = new_incident([], BOOK, "duty", T0, type="safety", level="Ⅰ", lon=118.3, lat=35.0, title="  甲\n厂 ")
    assert (made.type, made.level, made.title, made.exercise) == ("safety", "Ⅰ", "甲 厂", False)
    assert new_incident([ALERT], BOOK, "duty", T0, level="Ⅰ").level == "Ⅰ"


def test_a_test_warning_is_a_drill() -> None:
    assert new_incident([replace(ALERT, status="Test")], BOOK, "duty", T0).exercise
    with pytest.raises(Conflict):
        new_incident([ALERT, replace(ALERT, id="B", status="Exercise")], BOOK, "duty", T0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "类型和地点"),
        ({"type": "flood", "lon": 118.3}, "类型和地点"),
        ({"type": "flood", "lon": 35.0, "lat": 118.3}, "不在地球上"),
        ({"type": "flood", "lon": "118", "lat": "35"}, "写成数字"),
        ({"type": "flood", "lon": float("nan"), "lat": 35.0}, "写成数字"),
        ({"type": "earthquake", "lon": 118.3, "lat": 35.0}, "没有事件类型"),
        ({"type": ["flood"], "lon": 118.3, "lat": 35.0}, "写成文字"),
        ({"type": "flood", "lon": 118.3, "lat": 35.0, "level": "V"}, "没有响应级别"),
    ],
)
def test_what_cannot_be_opened_says_why(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        new_incident([], BOOK, "duty", T0, **given)
