"""Kinds of rule on one sensor over time: how fast it changes, what a window holds, how long it is silent."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from alerts.quantities import QUANTITIES
from alerts.rule_kinds import SpecReader
from alerts.rules_read import RuleNode

MEASURES = ("sum", "increase", "integral", "max", "mean")
_TIME_UNITS = {1.0: "s", 60.0: "min", 3600.0: "h", 86_400.0: "d"}


@dataclass(frozen=True, slots=True)
class RateSpec:
    """The slope of the least-squares line through the readings of the last `window_s`, in quantity per `per_s`.

    It is known only from `min_points` readings that span `min_span_s` with no gap over `max_gap_s`.
    """

    window_s: float
    per_s: float
    min_points: int
    min_span_s: float
    max_gap_s: float
    unit: str


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """`measure` of the readings in each level's own `window_s`. Two readings further apart than `max_gap_s` leave what
    lies between them unknown; a window of which less than `min_coverage` (0…1) is known is not covered.
    `per_s`: the time in the unit of an intensity (mm/h: 3600)."""

    measure: str
    max_gap_s: float
    min_coverage: float
    per_s: float
    unit: str


@dataclass(frozen=True, slots=True)
class AbsenceSpec:
    """No reading for as long as each level's `at` says, in seconds."""

    unit: str = "s"


def _unit(node: RuleNode) -> str:
    spec = QUANTITIES.get(node.text("quantity"))
    return spec.unit if spec else ""


def read_rate(node: RuleNode) -> RateSpec:
    """`window_s` and `per_s` must be given; the rest has values that noise and gaps do not pass."""
    window_s = node.number("window_s", None, low=1.0, high=21_600.0)
    per_s = node.number("per_s", None, low=1.0, high=86_400.0)
    return RateSpec(
        window_s,
        per_s,
        int(node.number("min_points", 3.0, low=2.0, high=1_000.0)),
        node.number("min_span_s", window_s / 2, low=0.0, high=21_600.0),
        node.number("max_gap_s", window_s / 2, low=1.0, high=21_600.0),
        f"{_unit(node)}/{_TIME_UNITS.get(per_s, f'{per_s:g} s')}",
    )


def read_window(node: RuleNode) -> WindowSpec:
    """An integral needs the time in its intensity's unit and a unit of its own; the others keep the quantity's."""
    measure = node.choice("measure", MEASURES, "")
    integral = measure == "integral"
    if not integral and node.text("per_s") + node.text("unit"):
        node.problem("per_s" if node.text("per_s") else "unit", "per_s 和 unit 只用于 measure: integral")
    return WindowSpec(
        measure,
        node.number("max_gap_s", None, low=1.0, high=86_400.0),
        node.number("min_coverage", 1.0, low=0.5, high=1.0),
        node.number("per_s", None, low=1.0, high=86_400.0) if integral else 1.0,
        node.text("unit", required=True) if integral else _unit(node),
    )


SERIES_READERS: Mapping[str, SpecReader] = MappingProxyType(
    {
        "rate": SpecReader(
            frozenset({"window_s", "per_s", "min_points", "min_span_s", "max_gap_s"}), read_rate, frozenset()
        ),
        "window": SpecReader(
            frozenset({"window_s", "measure", "max_gap_s", "min_coverage", "per_s", "unit"}), read_window, frozenset()
        ),
        "absence": SpecReader(
            frozenset(),
            lambda _: AbsenceSpec(),  # its levels say it all
            frozenset({"hold_s", "fall_hold_s", "deadband", "direction", "stale_after_s", "stale_title"}),
        ),
    }
)
