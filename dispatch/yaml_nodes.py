"""Walking YAML nodes, which know their lines: what every data file of this room is read with."""

from pathlib import Path
from typing import Any

import yaml

from geodata.errors import BadInput


def read_text(path: Path, what: str) -> str:
    """The text of the data file at `path`; `BadInput` when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{what} {path} 读不出:{error}") from error


def compose(text: str, what: str) -> Any:
    """The root node of YAML text; `BadInput` names the line where it breaks."""
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"第 {mark.line + 1} 行:" if mark else ""
        raise BadInput(f"{what}不是有效的 YAML。{where}{getattr(error, 'problem', error)}") from error


class NodeReader:
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

    def refuse_errors(self, what: str) -> None:
        """Raise `BadInput` with every error as `第 n 行:…`, when there is one."""
        if self.errors:
            lines = "\n".join(f"第 {line} 行:{text}" for line, text in sorted(self.errors))
            raise BadInput(f"{what}有错:\n{lines}")
