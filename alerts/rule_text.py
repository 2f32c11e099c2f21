"""The rules as text that people edit: what is wrong on which line, what an edit changes, one rule on or off."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import yaml

from alerts.rules import Rule, RuleSet, parse_rules
from geodata.errors import BadInput

NAME = "rules.yaml"
_LISTED = re.compile(r"[^\n]*?:(\d+): (.*)", re.DOTALL)
_MOST_PROBLEMS = 200
_MOST_CELLS = 4_000_000  # of a comparison line by line: beyond it, the part that differs is shown as replaced


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong on which line, counted from 1."""

    line: int
    what: str


def check_text(text: str) -> tuple[RuleSet | None, list[Problem]]:
    """The rules of `text`, or what is wrong with it. Never raises, whatever the text."""
    try:
        text.encode()  # a lone surrogate is no text
        return parse_rules(text, NAME), []
    except UnicodeEncodeError as error:
        return None, [Problem(text.count("\n", 0, error.start) + 1, "有不成文字的字符")]
    except BadInput as error:
        return None, problems_of(error)
    except (ValueError, OverflowError, RecursionError) as error:  # what PyYAML lets through: "%YAML 9…9", "\UFFFFFFFF"
        return None, [Problem(1, f"不是合法的 YAML:{type(error).__name__}")]


def sound_rules(text: str) -> RuleSet:
    """The rules of `text`; `BadInput` with one line a problem, whatever the text."""
    rules, problems = check_text(text)
    if rules is None:
        listed = [f"{NAME}:{one.line}: {one.what}" for one in problems]
        raise BadInput("规则有误,没有保存\n" + "\n".join(listed[:20]), problems=listed)
    return rules


def problems_of(error: BadInput) -> list[Problem]:
    """The problems that `parse_rules` listed, at most 200 of them and the number of the rest."""
    given = error.where.get("problems")
    listed = [str(line) for line in given] if isinstance(given, list) else []
    found = [Problem(int(hit[1]), hit[2]) for line in listed if (hit := _LISTED.fullmatch(line))]
    if not found:
        return [Problem(1, str(error))]
    more = len(found) - _MOST_PROBLEMS
    return found[:_MOST_PROBLEMS] + ([Problem(found[-1].line, f"另有 {more} 处问题未列出")] if more > 0 else [])


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What an edit does to one rule: 新增, 删除, 启用, 停用 or 修改."""

    rule_id: str
    title: str
    what: str


def changes_between(old: Sequence[Rule], new: Sequence[Rule]) -> list[RuleChange]:
    """What changes from `old` to `new`, rule by rule; where a rule stands in the file does not matter."""
    before, after = {rule.id: replace(rule, line=0) for rule in old}, {rule.id: replace(rule, line=0) for rule in new}
    found = [RuleChange(one.id, one.title, "新增") for one in after.values() if one.id not in before]
    for one in before.values():
        now = after.get(one.id)
        if now is None:
            found.append(RuleChange(one.id, one.title, "删除"))
        elif now.enabled != one.enabled:
            also = "并修改" if replace(now, enabled=one.enabled) != one else ""
            found.append(RuleChange(one.id, now.title, ("启用" if now.enabled else "停用") + also))
        elif now != one:
            found.append(RuleChange(one.id, now.title, "修改"))
    return found


def unified(old: str, new: str, before: str, after: str) -> list[str]:
    """The unified diff, three lines of context, without line ends. Its work is bounded whatever the texts."""
    left, right = old.splitlines(), new.splitlines()
    head = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))
    tail_left, tail_right = left[head:], right[head:]
    pairs = zip(reversed(tail_left), reversed(tail_right), strict=False)
    tail = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    middle = (len(tail_left) - tail) * (len(tail_right) - tail)
    if middle <= _MOST_CELLS:
        return list(difflib.unified_diff(left, right, before, after, lineterm=""))
    gone, come = left[head : len(left) - tail], right[head : len(right) - tail]
    place = f"@@ -{head + 1},{len(gone)} +{head + 1},{len(come)} @@"
    return [f"--- {before}", f"+++ {after}", place, *(f"-{line}" for line in gone), *(f"+{line}" for line in come)]


def switched(text: str, rule_id: str, enabled: bool) -> str:
    """`text` with the `enabled:` of one rule set and every other character kept, comments too.

    `BadInput` when the rule is not there, or is written so that this cannot be done safely: the result is read again
    and must differ in that one value alone.
    """
    before = sound_rules(text)
    rule = before.by_id(rule_id)
    if rule is None:
        raise BadInput(f"规则 {rule_id!r} 不在文本里")
    if rule.enabled == enabled:
        return text
    node = _node_of(text, rule_id)
    after = "" if node is None else _with_flag(text, node, "true" if enabled else "false")
    sound, _ = check_text(after)
    if sound is None or not _differs_only(before, sound, rule_id):
        raise BadInput(f"规则 {rule_id!r} 的写法不便自动改写,请在文本里手动改它的 enabled")
    return after


def _differs_only(before: RuleSet, after: RuleSet, rule_id: str) -> bool:
    wanted = [replace(rule, line=0, enabled=rule.enabled != (rule.id == rule_id)) for rule in before.rules]
    return wanted == [replace(rule, line=0) for rule in after.rules]


def _node_of(text: str, rule_id: str) -> yaml.MappingNode | None:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value == "rules" and isinstance(value, yaml.SequenceNode):
            for node in value.value:
                if isinstance(node, yaml.MappingNode) and _scalar(node, "id") == rule_id:
                    return node
    return None


def _scalar(node: yaml.MappingNode, name: str) -> str:
    found = next((value for key, value in node.value if key.value == name), None)
    return found.value.strip() if isinstance(found, yaml.ScalarNode) else ""


def _with_flag(text: str, node: yaml.MappingNode, word: str) -> str:
    """The flag in the place of the old one; where there is none, on a line of its own under the rule's id."""
    values = {key.value: (key, value) for key, value in node.value}
    if "enabled" in values:
        mark = values["enabled"][1]
        return text[: mark.start_mark.index] + word + text[mark.end_mark.index :]
    key, value = values["id"]
    end = value.end_mark.index
    if node.flow_style:
        return f"{text[:end]}, enabled: {word}{text[end:]}"
    line = text.find("\n", end)
    line = len(text) if line < 0 else line
    feed = "\r\n" if text[line - 1 : line + 1] == "\r\n" else "\n"
    line -= feed == "\r\n"
    return f"{text[:line]}{feed}{' ' * key.start_mark.column}enabled: {word}{text[line:]}"
