"""Which events belong together, as data: kinds of event, and which kind leads to which, how near and how soon."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerts.model import Alert
from dispatch.plan_book import Match
from dispatch.yaml_nodes import NodeReader, compose, read_text

WHAT = "并案成因文件"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of event; `types` are the incident types it can join."""

    id: str
    title: str
    match: Match
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """Two kinds that belong together when no further apart than this; `words` say so on screen."""

    within_m: float
    within_min: int
    words: str


@dataclass(frozen=True, slots=True)
class CauseBook:
    """`links` are by (kind, kind), both ways round."""

    kinds: Mapping[str, Kind]
    links: Mapping[tuple[str, str], Link]
    status: str = "未核定"
    source: str = ""

    def kind_of(self, alert: Alert) -> str | None:
        """The first kind that fits the alert."""
        return next((kind.id for kind in self.kinds.values() if kind.match.fits(alert)), None)

    def kinds_of_type(self, type: str) -> tuple[str, ...]:
        """The kinds an incident of this type is about."""
        return tuple(kind.id for kind in self.kinds.values() if type in kind.types)


def load_causes(path: Path) -> CauseBook:
    """The book at `path`. `BadInput` lists every error as `第 n 行:…`."""
    return parse_causes(read_text(path, WHAT))


def parse_causes(text: str) -> CauseBook:
    """A `CauseBook` from YAML text. `BadInput` lists every error as `第 n 行:…`."""
    reader = _Reader()
    book = reader.book(compose(text, WHAT))
    reader.refuse_errors(WHAT)
    return book


class _Reader(NodeReader):
    """The book of causes."""

    def book(self, root: Any) -> CauseBook:
        top = self.table(root, WHAT, ("version", "status", "source", "kinds", "links"))
        kinds = {key: self.kind(key, node) for key, node in self.table(top.get("kinds"), "kinds").items()}
        links: dict[tuple[str, str], Link] = {}
        for node in self.items(top.get("links"), "links"):
            self.link(node, kinds, links)
        status = self.text(top.get("status"), "status", "未核定")
        return CauseBook(kinds, links, status, self.text(top.get("source"), "source", ""))

    def kind(self, key: str, node: Any) -> Kind:
        line = self.table(node, f"种类 {key} ", ("title", "quantity", "rule", "event", "types"))
        words: dict[str, tuple[str, ...]] = {
            name: tuple(self.text(item, f"{name} 的词") for item in self.items(line[name], name))
            for name in ("quantity", "rule", "event")
            if name in line
        }
        if not any(words.values()):
            self.wrong(node, f"种类 {key} 没有可匹配的词(quantity、rule 或 event)")
        types = (
            tuple(self.text(item, "types") for item in self.items(line["types"], "types")) if "types" in line else ()
        )
        return Kind(key, self.text(line.get("title"), "title"), Match(key, words), types)

    def link(self, node: Any, kinds: Mapping[str, Kind], links: dict[tuple[str, str], Link]) -> None:
        line = self.table(node, "links 的一行", ("from", "to", "within_m", "within_min", "words"))
        ends = []
        for name in ("from", "to"):
            end = self.text(line.get(name) or node, name) if name in line else ""
            if end not in kinds:
                self.wrong(line.get(name) or node, f"{name} 指向的种类 {end or '(空)'} 不存在")
            ends.append(end)
        pair = (ends[0], ends[1])
        if pair in links:
            self.wrong(node, f"{ends[0]} 与 {ends[1]} 写了两次")
        metres = self.count(line.get("within_m"), "within_m", 10, 50_000)
        made = Link(
            float(metres),
            self.count(line.get("within_min"), "within_min", 1, 2_880),
            self.text(line.get("words"), "words"),
        )
        links[pair] = links[pair[::-1]] = made
