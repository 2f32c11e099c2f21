"""The plans file: what it says, and what each mistake is answered with."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.model import Level
from dispatch.plan_book import RESPONSE_LEVELS, SMS_CHARS, fill, short_message
from dispatch.plans import load_plans, parse_plans
from geodata.errors import BadInput
from tests.dispatch.house import ROOT, Alerts

FILE = ROOT / "dispatch/plans.yaml"
GOOD = FILE.read_text(encoding="utf-8")
BOOK = parse_plans(GOOD)


def test_the_shipped_file_is_marked_as_not_approved() -> None:
    assert list(BOOK.plans) == ["waterlogging", "flood", "forest_fire", "safety", "general"]
    assert BOOK.status == "未核定"
    assert BOOK.source == BOOK.response_source == ""
    assert all(plan.confirm_within_s == 300 for plan in BOOK.plans.values())


@pytest.mark.parametrize("kind", list(BOOK.plans))
def test_a_higher_level_only_adds(kind: str) -> None:
    plan = BOOK.plans[kind]
    for low, high in itertools.pairwise(RESPONSE_LEVELS):
        assert plan.groups_at(high)[: len(plan.groups_at(low))] == plan.groups_at(low)
        assert all(plan.teams_at(high)[name] >= count for name, count in plan.teams_at(low).items())


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"quantity": "water_depth"}, "waterlogging"),
        ({"event": "暴雨橙色预警"}, "waterlogging"),
        ({"event": "沂河洪水", "quantity": "flow_m3s", "headline": ""}, "flood"),
        ({"event": "森林火险", "headline": ""}, "forest_fire"),
        ({"event": "可燃气体泄漏", "headline": ""}, "safety"),
        ({"event": "其他", "headline": "其他"}, "general"),
    ],
)
def test_classification(changes: dict[str, str], kind: str) -> None:
    assert BOOK.type_of(replace(Alerts().items["A1"], **changes)) == kind


def test_response_levels_run_the_other_way() -> None:
    assert [BOOK.level_of(level) for level in Level] == ["Ⅳ", "Ⅳ", "Ⅲ", "Ⅱ", "Ⅰ"]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("otherwise: general", "otherwise: nothing", r"第 \d+ 行:otherwise 指向的预案 nothing 不存在"),
        ("blue: Ⅳ", "blue: IV", r"第 \d 行:响应级别 IV 不对"),
        ("limit: 20", "limit: -1", r"第 \d+ 行:limit应为"),
        ("scope: place", "scope: street", r"第 \d+ 行:scope street 不对"),
        ("{排涝: 1}", "{排涝: many}", r"第 \d+ 行:队伍 排涝 的数量"),
        ("confirm_within_s: 300", "confirm_within_s: 5", r"第 \d+ 行:confirm_within_s应为"),
        ("{place}{event}", "{place}{phone}", r"第 \d+ 行:short的花括号"),
        ("version: 1", "version: 1\nversion: 2", r"第 4 行:预案文件里 version 写了两次"),
        ("version: 1", "versoin: 1", r"第 3 行:预案文件里没有 versoin 这一项"),
        ("version: 1", "version: [1", r"第 \d+ 行"),
    ],
)
def test_every_mistake_is_named_with_its_line(old: str, new: str, error: str) -> None:
    with pytest.raises(BadInput, match=error):
        parse_plans(GOOD.replace(old, new, 1))


def test_all_mistakes_at_once() -> None:
    text = GOOD.replace("limit: 20", "limit: x").replace("otherwise: general", "otherwise: none")
    with pytest.raises(BadInput) as caught:
        parse_plans(text)
    assert str(caught.value).count("第 ") == 6


@pytest.mark.parametrize("text", ["", "[]", "plans: 3", "a: &x [*x]", "\x00", "plans: {a: }"])
def test_rubbish_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        parse_plans(text)


def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="CITYBRAIN_PLANS_FILE"):
        load_plans(tmp_path / "none.yaml")


@given(st.text(max_size=200), st.text(max_size=200), st.booleans())
def test_short_messages_fit_and_drills_begin_with_the_word(place: str, event: str, exercise: bool) -> None:
    template = BOOK.plans["waterlogging"].short
    text = short_message(template, {"place": place, "event": event, "level": "Ⅱ"}, exercise=exercise)
    assert len(text) <= SMS_CHARS
    assert text.startswith("【演练】") or not exercise
    assert "Ⅱ级响应" in text


def test_braces_in_a_value_stay_text() -> None:
    assert fill("{place}:{event}", {"place": "{event}", "event": "{place}"}) == "{event}:{place}"
