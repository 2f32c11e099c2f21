"""Templates of the city's notices, as data: by event and colour, with the response level only where it has a source."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerts.model import Alert, Level
from dispatch.plan_book import RESPONSE_LEVELS, fill
from dispatch.yaml_nodes import NodeReader, compose, read_text

WHAT = "响应模板文件"
FIELDS = {
    "city": "城市", "place": "范围", "event": "事件", "colour": "颜色", "native": "原级别", "sender": "发布单位",
    "sent_at": "发布时间", "expires_at": "失效时间", "headline": "标题", "description": "内容",
}  # fmt: skip
LEVEL_FIELD = "level"
_COLOURS = {"blue": Level.BLUE, "yellow": Level.YELLOW, "orange": Level.ORANGE, "red": Level.RED}


@dataclass(frozen=True, slots=True)
class Template:
    """One event's notice. `levels` maps a colour to (response level, its source); "" where none is confirmed."""

    id: str
    title: str
    codes: tuple[str, ...]
    names: tuple[str, ...]
    incident_type: str
    short: str
    long: str
    levels: Mapping[Level, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ResponseBook:
    """All templates. `source` empty: not approved (未核定)."""

    templates: Mapping[str, Template]
    otherwise: str
    status: str = "未核定"
    source: str = ""

    def template_of(self, alert: Alert) -> Template:
        """By the event's code, then by its name, then `otherwise`."""
        codes = {alert.event, *alert.labels.values()}
        words = f"{alert.event} {alert.headline}"
        by_code = (one for one in self.templates.values() if codes & set(one.codes))
        by_name = (one for one in self.templates.values() if any(name in words for name in one.names))
        return next(by_code, None) or next(by_name, None) or self.templates[self.otherwise]


def load_responses(path: Path) -> ResponseBook:
    """The book at `path`. `BadInput` lists every error as `第 n 行:…`."""
    return parse_responses(read_text(path, WHAT))


def parse_responses(text: str) -> ResponseBook:
    """A `ResponseBook` from YAML text. `BadInput` lists every error as `第 n 行:…`."""
    reader = _Reader()
    book = reader.book(compose(text, WHAT))
    reader.refuse_errors(WHAT)
    return book


class _Reader(NodeReader):
    """The book of templates."""

    def book(self, root: Any) -> ResponseBook:
        top = self.table(root, WHAT, ("version", "status", "source", "otherwise", "templates"))
        found = {key: self.one(key, node) for key, node in self.table(top.get("templates"), "templates").items()}
        otherwise = self.text(top.get("otherwise"), "otherwise")
        if otherwise and otherwise not in found:
            self.wrong(top.get("otherwise"), f"otherwise 指向的模板 {otherwise} 不存在")
        status = self.text(top.get("status"), "status", "未核定")
        return ResponseBook(found, otherwise, status, self.text(top.get("source"), "source", ""))

    def one(self, key: str, node: Any) -> Template:
        known = ("title", "codes", "names", "incident_type", "short", "long", "colours")
        line = self.table(node, f"模板 {key} ", known)
        for name in ("title", "incident_type", "short", "long", "colours"):
            if name not in line:
                self.wrong(node, f"模板 {key} 缺 {name}")
        words = {
            name: tuple(self.text(item, name) for item in self.items(line[name], name)) if name in line else ()
            for name in ("codes", "names")
        }
        plain = {name: self.text(line[name], name) if name in line else "" for name in ("title", "incident_type")}
        texts = {name: self.wording(line[name], name) if name in line else "" for name in ("short", "long")}
        levels = self.levels(line["colours"]) if "colours" in line else {}
        return Template(key, plain["title"], words["codes"], words["names"], plain["incident_type"],
                        texts["short"], texts["long"], levels)  # fmt: skip

    def wording(self, node: Any, what: str) -> str:
        text = self.text(node, what)
        rest = fill(text, dict.fromkeys((*FIELDS, LEVEL_FIELD), ""))
        if "{" in rest or "}" in rest:
            self.wrong(node, f"{what}的花括号里只能是 {'、'.join((*FIELDS, LEVEL_FIELD))}")
        if "{level}" not in text:
            self.wrong(node, f"{what}里要有 {{level}}:通知要写明响应级别")
        return text.strip()

    def levels(self, node: Any) -> dict[Level, tuple[str, str]]:
        found = {}
        for key, value in self.table(node, "colours", tuple(_COLOURS)).items():
            line = self.table(value, key, ("level", "level_source"))
            level = self.text(line.get("level"), "level", "")
            source = self.text(line.get("level_source"), "level_source", "")
            if level and level not in RESPONSE_LEVELS:
                self.wrong(line["level"], f"响应级别 {level} 不对;可用:{'、'.join(RESPONSE_LEVELS)},或留空")
            if level and not source.strip():
                self.wrong(line["level"], "填了响应级别就要写出处(level_source);没有公布的依据请留空")
            found[_COLOURS[key]] = (level, source)
        return found
