"""Rules over several sensors as nested data: `all`, `any`, `not`, `at_least` over conditions. Nothing is evaluated as
code; depth and size are limited, so that a rule file cannot cost more than it says.
"""

from dataclasses import dataclass
from itertools import count

from alerts.model import Level
from alerts.rule_parts import LEVEL_NAMES, SensorFilter, read_sensors
from alerts.rules_read import RuleNode

MAX_DEPTH = 6
MAX_CONDITIONS = 64
MAX_AGE_S = 900.0  # a reading older than this says nothing about now, unless the condition says otherwise
SCOPES = ("all", "county", "asset")
FIELDS = frozenset({"when", "per", "level", "native"})
_OPERATORS = ("all", "any", "not", "at_least")
_CONDITION = {"sensors", "quantity", "above", "below", "hold_s", "deadband", "max_age_s", "sensors_at_least"}


@dataclass(frozen=True, slots=True)
class Condition:
    """At least `least` of the chosen sensors stand at or beyond `at`, for `hold_s` without a break.

    `deadband` as in a threshold rule. `no` counts the conditions of a rule in the order they are written.
    """

    no: int
    sensors: SensorFilter
    quantity: str
    at: float
    is_below: bool = False
    hold_s: float = 0.0
    deadband: float = 0.0
    max_age_s: float = MAX_AGE_S
    least: int = 1


@dataclass(frozen=True, slots=True)
class Among:
    """At least `least` of `parts` hold: all of them is `all`, one is `any`."""

    least: int
    parts: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """`part` does not hold; while it is unknown, neither does this."""

    part: "Tree"


Tree = Condition | Among | Not


@dataclass(frozen=True, slots=True)
class CombinationSpec:
    """One alert a scope: the city (`all`), each county, or each asset that has one of the sensors."""

    when: Tree
    per: str
    level: Level
    native: str

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return tuple(conditions_of(self.when))


def conditions_of(tree: Tree) -> list[Condition]:
    """Every condition of a tree, in the order written."""
    if isinstance(tree, Condition):
        return [tree]
    parts = tree.parts if isinstance(tree, Among) else (tree.part,)
    return [condition for part in parts for condition in conditions_of(part)]


def read_combination(node: RuleNode) -> CombinationSpec | None:
    """The spec of a rule; None when a problem was listed."""
    before = node.problems.count
    per = node.choice("per", SCOPES, "all")
    level = node.choice("level", LEVEL_NAMES, "")
    native = node.text("native", required=True)
    when = node.mapping("when")
    tree = _read_tree(when, 1, count()) if when is not None else None
    if tree is None or node.problems.count > before:
        return None
    return CombinationSpec(tree, per, Level[level.upper()], native)


def _read_tree(node: RuleNode, depth: int, numbers: "count[int]") -> Tree | None:
    given = [name for name in _OPERATORS if node.has(name)]
    if depth > MAX_DEPTH:
        node.problem("", f"条件嵌套超过 {MAX_DEPTH} 层")
        return None
    if not given:
        return _read_condition(node, next(numbers))
    node.only(given[:1])
    name = given[0]
    if name == "not":
        inner = node.mapping("not")
        part = _read_tree(inner, depth + 1, numbers) if inner is not None else None
        return Not(part) if part is not None else None
    holder, key, least = node, name, 0
    if name == "at_least":
        found = node.mapping("at_least")
        if found is None:
            return None
        found.only({"n", "of"})
        holder, key, least = found, "of", round(found.number("n", None, low=1, high=MAX_CONDITIONS))
    parts = tuple(part for item in holder.mappings(key) if (part := _read_tree(item, depth + 1, numbers)) is not None)
    if least > len(parts) > 0:
        holder.problem("n", f"n 是 {least},但只列了 {len(parts)} 项")
    return Among(least or (len(parts) if name == "all" else 1), parts)


def _read_condition(node: RuleNode, no: int) -> Condition | None:
    before = node.problems.count
    if no >= MAX_CONDITIONS:
        if no == MAX_CONDITIONS:
            node.problem("", f"一条规则的条件超过 {MAX_CONDITIONS} 个")
        return None
    node.only(_CONDITION)
    is_below = node.has("below")
    if node.has("above") == is_below:
        node.problem("above", "条件要写 above 或 below 之一;也可以是 all、any、not、at_least")
        return None
    condition = Condition(
        no,
        read_sensors(node),
        node.choice_of_quantity("quantity"),
        node.number("below" if is_below else "above", None),
        is_below,
        node.number("hold_s", 0.0, low=0.0, high=86_400.0),
        node.number("deadband", 0.0, low=0.0),
        node.number("max_age_s", MAX_AGE_S, low=1.0, high=7 * 86_400.0),
        round(node.number("sensors_at_least", 1.0, low=1.0, high=100_000.0)),
    )
    return condition if node.problems.count == before else None
