"""The rules file: what ships, every problem with its line, and that nothing in it can run or explode."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.model import Level
from alerts.rules import load_rules, parse_rules
from alerts.sensors import SensorInfo
from alerts.series_rules import RateSpec
from geodata.errors import BadInput

SHIPPED = Path(__file__).parents[2] / "alerts" / "rules.yaml"
GOOD = """rules:
  - id: a
    title: 积水
    event: 积水
    quantity: depth_m
    sensors: {all: true}
    levels:
      - {level: yellow, at: 0.2, native: 慢行}
      - {level: red, at: 0.27, native: 封闭}
    source: 测试
"""


def test_what_ships() -> None:
    rules = load_rules(SHIPPED)
    depth = rules.by_id("waterlogging-underpass")
    flow = rules.by_id("yi-linyi-flow")
    stage = rules.by_id("yi-linyi-stage")
    assert depth is not None
    assert flow is not None
    assert stage is not None
    assert [(s.level, s.at) for s in depth.levels] == [(Level.YELLOW, 0.20), (Level.RED, 0.27)]
    assert [s.at for s in flow.levels] == [4000, 7000]
    assert not stage.enabled
    assert "未核定" in stage.title
    assert all("未核定" not in rule.source and rule.source for rule in rules.active)
    assert {rule.quantity for rule in rules.active} >= {"depth_m", "flow_m3s", "gas_lel_pct", "rain_mm_h"}


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("depth_m", "magic", 5, "quantity 只能是"),
        ("at: 0.2,", "at: much,", 8, "at 必须是数字"),
        ("at: 0.2,", "at: .nan,", 8, "at 必须是数字"),
        ("at: 0.27", "at: 0.1", 8, "必须高于"),
        ("level: red", "level: yellow", 8, "写了两次"),
        ("level: red", "level: purple", 9, "level 只能是"),
        ("    source: 测试\n", "", 2, "缺少 source"),
        ("    source: 测试\n", "    source: 测试\n    hold_s: -1\n", 11, "hold_s 必须是数字"),
        ("    source: 测试\n", "    source: 测试\n    when: value > 3\n", 11, "不认识 when"),
        ("{all: true}", "{}", 6, "没有选中任何传感器"),
        ("{all: true}", "[g1]", 6, "必须是键值对"),
        ("id: a", "id: A b", 2, "只能用小写字母"),
        ("title: 积水", "title: !!python/object/apply:os.system ['true']", 3, "title 必须是"),
        ("rules:", "rule:", 1, "不认识 rule"),
        ("  - id: a", "  - id: a\n    id: b", 3, "写了两次"),
        ("rules:", "rules: [", 2, "不是合法的 YAML"),
    ],
)
def test_problems_name_their_line(old: str, new: str, line: int, says: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInput) as caught:
        parse_rules(GOOD.replace(old, new), "r.yaml")
    assert any(p.startswith(f"r.yaml:{line}:") and says in p for p in str(caught.value).splitlines()), caught.value


def test_all_problems_are_listed_together() -> None:
    text = GOOD.replace("depth_m", "x").replace("yellow", "x").replace("{all: true}", "3")
    with pytest.raises(BadInput) as caught:
        parse_rules(text + GOOD.split("rules:\n")[1], "r")
    assert len(caught.value.where["problems"]) == 3  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="重复"):
        parse_rules(GOOD + GOOD.split("rules:\n")[1])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "a: &a [1]\nb: *a",
        "[" * 50_000,
        "{a: " * 5_000,
        "rules: []",
        "\0",
        "rules:\n - - 1",
        "? [a]\n: 1",
    ],
)
def test_hostile_files_are_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        parse_rules(text)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200) | st.text(max_size=60).map(lambda extra: GOOD + extra))
def test_any_text_is_rules_or_bad_input(text: str) -> None:
    try:
        parse_rules(text)
    except BadInput:
        return


def test_filters() -> None:
    rules = parse_rules(GOOD.replace("{all: true}", "{kinds: [gauge], ids: [x], asset_kinds: [underpass]}"))
    (rule,) = rules.rules
    cases = [
        (SensorInfo(1, "x", "", "other"), True),
        (SensorInfo(1, "y", "", "gauge"), True),
        (SensorInfo(1, "y", "", "other", asset_kind="underpass"), True),
        (SensorInfo(1, "y", "", "other"), False),
        (SensorInfo(1, "y", "", "gauge", quantities=("flow_m3s",)), False),
    ]
    assert [rule.sensors.takes(sensor, rule.quantity) for sensor, _ in cases] == [wanted for _, wanted in cases]


SERIES = """rules:
  - id: w
    kind: window
    title: 雨
    event: 雨
    quantity: rain_mm_h
    sensors: {all: true}
    measure: integral
    per_s: 3600
    unit: mm
    max_gap_s: 900
    levels:
      - {level: blue, at: 50, native: 蓝, window_s: 43200}
      - {level: red, at: 50, native: 红, window_s: 10800}
    source: 测试
  - id: r
    kind: rate
    direction: falling
    title: 水位
    event: 水位
    quantity: stage_m
    sensors: {all: true}
    window_s: 600
    per_s: 3600
    levels: [{level: blue, at: 0.5, native: 蓝}]
    source: 测试
  - id: a
    kind: absence
    title: 无数据
    event: 无数据
    quantity: depth_m
    sensors: {all: true}
    levels: [{level: blue, absent_after_s: 900, native: 蓝}, {level: red, absent_after_s: 3600, native: 红}]
    source: 测试
"""


def test_rules_over_time_are_read_with_their_units() -> None:
    window, rate, absence = parse_rules(SERIES).rules
    assert [(step.window_s, step.at) for step in window.levels] == [(43_200, 50), (10_800, 50)]
    assert (window.unit, rate.unit, absence.unit) == ("mm", "m/h", "s")
    assert rate.spec == RateSpec(600, 3600, 3, 300, 300, "m/h")
    assert [step.at for step in absence.levels] == [900, 3600]
    assert (window.line, rate.line, absence.line) == (2, 16, 27)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("kind: window", "kind: magic", 3, "kind 只能是"),
        ("    measure: integral\n", "", 2, "缺少 measure"),
        ("measure: integral", "measure: sum", 9, "只用于 measure: integral"),
        ("    unit: mm\n", "", 2, "缺少 unit"),
        ("    max_gap_s: 900\n", "", 2, "缺少 max_gap_s"),
        ("window_s: 43200", "window_s: 1e9", 13, "window_s 必须是数字"),
        (", window_s: 43200", "", 13, "缺少 window_s"),
        ("window_s: 43200", "window_s: 10800", 13, "必须高于"),
        ("    window_s: 600\n", "", 16, "缺少 window_s"),
        ("direction: falling", "direction: below", 18, "direction 只能是"),
        ("window_s: 600", "window_s: 600\n    min_points: 1", 24, "min_points 必须是数字"),
        ("absent_after_s: 900", "at: 900", 33, "不认识 at"),
        ("absent_after_s: 3600", "absent_after_s: 60", 33, "必须高于"),
        ("kind: absence", "kind: absence\n    deadband: 1", 29, "不认识 deadband"),
        ("kind: absence", "kind: threshold", 33, "不认识 absent_after_s"),
    ],
)
def test_problems_of_rules_over_time_name_their_line(old: str, new: str, line: int, says: str) -> None:
    assert old in SERIES
    with pytest.raises(BadInput) as caught:
        parse_rules(SERIES.replace(old, new), "r.yaml")
    assert any(p.startswith(f"r.yaml:{line}:") and says in p for p in str(caught.value).splitlines()), caught.value
