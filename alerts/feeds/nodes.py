"""The feeds file's YAML with line numbers: the rules file's typed getters, and tables."""

import yaml

from alerts.rules_read import ListedProblems, RuleNode, safe_root

_MAX_DEPTH = 8
_MAX_CHARS = 1_000_000


class FeedNode(RuleNode):
    """A mapping of the feeds file; getters record what is wrong and return something usable."""

    def part(self, key: str) -> "FeedNode | None":
        """A mapping that may be left out."""
        node = self._items.get(key)
        if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
            return None
        if isinstance(node, yaml.MappingNode):
            return FeedNode(node, self.problems)
        self.problem(key, f"{key} 必须是键值对")
        return None

    def parts(self, key: str) -> "list[FeedNode]":
        """A list of mappings that may be left out or empty."""
        node = self._items.get(key)
        if node is None or (isinstance(node, yaml.ScalarNode) and node.value in ("", "[]", "null")):
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.problem(key, f"{key} 必须是列表")
            return []
        found = []
        for item in node.value:
            if isinstance(item, yaml.MappingNode):
                found.append(FeedNode(item, self.problems))
            else:
                self.problems.add(item.start_mark.line + 1, f"{key} 的每一项必须是键值对")
        return found

    def table(self, key: str) -> dict[str, str]:
        """Text → text, both taken as written."""
        node = self.part(key)
        return {name: node.text(name) for name in node.names()} if node is not None else {}

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number within [low, high]."""
        found = self.number(key, float(default), low, high)
        if found != int(found):
            self.problem(key, f"{key} 必须是整数")
        return int(found)


def top_node(text: str, problems: ListedProblems) -> FeedNode | None:
    """The file's top mapping; None when the file is empty or cannot be read. Aliases and deep nesting are refused."""
    if len(text) > _MAX_CHARS:
        problems.add(1, f"文件超过 {_MAX_CHARS} 个字符")
        return None
    root = safe_root(text, problems, _MAX_DEPTH)
    if root is None:
        return None
    if not isinstance(root, yaml.MappingNode):
        problems.add(1, "顶层必须是 feeds: 加列表")
        return None
    return FeedNode(root, problems)
