"""Rules as values, read from YAML. Every problem is listed with its line; nothing in a rule is ever evaluated."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from alerts.rule_parts import LevelStep, SensorFilter, read_levels, read_sensors
from alerts.rules_read import ListedProblems, RuleNode, read_rule_nodes
from geodata.errors import BadInput

__all__ = ["LevelStep", "Rule", "RuleSet", "SensorFilter", "load_rules", "parse_rules"]

MAX_BYTES = 1_000_000
_FIELDS = {
    "id", "title", "event", "quantity", "sensors", "levels", "direction", "hold_s", "deadband", "stale_after_s",
    "stale_title", "source", "category", "severity", "urgency", "certainty", "enabled", "note", "kind",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """`direction` above: a level is reached at value ≥ at; below: at value ≤ at. `deadband` is the hysteresis, in the
    quantity's unit: a level once reached is left only beyond it. `stale_after_s` 0: silence is not watched."""

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
    spec: object | None = None  # of the kinds that are more than a threshold: see `alerts.rule_kinds`
    line: int = 0  # where it begins in its file


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
    node.only(_FIELDS)
    hold_s = node.number("hold_s", 0.0, low=0.0, high=86_400.0)
    rule = Rule(
        id=node.word("id"),
        title=node.text("title", required=True),
        event=node.text("event", required=True),
        quantity=node.choice_of_quantity("quantity"),
        sensors=read_sensors(node),
        levels=read_levels(node, hold_s),
        direction=node.choice("direction", ("above", "below"), "above"),
        deadband=node.number("deadband", 0.0, low=0.0),
        stale_after_s=node.number("stale_after_s", 0.0, low=0.0, high=7 * 86_400.0),
        stale_title=node.text("stale_title") or "传感器无数据",
        source=node.text("source", required=True),
        category=node.choice("category", _CATEGORIES, "Other"),
        severity=node.choice("severity", ("", "Extreme", "Severe", "Moderate", "Minor", "Unknown"), ""),
        urgency=node.choice("urgency", ("Immediate", "Expected", "Future", "Past", "Unknown"), "Immediate"),
        certainty=node.choice("certainty", ("Observed", "Likely", "Possible", "Unlikely", "Unknown"), "Observed"),
        enabled=node.flag("enabled", True),
        note=node.text("note"),
    )
    _check_order(rule, node)
    return (rule, node.line) if node.problems.count == before else None


_CATEGORIES = (
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other",
)  # fmt: skip


def _check_order(rule: Rule, node: RuleNode) -> None:
    """Worse levels lie strictly further out, and each level stands once."""
    sign = -1.0 if rule.direction == "below" else 1.0
    for milder, worse in zip(rule.levels, rule.levels[1:], strict=False):
        if milder.level == worse.level:
            node.problem("levels", f"级别 {worse.level.name.lower()} 写了两次")
        elif not sign * worse.at > sign * milder.at:
            further = "低于" if sign < 0 else "高于"
            node.problem("levels", f"{worse.level.name.lower()} 的阈值必须{further} {milder.level.name.lower()} 的阈值")
