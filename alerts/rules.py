"""Rules as values, read from YAML. Every problem is listed with its line; nothing in a rule is ever evaluated."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from alerts.quantities import QUANTITIES
from alerts.rule_kinds import SPEC_READERS, SpecReader
from alerts.rule_parts import LevelStep, SensorFilter, read_levels, read_sensors
from alerts.rules_read import ListedProblems, RuleNode, read_rule_nodes
from alerts.series_rules import SERIES_READERS
from geodata.errors import BadInput

__all__ = ["LevelStep", "Rule", "RuleSet", "SensorFilter", "load_rules", "parse_rules"]

MAX_BYTES = 1_000_000
_FIELDS = frozenset({
    "id", "title", "event", "quantity", "sensors", "levels", "direction", "hold_s", "fall_hold_s", "deadband",
    "stale_after_s", "stale_title", "source", "category", "severity", "urgency", "certainty", "enabled", "note", "kind",
})  # fmt: skip
_KINDS = {"threshold": SpecReader(frozenset(), lambda _: None, frozenset()), **SERIES_READERS, **SPEC_READERS}
SERIES_KINDS = frozenset({"threshold", *SERIES_READERS})  # what the kernel judges, reading by reading


@dataclass(frozen=True, slots=True)
class Rule:
    """`direction` above: a level is reached at value ≥ at; below: at value ≤ at; rising and falling belong to rates.
    `deadband` is the hysteresis, in the judged value's unit: a level once reached is left only beyond it, and only
    when it has stayed beyond it for `fall_hold_s`. `stale_after_s` 0: silence is not watched."""

    id: str
    title: str
    event: str
    quantity: str
    sensors: SensorFilter
    levels: tuple[LevelStep, ...]
    direction: str = "above"
    deadband: float = 0.0
    stale_after_s: float = 0.0
    stale_title: str = "传感器无数据"
    source: str = ""
    category: str = "Other"
    severity: str = ""
    urgency: str = "Immediate"
    certainty: str = "Observed"
    enabled: bool = True
    note: str = ""
    kind: str = "threshold"
    spec: object | None = None  # of the kinds that are more than a threshold: `alerts.series_rules`, `.rule_kinds`
    line: int = 0  # where it begins in its file
    fall_hold_s: float = 0.0

    @property
    def unit(self) -> str:
        """The unit of the value that is judged: a window's or a rate's is not its readings'."""
        own = getattr(self.spec, "unit", None)
        return own if isinstance(own, str) else QUANTITIES[self.quantity].unit if self.quantity in QUANTITIES else ""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules in force and those switched off; `version` changes with the text."""

    rules: tuple[Rule, ...]
    name: str = ""
    version: str = ""

    @property
    def active(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.enabled)

    def by_id(self, rule_id: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.id == rule_id), None)


def load_rules(path: Path) -> RuleSet:
    """The rules of the file `path`. Raises `BadInput` naming the file and every wrong line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"读不到规则文件 {path}:{error}") from error
    return parse_rules(text, path.name)


def parse_rules(text: str, name: str = "rules") -> RuleSet:
    """The rules in `text`. Raises `BadInput` whose message has one line a problem, `name:line: what`."""
    if len(text) > MAX_BYTES:
        raise BadInput(f"{name}:规则文件超过 {MAX_BYTES} 字节")
    problems = ListedProblems(name)
    rules = [rule for node in read_rule_nodes(text, problems) if (rule := _rule(node)) is not None]
    seen: dict[str, int] = {}
    for one, line in rules:
        if one.id in seen:
            problems.add(line, f"id {one.id!r} 与第 {seen[one.id]} 行重复")
        seen[one.id] = line
    problems.raise_any()
    return RuleSet(tuple(one for one, _ in rules), name, sha256(text.encode()).hexdigest()[:12])


def _rule(node: RuleNode) -> tuple[Rule, int] | None:
    before = node.problems.count
    kind = node.choice("kind", tuple(_KINDS), "threshold")
    reader = _KINDS[kind]
    taken = _FIELDS - reader.without
    node.only(taken | reader.fields)
    hold_s = _seconds(node, taken, "hold_s", 86_400.0)
    rule = Rule(
        id=node.word("id"),
        title=node.text("title", required=True),
        event=node.text("event", required=True),
        quantity=node.choice_of_quantity("quantity") if "quantity" in taken else "",
        sensors=read_sensors(node) if "sensors" in taken else SensorFilter(),
        levels=read_levels(node, hold_s, kind) if "levels" in taken else (),
        direction=_direction(node, kind) if "direction" in taken else "above",
        deadband=node.number("deadband", 0.0, low=0.0) if "deadband" in taken else 0.0,
        stale_after_s=_seconds(node, taken, "stale_after_s", 7 * 86_400.0),
        stale_title=node.text("stale_title") or "传感器无数据",
        source=node.text("source", required=True),
        category=node.choice("category", _CATEGORIES, "Other"),
        severity=node.choice("severity", ("", "Extreme", "Severe", "Moderate", "Minor", "Unknown"), ""),
        urgency=node.choice("urgency", ("Immediate", "Expected", "Future", "Past", "Unknown"), "Immediate"),
        certainty=node.choice("certainty", ("Observed", "Likely", "Possible", "Unlikely", "Unknown"), "Observed"),
        enabled=node.flag("enabled", True),
        note=node.text("note"),
        kind=kind,
        spec=reader.read(node),
        line=node.line,
        fall_hold_s=_seconds(node, taken, "fall_hold_s", 86_400.0),
    )
    _check_order(rule, node)
    return (rule, node.line) if node.problems.count == before else None


def _seconds(node: RuleNode, taken: frozenset[str], key: str, most: float) -> float:
    return node.number(key, 0.0, low=0.0, high=most) if key in taken else 0.0


def _direction(node: RuleNode, kind: str) -> str:
    if kind == "rate":
        return node.choice("direction", ("rising", "falling"), "rising")
    return node.choice("direction", ("above", "below"), "above")


_CATEGORIES = (
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other",
)  # fmt: skip


def _check_order(rule: Rule, node: RuleNode) -> None:
    """Each level stands once, and worse levels lie strictly further out than the milder ones over the same window."""
    sign = -1.0 if rule.direction == "below" else 1.0
    for place, worse in enumerate(rule.levels):
        for milder in rule.levels[:place]:
            if milder.level == worse.level:
                node.problem("levels", f"级别 {worse.level.name.lower()} 写了两次")
            elif milder.window_s == worse.window_s and not sign * worse.at > sign * milder.at:
                name, further = milder.level.name.lower(), "低于" if sign < 0 else "高于"
                node.problem("levels", f"{worse.level.name.lower()} 的阈值必须{further} {name} 的阈值")
