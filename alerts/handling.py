"""How alerts are handled over time: reopening, chattering, shelving, escalation, closing. Data, read from YAML."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from alerts.inhibition import Inhibition
from alerts.labels import labels_of
from alerts.matchers import Matcher, all_match, parse_matchers
from alerts.model import Alert, Level
from alerts.rules_read import ListedProblems, RuleNode, top_mapping
from geodata.errors import BadInput

_TOP = {
    "source", "reopen_within_s", "close_after_s", "close_standing_after_s", "shelve_max_s", "chatter", "escalation",
    "inhibitions",
}  # fmt: skip
_COLOURS = {level.name.lower(): level for level in (Level.RED, Level.ORANGE, Level.YELLOW, Level.BLUE)}
_DAY_S, _MAX_S = 86_400.0, 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class ChatterLimit:
    """An alert that `match` takes chatters from the `count`th coming within `within_s` until it has been quiet for
    `quiet_s`."""

    count: int
    within_s: float
    quiet_s: float
    match: tuple[Matcher, ...] = ()


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """After `after_s` without an acknowledgement, tell `to` (names of receivers or roles)."""

    after_s: float
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Handling:
    """Without values: nothing reopens, chatters or escalates by itself, and nothing can be shelved."""

    reopen_within_s: float = 0.0
    close_after_s: float = 0.0  # 0: never by itself
    close_standing_after_s: float = 0.0
    shelve_max_s: Mapping[Level, float] = field(default_factory=dict)
    chatter: tuple[ChatterLimit, ...] = ()
    escalation: Mapping[Level, tuple[EscalationStep, ...]] = field(default_factory=dict)
    inhibitions: tuple[Inhibition, ...] = ()
    source: str = ""

    def chatter_limit(self, alert: Alert) -> ChatterLimit | None:
        """The first that takes `alert`."""
        if not self.chatter:
            return None
        labels = labels_of(alert)
        return next((limit for limit in self.chatter if all_match(limit.match, labels)), None)

    def longest_shelf(self, level: Level) -> timedelta:
        return timedelta(seconds=self.shelve_max_s.get(level, 0.0))

    def steps(self, level: Level) -> Sequence[EscalationStep]:
        return self.escalation.get(level, ())


def load_handling(path: Path) -> Handling:
    """The handling in the file `path`. Raises `BadInput` naming the file and every wrong line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"读不到告警处置文件 {path}:{error}") from error
    return parse_handling(text, path.name)


def parse_handling(text: str, name: str = "handling") -> Handling:
    """The handling in `text`. Raises `BadInput` whose message has one line a problem, `name:line: what`."""
    problems = ListedProblems(name)
    root = top_mapping(text, problems)
    found = Handling()
    if root is not None:
        root.only(_TOP)
        found = Handling(
            reopen_within_s=root.number("reopen_within_s", None, 0.0, _DAY_S),
            close_after_s=root.number("close_after_s", None, 0.0, _MAX_S),
            close_standing_after_s=root.number("close_standing_after_s", None, 0.0, _MAX_S),
            shelve_max_s=_shelves(root),
            chatter=tuple(_chatter(root)),
            escalation=_escalation(root),
            inhibitions=tuple(_inhibitions(root)),
            source=root.text("source", required=True),
        )
    problems.raise_any("告警处置文件有误")
    return found


def _shelves(root: RuleNode) -> dict[Level, float]:
    node = root.mapping("shelve_max_s")
    if node is None:
        return {}
    node.only(_COLOURS)
    return {level: node.number(name, None, 0.0, _MAX_S) for name, level in _COLOURS.items()}


def _chatter(root: RuleNode) -> Iterator[ChatterLimit]:
    for node in root.mappings("chatter"):
        node.only({"match", "count", "within_s", "quiet_s"})
        match = _matchers(node, "match")
        count = node.number("count", None, 2.0, 20.0)
        within_s, quiet_s = node.number("within_s", None, 1.0, _DAY_S), node.number("quiet_s", None, 1.0, _DAY_S)
        yield ChatterLimit(int(count), within_s, quiet_s, match)


def _inhibitions(root: RuleNode) -> Iterator[Inhibition]:
    for node in root.mappings("inhibitions") if root.has("inhibitions") else ():
        node.only({"id", "source", "target", "equal", "why"})
        source, target = _matchers(node, "source"), _matchers(node, "target")
        for name, found in (("source", source), ("target", target)):
            if not found:
                node.problem(name, f"{name} 必须至少有一个匹配条件")
        why = node.text("why", required=True)
        yield Inhibition(node.word("id"), source, target, tuple(node.words("equal")), why)


def _matchers(node: RuleNode, key: str) -> tuple[Matcher, ...]:
    try:
        return parse_matchers(node.words(key))
    except BadInput as error:
        node.problem(key, str(error))
        return ()


def _escalation(root: RuleNode) -> dict[Level, tuple[EscalationStep, ...]]:
    node = root.mapping("escalation")
    if node is None:
        return {}
    node.only(_COLOURS)
    found = {}
    for name, level in _COLOURS.items():
        steps = []
        for step in node.mappings(name) if node.has(name) else ():
            step.only({"after_s", "to"})
            to = tuple(step.words("to"))
            if not to:
                step.problem("to", "to 必须至少写一个接收者")
            steps.append(EscalationStep(step.number("after_s", None, 1.0, _DAY_S), to))
        if steps != sorted(steps, key=lambda one: one.after_s):
            node.problem(name, f"{name} 的各步必须按 after_s 从小到大")
        found[level] = tuple(steps)
    return found
