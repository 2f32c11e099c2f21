"""Reading the plans file (YAML): every error at once, each with its line. `docs/plans.md` describes the file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from alerts.model import Level
from dispatch.plan_book import NAMED, RESPONSE_LEVELS, SMS_CHARS, Group, Match, Plan, PlanBook, fill
from geodata.errors import BadInput

__all__ = ["PlanBook", "load_plans", "parse_plans"]

SCOPES = ("place", "county", "city", "any")
PLACEHOLDERS = ("title", "place", "event", "level", "plan", "headline")
_LEVELS = {"none": Level.NONE, "blue": Level.BLUE, "yellow": Level.YELLOW, "orange": Level.ORANGE, "red": Level.RED}


def load_plans(path: Path) -> PlanBook:
    """The plans file at `path`. `BadInput` lists every error as `第 n 行:…`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"预案文件 {path} 读不出:{error};请检查 CITYBRAIN_PLANS_FILE") from error
    return parse_plans(text)


def parse_plans(text: str) -> PlanBook:
    """A `PlanBook` from YAML text. `BadInput` lists every error as `第 n 行:…`."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"第 {mark.line + 1} 行:" if mark else ""
        raise BadInput(f"预案文件不是有效的 YAML。{where}{getattr(error, 'problem', error)}") from error
    reader = _Reader()
    book = reader.book(root)
    if reader.errors:
        raise BadInput("预案文件有错:\n" + "\n".join(f"第 {line} 行:{what}" for line, what in sorted(reader.errors)))
    return book


class _Reader:
    """Walks the YAML nodes, which know their lines; collects errors and goes on."""

    def __init__(self) -> None:
        self.errors: list[tuple[int, str]] = []

    def wrong(self, node: Any, what: str) -> None:
        self.errors.append((node.start_mark.line + 1 if node is not None else 1, what))

    def table(self, node: Any, what: str, known: tuple[str, ...] = ()) -> dict[str, Any]:
        """Key → value node. Unknown keys (when `known` is given) and repeated keys are errors."""
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, f"{what}应为键值表")
            return {}
        found: dict[str, Any] = {}
        for key_node, value in node.value:
            key = str(key_node.value)
            if key in found:
                self.wrong(key_node, f"{what}里 {key} 写了两次")
            elif known and key not in known:
                self.wrong(key_node, f"{what}里没有 {key} 这一项;可用:{'、'.join(known)}")
            else:
                found[key] = value
        return found

    def items(self, node: Any, what: str) -> list[Any]:
        if not isinstance(node, yaml.SequenceNode):
            self.wrong(node, f"{what}应为列表")
            return []
        return list(node.value)

    def text(self, node: Any, what: str, default: str | None = None) -> str:
        if node is None and default is not None:
            return default
        if not isinstance(node, yaml.ScalarNode) or (default is None and not node.value.strip()):
            self.wrong(node, f"{what}应为文字,且不能为空")
            return ""
        return node.value

    def count(self, node: Any, what: str, low: int, high: int, default: int | None = None) -> int:
        if node is None and default is not None:
            return default
        value = node.value if isinstance(node, yaml.ScalarNode) else ""
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            self.wrong(node, f"{what}应为 {low}–{high} 的整数")
            return low
        return int(value)

    def template(self, node: Any, what: str) -> str:
        """Only the known placeholders may stand in braces."""
        text = self.text(node, what)
        rest = fill(text, dict.fromkeys(PLACEHOLDERS, ""))
        if "{" in rest or "}" in rest:
            self.wrong(node, f"{what}的花括号里只能是 {'、'.join(PLACEHOLDERS)}")
        return text

    def book(self, root: Any) -> PlanBook:
        keys = ("version", "status", "source", "response_levels", "response_source", "classify", "otherwise", "plans")
        top = self.table(root, "预案文件", keys)
        plans = {key: self.plan(key, node) for key, node in self.table(top.get("plans"), "plans").items()}
        if not plans and not self.errors:
            self.wrong(top.get("plans"), "plans 里一个预案也没有")
        matches = tuple(self.match(node, plans) for node in self.items(top.get("classify"), "classify"))
        otherwise = self.text(top.get("otherwise"), "otherwise")
        if otherwise and otherwise not in plans:
            self.wrong(top.get("otherwise"), f"otherwise 指向的预案 {otherwise} 不存在")
        return PlanBook(
            plans=plans,
            matches=matches,
            otherwise=otherwise,
            response_levels=self.levels(top.get("response_levels")),
            status=self.text(top.get("status"), "status", "未核定"),
            source=self.text(top.get("source"), "source", ""),
            response_source=self.text(top.get("response_source"), "response_source", ""),
        )

    def levels(self, node: Any) -> dict[Level, str]:
        found = {}
        for key, value in self.table(node, "response_levels", tuple(_LEVELS)).items():
            found[_LEVELS[key]] = self.response_level(value, self.text(value, key))
        for key in ("blue", "yellow", "orange", "red"):
            if isinstance(node, yaml.MappingNode) and _LEVELS[key] not in found:
                self.wrong(node, f"response_levels 缺 {key}")
        return found

    def response_level(self, node: Any, value: str) -> str:
        if value not in RESPONSE_LEVELS:
            self.wrong(node, f"响应级别 {value} 不对;可用:{'、'.join(RESPONSE_LEVELS)}(罗马数字字符)")
            return RESPONSE_LEVELS[0]
        return value

    def match(self, node: Any, plans: Mapping[str, Plan]) -> Match:
        line = self.table(node, "classify", ("type", "quantity", "rule", "event"))
        kind = self.text(line.get("type") or node, "type") if "type" in line else ""
        if kind not in plans:
            self.wrong(node, f"classify 指向的预案 {kind or '(空)'} 不存在")
        words = {
            name: tuple(self.text(item, f"{name} 的词") for item in self.items(value, name))
            for name, value in line.items()
            if name != "type"
        }
        return Match(kind, words)

    def plan(self, key: str, node: Any) -> Plan:
        known = ("title", "confirm_within_s", "short", "long", "at")
        line = self.table(node, f"预案 {key} ", known)
        for name in ("title", "short", "long", "at"):
            if name not in line:
                self.wrong(node, f"预案 {key} 缺 {name}")
        within = self.count(line.get("confirm_within_s"), "confirm_within_s", 30, 86_400, 300)
        groups: dict[str, tuple[Group, ...]] = {}
        teams: dict[str, dict[str, int]] = {}
        for level, step in self.table(line["at"], f"预案 {key} 的 at").items() if "at" in line else ():
            self.response_level(step, level)
            parts = self.table(step, f"{level} 级", ("groups", "teams"))
            listed = self.items(parts["groups"], "groups") if "groups" in parts else []
            groups[level] = tuple(self.group(item, level, within) for item in listed)
            need = self.table(parts["teams"], "teams") if "teams" in parts else {}
            teams[level] = {name: self.count(value, f"队伍 {name} 的数量", 1, 50) for name, value in need.items()}
        short = self.template(line["short"], "short") if "short" in line else ""
        if len(fill(short, dict.fromkeys(PLACEHOLDERS, ""))) > SMS_CHARS - 20:
            self.wrong(line["short"], f"short 太长:固定文字最多 {SMS_CHARS - 20} 字,给地点和事件留位置")
        long = self.template(line["long"], "long") if "long" in line else ""
        title = self.text(line["title"], "title") if "title" in line else ""
        return Plan(key, title, within, short, long, groups, teams)

    def group(self, node: Any, level: str, within_s: int) -> Group:
        line = self.table(node, "groups", ("role", "scope", "limit", "confirm_within_s"))
        role = self.text(line["role"], "role") if "role" in line else ""
        if not role and "role" not in line:
            self.wrong(node, "groups 的一行缺 role")
        scope = self.text(line.get("scope"), "scope", "place" if role == NAMED else "county")
        if scope not in SCOPES:
            self.wrong(line.get("scope") or node, f"scope {scope} 不对;可用:{'、'.join(SCOPES)}")
        limit = self.count(line.get("limit"), "limit", 1, 2000, 10)
        return Group(
            role,
            scope,
            limit,
            self.count(line.get("confirm_within_s"), "confirm_within_s", 30, 86_400, within_s),
            level,
        )
