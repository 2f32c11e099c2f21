"""Reading the plans file (YAML): every error at once, each with its line. `docs/plans.md` describes the file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from alerts.model import Level
from dispatch.plan_book import NAMED, RESPONSE_LEVELS, SMS_CHARS, Group, Match, Plan, PlanBook, fill
from dispatch.yaml_nodes import NodeReader, compose
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
    root = compose(text, "预案文件")
    reader = _Reader()
    book = reader.book(root)
    reader.refuse_errors("预案文件")
    return book


class _Reader(NodeReader):
    """The plans file."""

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
