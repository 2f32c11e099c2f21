"""The handling file: what ships, and every problem with its line."""

from pathlib import Path

import pytest

from alerts.handling import load_handling, parse_handling
from alerts.model import Level
from geodata.errors import BadInput

SHIPPED = Path(__file__).parents[2] / "alerts" / "handling.yaml"
GOOD = """source: 测试
reopen_within_s: 600
close_after_s: 3600
close_standing_after_s: 3600
shelve_max_s: {red: 900, orange: 3600, yellow: 14400, blue: 28800}
chatter:
  - {match: [quantity=depth_m], count: 3, within_s: 60, quiet_s: 300}
  - {count: 4, within_s: 1800, quiet_s: 1800}
escalation:
  red:
    - {after_s: 180, to: [甲]}
    - {after_s: 600, to: [甲, 乙]}
inhibitions:
  - {id: a, source: [level=red], target: [level!=red], equal: [county], why: 更重的已发}
"""


def test_what_ships_is_labelled_as_ours() -> None:
    found = load_handling(SHIPPED)
    assert "未核定" in found.source
    assert [found.longest_shelf(level).total_seconds() for level in (Level.RED, Level.BLUE)] == [900, 28_800]
    assert [step.after_s for step in found.steps(Level.RED)] == [180, 600]
    assert found.steps(Level.BLUE) == ()
    assert {one.id for one in found.inhibitions} == {"same-gauge-worse", "same-warning-worse"}
    assert not found.chatter[-1].match, "the last one takes what no other takes"


def test_what_is_right_is_read() -> None:
    found = parse_handling(GOOD)
    assert found.steps(Level.RED)[1].to == ("甲", "乙")
    assert str(found.chatter[0].match[0]) == "quantity=depth_m"
    assert found.inhibitions[0].equal == ("county",)


@pytest.mark.parametrize(
    ("old", "new", "where", "wrong"),
    [
        ("source: 测试", "sauce: 测试", 1, "不认识 sauce"),
        ("reopen_within_s: 600", "reopen_within_s: -1", 2, "0…86400"),
        ("reopen_within_s: 600", "reopen_within_s: .nan", 2, "必须是数字"),
        ("close_after_s: 3600", "close_after_s: soon", 3, "必须是数字"),
        ("red: 900, ", "", 5, "缺少 red"),
        ("red: 900, ", "purple: 900, red: 900, ", 5, "不认识 purple"),
        ("count: 3", "count: 1", 7, "2…20"),
        ("quantity=depth_m", "quantity depth", 7, "匹配条件"),
        ("after_s: 600", "after_s: 60", 11, "从小到大"),
        ("to: [甲]", "to: []", 11, "至少写一个接收者"),
        ("source: [level=red]", "source: []", 14, "至少有一个匹配条件"),
        (", why: 更重的已发", "", 14, "缺少 why"),
        ("{id: a,", "{id: 中文,", 14, "id 只能用"),
        ("source: 测试", "source: [测试", 2, "YAML"),
        ("source: 测试", "source: &a 测试\nreopen_within_s: *a", 2, "别名"),
    ],
)
def test_every_problem_has_its_line(old: str, new: str, where: int, wrong: str) -> None:
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    with pytest.raises(BadInput) as caught:
        parse_handling(text, "h.yaml")
    assert any(line.startswith(f"h.yaml:{where}:") and wrong in line for line in str(caught.value).splitlines()), (
        caught.value
    )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="读不到"):
        load_handling(tmp_path / "none.yaml")
