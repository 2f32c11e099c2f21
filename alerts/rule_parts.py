"""What several kinds of rule share: levels with thresholds, and the choice of sensors. Read here, used by all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from alerts.model import Level
from alerts.rules_read import RuleNode
from alerts.sensors import SensorInfo
from alerts.spatial import Near, Within, read_near, read_within

T = TypeVar("T")
_SELECTORS = {"all", "ids", "kinds", "asset_kinds", "near", "within"}
LONGEST_S = 3 * 86_400.0  # that a window looks back
LEVEL_NAMES = ("blue", "yellow", "orange", "red")


@dataclass(frozen=True, slots=True)
class LevelStep:
    """A threshold in the unit of what the rule judges, the words of its source, and how long it must be reached
    without a break. `window_s`: the time it is judged over, of a `window` rule."""

    level: Level
    at: float
    native: str
    hold_s: float = 0.0
    window_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SensorFilter:
    """Which sensors a rule watches: any of the lists, or all that measure its quantity.

    `near` and `within` narrow that to where the sensors stand; `alerts.rule_resolved` turns them into `ids` before
    anything is judged.
    """

    ids: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    asset_kinds: frozenset[str] = frozenset()
    all: bool = False
    near: Near | None = None
    within: Within | None = None

    def takes(self, sensor: SensorInfo, quantity: str) -> bool:
        """Whether `sensor`, if it measures `quantity`, is watched."""
        if sensor.quantities and quantity not in sensor.quantities:
            return False
        named = sensor.id in self.ids or sensor.kind in self.kinds or sensor.asset_kind in self.asset_kinds
        return self.all or named


def read_sensors(node: RuleNode) -> SensorFilter:
    """The `sensors` of `node`; a problem when they choose none."""
    chosen = node.mapping("sensors")
    if chosen is None:
        return SensorFilter()
    chosen.only(_SELECTORS)
    found = SensorFilter(
        frozenset(chosen.words("ids")),
        frozenset(chosen.words("kinds")),
        frozenset(chosen.words("asset_kinds")),
        chosen.flag("all", False),
        _place(chosen, "near", read_near),
        _place(chosen, "within", read_within),
    )
    if not (found.all or found.ids or found.kinds or found.asset_kinds or found.near or found.within):
        node.problem("sensors", "没有选中任何传感器;写 ids、kinds、asset_kinds、near、within 或 all: true")
    return found


def _place(node: RuleNode, key: str, read: Callable[[RuleNode], T]) -> T | None:
    inner = node.mapping(key) if node.has(key) else None
    return read(inner) if inner is not None else None


def read_levels(node: RuleNode, hold_s: float, kind: str = "threshold") -> tuple[LevelStep, ...]:
    """The `levels` of `node`, mildest first. Of an absence `absent_after_s` stands for `at`."""
    steps = []
    at_key = "absent_after_s" if kind == "absence" else "at"
    allowed = {"level", "native", at_key} | ({"window_s"} if kind == "window" else set())
    usual_s = node.number("window_s", 0.0) if kind == "window" else 0.0
    for step in node.mappings("levels"):
        step.only(allowed if kind == "absence" else allowed | {"hold_s"})
        name = step.choice("level", LEVEL_NAMES, "")
        at = step.number(at_key, None, *((1.0, 86_400.0 * 7) if kind == "absence" else ()))
        held = step.number("hold_s", hold_s, low=0.0, high=86_400.0)
        native = step.text("native", required=True)
        window_s = step.number("window_s", usual_s or None, low=1.0, high=LONGEST_S) if kind == "window" else 0.0
        if name:
            steps.append(LevelStep(Level[name.upper()], at, native, held, window_s))
    return tuple(sorted(steps, key=lambda step: step.level))
