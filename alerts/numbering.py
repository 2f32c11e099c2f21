"""Numbered floods of a river: which station, from which flow. How they are counted is in `hazards.river`."""

from dataclasses import dataclass

from alerts.model import Level
from alerts.rule_parts import LEVEL_NAMES
from alerts.rules_read import RuleNode

FIELDS = frozenset({"river", "station", "at", "level", "native", "so_far"})


@dataclass(frozen=True, slots=True)
class NumberingSpec:
    """`station` is the sensor's id; a flood is numbered from a flow of `at` m³/s. In `known_year` there were
    `known_number` floods before this system counted."""

    river: str
    station: str
    at: float
    level: Level
    native: str
    known_year: int = 0
    known_number: int = 0


def read_numbering(node: RuleNode) -> NumberingSpec | None:
    """The spec of a rule; None when a problem was listed."""
    before = node.problems.count
    river = node.text("river", required=True)
    station = node.text("station", required=True)
    at = node.number("at", None, low=0.001, high=1_000_000.0)
    level = node.choice("level", LEVEL_NAMES, "")
    native = node.text("native", required=True)
    known_year, known_number = 0, 0
    if node.has("so_far"):
        known = node.mapping("so_far")
        if known is not None:
            known.only({"year", "number"})
            known_year = round(known.number("year", None, low=2000, high=2200))
            known_number = round(known.number("number", None, low=0, high=100))
    if node.problems.count > before:
        return None
    return NumberingSpec(river, station, at, Level[level.upper()], native, known_year, known_number)
