"""Reading the handling book (YAML): every error at once, each with its line. `docs/handling.md` describes the file."""

from pathlib import Path
from typing import Any

from dispatch.handling import OPENED, HandlingBook, Step
from dispatch.plan_book import RESPONSE_LEVELS
from dispatch.yaml_nodes import NodeReader, compose, read_text

WHAT = "处置步骤文件"
MINUTES_MOST = 30 * 24 * 60
KEY_CHARS = 24


def load_handling(path: Path) -> HandlingBook:
    """The handling book at `path`. `BadInput` lists every error as `第 n 行:…`."""
    return parse_handling(read_text(path, WHAT))


def parse_handling(text: str) -> HandlingBook:
    """A `HandlingBook` from YAML text. `BadInput` lists every error as `第 n 行:…`."""
    reader = _Reader()
    book = reader.book(compose(text, WHAT))
    reader.refuse_errors(WHAT)
    return book


class _Reader(NodeReader):
    """The handling book."""

    def book(self, root: Any) -> HandlingBook:
        top = self.table(root, WHAT, ("version", "status", "source", "otherwise", "types"))
        types = {key: self.steps(key, node) for key, node in self.table(top.get("types"), "types").items()}
        otherwise = self.text(top.get("otherwise"), "otherwise")
        if otherwise and otherwise not in types:
            self.wrong(top.get("otherwise"), f"otherwise 指向的类型 {otherwise} 不存在")
        status = self.text(top.get("status"), "status", "未核定")
        return HandlingBook(types, otherwise, status, self.text(top.get("source"), "source", ""))

    def steps(self, type: str, node: Any) -> tuple[Step, ...]:
        found: list[Step] = []
        for item in self.items(node, f"类型 {type} "):
            step = self.step(item, found)
            if any(step.key == before.key for before in found):
                self.wrong(item, f"步骤 {step.key} 写了两次")
            found.append(step)
        if not found:
            self.wrong(node, f"类型 {type} 一个步骤也没有")
        return tuple(found)

    def step(self, node: Any, before: list[Step]) -> Step:
        line = self.table(node, "步骤", ("key", "title", "after", "within_min", "source"))
        for name in ("key", "title", "within_min"):
            if name not in line:
                self.wrong(node, f"步骤缺 {name}")
        key = self.text(line.get("key"), "key") if "key" in line else ""
        if key and not (key.isascii() and key.replace("_", "").isalnum() and len(key) <= KEY_CHARS):
            self.wrong(line["key"], f"key 只能用英文字母、数字和下划线,最多 {KEY_CHARS} 个字符")
        after = self.text(line.get("after"), "after", OPENED)
        if after != OPENED and after not in {step.key for step in before}:
            self.wrong(line.get("after"), f"after 应为 {OPENED} 或前面某一步的 key,没有 {after}")
        within = self.minutes(line.get("within_min"), after, before) if "within_min" in line else {}
        title = self.text(line.get("title"), "title") if "title" in line else ""
        return Step(key, title, after, within, self.text(line.get("source"), "source", ""))

    def minutes(self, node: Any, after: str, before: list[Step]) -> dict[str, int]:
        """Minutes by level. A step that follows another may only stand at levels where that one stands too."""
        found: dict[str, int] = {}
        for level, value in self.table(node, "within_min").items():
            if level not in RESPONSE_LEVELS:
                self.wrong(value, f"响应级别 {level} 不对;可用:{'、'.join(RESPONSE_LEVELS)}(罗马数字字符)")
                continue
            found[level] = self.count(value, f"{level} 级的分钟数", 1, MINUTES_MOST)
            earlier = next((step for step in before if step.key == after), None)
            if earlier is not None and level not in earlier.within_min:
                self.wrong(value, f"{level} 级没有前一步 {after},这一步不能接在它后面")
        if not found:
            self.wrong(node, "within_min 至少写一个级别")
        return found
