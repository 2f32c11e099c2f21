"""The rules as text: one flag turned with every other character kept, bounded diffs, problems for any text at all."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.rule_text import changes_between, check_text, switched, unified
from alerts.rules import MAX_BYTES, parse_rules
from geodata.errors import BadInput

GIVEN = (Path(__file__).parents[2] / "alerts/rules.yaml").read_text(encoding="utf-8")
IDS = [rule.id for rule in parse_rules(GIVEN).rules]
BODY = (
    "title: t, event: e, quantity: depth_m, sensors: {all: true}, levels: [{level: red, at: 1, native: n}], source: s"
)
BLOCK = BODY.replace(", ", "\n    ", 1).replace(", event", "\n    event").replace(", quantity", "\n    quantity")
BLOCK = (
    BLOCK.replace(", sensors", "\n    sensors").replace(", levels", "\n    levels").replace(", source", "\n    source")
)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(IDS), st.booleans()), max_size=6))
def test_switching_keeps_every_other_character(steps: list[tuple[str, bool]]) -> None:
    """There and back is the very same text once a rule has its `enabled:`; comments and order never move."""
    text = GIVEN
    for rule_id, on in steps:
        after = switched(text, rule_id, on)
        found = parse_rules(after).by_id(rule_id)
        assert found is not None
        assert found.enabled == on
        assert [line for line in after.splitlines() if "enabled:" not in line] == [
            line for line in text.splitlines() if "enabled:" not in line
        ]
        assert switched(after, rule_id, on) == after
        back = switched(switched(after, rule_id, not on), rule_id, on)
        assert switched(switched(back, rule_id, not on), rule_id, on) == back
        text = back


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"rules:\n  - id: a # 甲\n    {BLOCK}\n", f"rules:\n  - id: a # 甲\n    enabled: false\n    {BLOCK}\n"),
        (f"rules:\n  - {{id: a, {BODY}}}\n", f"rules:\n  - {{id: a, enabled: false, {BODY}}}\n"),
        (f"rules: [{{id: a, enabled: true, {BODY}}}]", f"rules: [{{id: a, enabled: false, {BODY}}}]"),
        (
            f"rules:\n  - enabled: 'true'  # 注\n    id: 'a'\n    {BLOCK}",
            f"rules:\n  - enabled: false  # 注\n    id: 'a'\n    {BLOCK}",
        ),
        (f"rules:\r\n- id: a\r\n  {BLOCK}".replace("\n    ", "\r\n  "),
         f"rules:\r\n- id: a\r\n  enabled: false\r\n  {BLOCK}".replace("\n    ", "\r\n  ")),
        (f"\ufeffrules:\n- {BLOCK.replace(chr(10) + '    ', chr(10) + '  ')}\n  id: a",
         f"\ufeffrules:\n- {BLOCK.replace(chr(10) + '    ', chr(10) + '  ')}\n  id: a\n  enabled: false"),
    ],
)  # fmt: skip
def test_every_way_of_writing_a_rule(before: str, after: str) -> None:
    assert switched(before, "a", False) == after


@pytest.mark.parametrize(
    "text",
    [
        f"rules:\n  - ? id\n    : a\n    {BLOCK}",
        f"rules:\n  - id: >-\n      a\n    {BLOCK}",
        f'rules:\n  - id: "a"\n    "enabled": |\n      true\n    {BLOCK}',
        f"rules:\n  - !!map\n    id: a\n    {BLOCK}",
    ],
)
def test_a_strange_way_of_writing_is_done_right_or_refused(text: str) -> None:
    assert [rule.enabled for rule in parse_rules(text).rules] == [True]
    try:
        after = switched(text, "a", False)
    except BadInput:
        return
    assert [rule.enabled for rule in parse_rules(after).rules] == [False]


def test_a_rule_that_is_not_there_is_named() -> None:
    with pytest.raises(BadInput, match="'nowhere'"):
        switched(GIVEN, "nowhere", True)


ANY = st.one_of(
    st.text(max_size=300),
    st.text(alphabet=st.sampled_from("rules:-[]{}&*!|>%\"'\\# \n\tabcU0159,~?"), max_size=200),
    st.builds(lambda at, junk: GIVEN[:at] + junk + GIVEN[at:], st.integers(0, len(GIVEN)), st.text(max_size=8)),
    st.binary(max_size=120).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
)
BOMB = "a: &a [x,x]\n" + "".join(f"{b}: &{b} [*{a},*{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))


@settings(max_examples=300, deadline=None)
@given(ANY)
@example(BOMB)
@example("rules: " + "[" * 5000)
@example("- " * 3000)
@example("%YAML " + "9" * 5000 + "\n---\nrules: []")
@example('rules: "\\UFFFFFFFF"')
@example("\ud800")
@example("x" * (MAX_BYTES + 1))
@example("rules:\n" + "  - 7\n" * 1000)
@example("rules:\n  - id: 1\n" + "    a: &x 1\n    b: *x\n")
def test_any_text_gives_rules_or_listed_problems(text: str) -> None:
    rules, problems = check_text(text)
    assert (rules is None) == bool(problems)
    assert len(problems) <= 201
    lines = text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + text.count("\u2029") + 1
    assert all(1 <= one.line <= lines + 1 and one.what for one in problems)


def test_changes_name_each_rule() -> None:
    old = parse_rules(GIVEN)
    text = switched(GIVEN, IDS[0], False).replace("at: 25,", "at: 20,").replace(f"id: {IDS[2]}", "id: fresh")
    found = {one.rule_id: one.what for one in changes_between(old.rules, parse_rules(text).rules)}
    assert found == {IDS[0]: "停用", IDS[2]: "删除", "fresh": "新增", "gas-combustible": "修改"}
    assert changes_between(old.rules, parse_rules("# 只是注释\n" + GIVEN).rules) == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("abc\n"), max_size=40), st.lists(st.sampled_from("abc\n"), max_size=40))
def test_a_diff_names_every_line_that_went_and_came(old: list[str], new: list[str]) -> None:
    left, right = "\n".join(old), "\n".join(new)
    lines = unified(left, right, "1", "2")
    assert bool(lines) == (left.splitlines() != right.splitlines())
    gone = sum(line.startswith("-") for line in lines[2:])
    come = sum(line.startswith("+") for line in lines[2:])
    assert len(left.splitlines()) - gone == len(right.splitlines()) - come


def test_a_diff_of_two_strangers_is_bounded() -> None:
    left, right = "\n".join(f"a{n}" for n in range(9_000)), "\n".join(f"b{n}" for n in range(9_000))
    assert len(unified("k\n" + left + "\nz", "k\n" + right + "\nz", "1", "2")) == 3 + 18_000
