"""Native levels into normalised ones: the published tables, every spelling, and every problem with its line."""

import pytest

from alerts.cap_check import CHOICES
from alerts.model import Level
from alerts.native_levels import FILE, load_levels, parse_levels, schemes, severity_of
from geodata.errors import BadInput

N, B, Y, O, R = Level  # noqa: E741


@pytest.mark.parametrize(
    ("scheme", "native", "level"),
    [
        ("cap-colour", "Red", R), ("cap-colour", "red", R), ("cap-colour", "蓝色", B),
        ("cap-severity", "Extreme", R), ("cap-severity", "Unknown", N),
        # the scales run against each other: the response's one is the worst, the fire danger's the least
        ("response", "一级", R), ("response", "Ⅳ", B), ("fire-danger", "1", N), ("fire-danger", "五级", R),
        ("fire-danger", "3", Y), ("fire-danger", " 4级 ", O), ("safety-risk", "较大", O), ("safety-risk", "低风险", B),
        ("prometheus", "CRITICAL", R), ("prometheus", "warn", Y), ("prometheus", "info", B),
    ],
)  # fmt: skip
def test_known_levels(scheme: str, native: str, level: Level) -> None:
    found = schemes()[scheme].of(native)
    assert found is not None
    assert found.level is level


def test_what_is_not_known_is_not_guessed() -> None:
    assert schemes()["cap-colour"].of("Purple") is None
    assert schemes()["fire-danger"].of("6") is None


def test_every_scheme_has_its_source_and_ours_say_so() -> None:
    for scheme in load_levels(FILE).values():
        assert scheme.source
        assert {one.severity for one in scheme.levels} <= set(CHOICES["severity"])
    assert all("未核定" in schemes()[name].source for name in ("cap-severity", "response", "prometheus"))


def test_severities_of_our_levels() -> None:
    assert [severity_of(level) for level in Level] == ["Unknown", "Minor", "Moderate", "Severe", "Extreme"]


GOOD = """schemes:
  - id: a
    title: 甲
    source: 测试
    levels:
      - {native: 重, level: red, severity: Extreme}
      - {native: 轻, also: [微], level: blue, severity: Minor}
"""


@pytest.mark.parametrize(
    ("old", "new", "where", "wrong"),
    [
        ("level: red", "level: purple", 6, "level 只能是"),
        ("severity: Extreme", "severity: Bad", 6, "severity 只能是"),
        ("native: 轻, ", "", 7, "缺少 native"),
        ("[微]", "[重]", 7, "重 写了两次"),
        ("level: blue", "colour: blue, level: blue", 7, "不认识 colour"),
        ("level: red", "level: none", 6, "从最重写到最轻"),
        ("    source: 测试\n", "", 2, "缺少 source"),
    ],
)
def test_every_problem_has_its_line(old: str, new: str, where: int, wrong: str) -> None:
    assert parse_levels(GOOD)["a"].of("微") is not None
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    with pytest.raises(BadInput) as caught:
        parse_levels(text, "l.yaml")
    assert any(line.startswith(f"l.yaml:{where}:") and wrong in line for line in str(caught.value).splitlines())
