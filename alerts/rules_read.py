"""Reading the rules' YAML with line numbers: typed access to a node that lists problems instead of raising."""

import math
import re
from collections.abc import Iterable, Iterator

import yaml

from alerts.quantities import QUANTITIES
from geodata.errors import BadInput

_WORD = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads a large file ten times as fast
_MAX_DEPTH = 20  # six levels of conditions, each a list of mappings, with a choice of sensors inside


class ListedProblems:
    """Problems of one file, in the order found."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: list[tuple[int, str]] = []

    @property
    def count(self) -> int:
        return len(self.lines)

    def add(self, line: int, what: str) -> None:
        self.lines.append((line, what))

    def raise_any(self, title: str = "规则文件有误") -> None:
        if self.lines:
            listed = [f"{self.name}:{line}: {what}" for line, what in sorted(self.lines)]
            raise BadInput(f"{title}\n" + "\n".join(listed), problems=listed)


class RuleNode:
    """A YAML mapping; every getter returns a usable value and records what was wrong with the given one."""

    def __init__(self, node: yaml.MappingNode, problems: ListedProblems) -> None:
        self.problems = problems
        self.line = node.start_mark.line + 1
        self._items: dict[str, yaml.Node] = {}
        self._key_lines: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                problems.add(key.start_mark.line + 1, "键必须是文本")
            elif key.value in self._items:
                problems.add(key.start_mark.line + 1, f"{key.value} 写了两次")
            else:
                self._items[key.value] = value
                self._key_lines[key.value] = key.start_mark.line + 1

    def only(self, allowed: Iterable[str]) -> None:
        allowed = set(allowed)
        for key in self._items:
            if key not in allowed:
                self.problems.add(self._key_lines[key], f"不认识 {key};可用:{'、'.join(sorted(allowed))}")

    def has(self, key: str) -> bool:
        return key in self._items

    def names(self) -> list[str]:
        return list(self._items)

    def problem(self, key: str, what: str) -> None:
        node = self._items.get(key)
        self.problems.add(node.start_mark.line + 1 if node else self.line, what)

    def text(self, key: str, required: bool = False) -> str:
        node = self._items.get(key)
        if node is None:
            if required:
                self.problem(key, f"缺少 {key}")
            return ""
        if not isinstance(node, yaml.ScalarNode) or len(node.value) > 1_000:
            self.problem(key, f"{key} 必须是不超过 1000 个字符的文本")
            return ""
        if required and not node.value.strip():
            self.problem(key, f"{key} 不能为空")
        return node.value.strip()

    def word(self, key: str) -> str:
        found = self.text(key, required=True)
        if found and not _WORD.fullmatch(found):
            self.problem(key, f"{key} 只能用小写字母、数字、点、横线和下划线(不超过 64 个字符)")
        return found

    def choice(self, key: str, allowed: tuple[str, ...], default: str) -> str:
        if key not in self._items:
            if not default and "" not in allowed:
                self.problem(key, f"缺少 {key}")
            return default
        found = self.text(key)
        if found not in allowed:
            self.problem(key, f"{key} 只能是 {'、'.join(filter(None, allowed))}")
            return default
        return found

    def choice_of_quantity(self, key: str) -> str:
        return self.choice(key, tuple(QUANTITIES), "")

    def flag(self, key: str, default: bool) -> bool:
        return self.choice(key, ("true", "false"), "true" if default else "false") == "true"

    def number(self, key: str, default: float | None, low: float = -math.inf, high: float = math.inf) -> float:
        """A finite number within [low, high]; `default` None: it must be given."""
        if key not in self._items:
            if default is None:
                self.problem(key, f"缺少 {key}")
            return default or 0.0
        raw = self.text(key)
        try:
            found = float(raw.replace("_", "")) if len(raw) <= 32 else math.nan
        except ValueError:
            found = math.nan
        if not math.isfinite(found) or not low <= found <= high:
            self.problem(key, f"{key} 必须是数字" + (f",{low:g}…{high:g}" if math.isfinite(low) else ""))
            return default or 0.0
        return found

    def words(self, key: str) -> list[str]:
        node = self._items.get(key)
        if node is None:
            return []
        if isinstance(node, yaml.SequenceNode) and all(isinstance(item, yaml.ScalarNode) for item in node.value):
            return [item.value for item in node.value]
        self.problem(key, f"{key} 必须是文本的列表")
        return []

    def pairs(self, key: str) -> list[tuple[float, float]]:
        """A list of [number, number]; a problem and [] when it is anything else."""
        node = self._items.get(key)
        found = []
        for item in node.value if isinstance(node, yaml.SequenceNode) else ():
            inner = item.value if isinstance(item, yaml.SequenceNode) else ()
            try:
                first, second = (float(one.value) for one in inner)
            except (ValueError, TypeError, AttributeError):
                break
            if not (math.isfinite(first) and math.isfinite(second)):
                break
            found.append((first, second))
        else:
            if found:
                return found
        self.problem(key, f"{key} 必须是 [数字, 数字] 的列表")
        return []

    def mapping(self, key: str) -> "RuleNode | None":
        node = self._items.get(key)
        if isinstance(node, yaml.MappingNode):
            return RuleNode(node, self.problems)
        self.problem(key, f"缺少 {key}" if node is None else f"{key} 必须是键值对")
        return None

    def mappings(self, key: str) -> "Iterator[RuleNode]":
        node = self._items.get(key)
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self.problem(key, f"{key} 必须是至少一项的列表")
            return
        for item in node.value:
            if isinstance(item, yaml.MappingNode):
                yield RuleNode(item, self.problems)
            else:
                self.problems.add(item.start_mark.line + 1, f"{key} 的每一项必须是键值对")


def safe_root(text: str, problems: ListedProblems, max_depth: int = _MAX_DEPTH) -> yaml.Node | None:
    """The root of YAML text; None when it is empty, or wrong, which is then among `problems` with its line.

    Aliases are refused (they can multiply), so is nesting deeper than `max_depth`.
    """
    try:
        depth = 0
        for event in yaml.parse(text, Loader=LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > max_depth:
                problems.add(event.start_mark.line + 1 if event.start_mark else 1, "不能使用别名(*)或过深的嵌套")
                return None
        return yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error)
        last = text.count("\n") + 1  # libyaml names the line after the end
        problems.add(min(mark.line + 1, last) if mark is not None else 1, f"不是合法的 YAML:{what}")
        return None


def top_mapping(text: str, problems: ListedProblems, wanted: str = "键值对") -> RuleNode | None:
    """The file's top mapping; None when there is none, which is then among `problems`. `wanted`: what it should be."""
    before = problems.count
    root = safe_root(text, problems)
    if isinstance(root, yaml.MappingNode):
        return RuleNode(root, problems)
    if problems.count == before:
        problems.add(1, f"顶层必须是{wanted}")
    return None


def read_rule_nodes(text: str, problems: ListedProblems) -> list[RuleNode]:
    """The mappings under the top-level `rules`."""
    top = top_mapping(text, problems, " rules: 加规则列表")
    if top is None:
        return []
    top.only({"rules"})
    return list(top.mappings("rules"))
