"""The translation of native levels into normalised ones, as data with its sources. The native words always stay."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alerts.model import Level
from alerts.rules_read import ListedProblems, RuleNode, top_mapping
from geodata.errors import BadInput

FILE = Path(__file__).with_name("levels.yaml")
_LEVELS = tuple(level.name.lower() for level in Level)
_SEVERITIES = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")


@dataclass(frozen=True, slots=True)
class NativeLevel:
    """One level of a scheme: the source's word, the screen's, the normalised level and CAP's severity."""

    native: str
    title: str
    level: Level
    severity: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scheme:
    """A scale of levels and where it comes from; `known` has every spelling, without regard to case."""

    id: str
    title: str
    source: str
    levels: tuple[NativeLevel, ...]
    known: Mapping[str, NativeLevel]

    def of(self, native: str) -> NativeLevel | None:
        """The level that the source calls `native`, None when the scheme does not know it."""
        return self.known.get(_plain(native))

    def at(self, level: Level) -> NativeLevel | None:
        """What this scheme calls a normalised level."""
        return next((one for one in self.levels if one.level == level), None)


Schemes = Mapping[str, Scheme]


@cache
def schemes() -> Schemes:
    """Those that ship beside this module; read at the first use."""
    return load_levels(FILE)


def load_levels(path: Path) -> Schemes:
    """The schemes in the file `path` by id. Raises `BadInput` naming the file and every wrong line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"读不到级别对照文件 {path}:{error}") from error
    return parse_levels(text, path.name)


def parse_levels(text: str, name: str = "levels") -> Schemes:
    """The schemes in `text`. Raises `BadInput` whose message has one line a problem, `name:line: what`."""
    problems = ListedProblems(name)
    root = top_mapping(text, problems)
    found: dict[str, Scheme] = {}
    if root is not None:
        root.only({"schemes"})
        for node in root.mappings("schemes"):
            scheme = _scheme(node)
            if scheme.id in found:
                node.problem("id", f"id {scheme.id!r} 写了两次")
            found[scheme.id] = scheme
    problems.raise_any("级别对照表有误")
    return found


def _scheme(node: RuleNode) -> Scheme:
    node.only({"id", "title", "source", "levels"})
    levels: list[NativeLevel] = []
    known: dict[str, NativeLevel] = {}
    for step in node.mappings("levels"):
        one = _level(step)
        levels.append(one)
        for word in (one.native, *one.also):
            if _plain(word) in known:
                step.problem("native", f"{word} 写了两次")
            known[_plain(word)] = one
    if levels != sorted(levels, key=lambda one: -one.level):
        node.problem("levels", "levels 必须从最重写到最轻")
    return Scheme(
        node.word("id"), node.text("title", required=True), node.text("source", required=True), tuple(levels), known
    )


def _level(step: RuleNode) -> NativeLevel:
    step.only({"native", "also", "level", "severity", "title"})
    native = step.text("native", required=True)
    level = Level[step.choice("level", _LEVELS, "").upper() or "NONE"]
    severity = step.choice("severity", _SEVERITIES, "")
    return NativeLevel(native, step.text("title") or native, level, severity, tuple(step.words("also")))


def _plain(word: str) -> str:
    return word.strip().casefold()


def severity_of(level: Level) -> str:
    """CAP's severity of a normalised level."""
    found = schemes()["cap-severity"].at(level)
    return found.native if found is not None else "Unknown"
