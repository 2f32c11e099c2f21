"""What several kinds of rule share: levels with thresholds, and the choice of sensors. Read here, used by all."""

from dataclasses import dataclass

from alerts.model import Level
from alerts.rules_read import RuleNode
from alerts.sensors import SensorInfo

_SELECTORS = {"all", "ids", "kinds", "asset_kinds"}
LEVEL_NAMES = ("blue", "yellow", "orange", "red")


@dataclass(frozen=True, slots=True)
class LevelStep:
    """A threshold in the quantity's unit, the words of its source, and how long it must be reached without a break."""

    level: Level
    at: float
    native: str
    hold_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SensorFilter:
    """Which sensors a rule watches: any of the lists, or all that measure its quantity."""

    ids: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    asset_kinds: frozenset[str] = frozenset()
    all: bool = False

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
    )
    if not (found.all or found.ids or found.kinds or found.asset_kinds):
        node.problem("sensors", "没有选中任何传感器;写 ids、kinds、asset_kinds 或 all: true")
    return found


def read_levels(node: RuleNode, hold_s: float) -> tuple[LevelStep, ...]:
    """The `levels` of `node`, mildest first."""
    steps = []
    for step in node.mappings("levels"):
        step.only({"level", "at", "native", "hold_s"})
        name = step.choice("level", LEVEL_NAMES, "")
        at = step.number("at", None)
        held = step.number("hold_s", hold_s, low=0.0, high=86_400.0)
        native = step.text("native", required=True)
        if name:
            steps.append(LevelStep(Level[name.upper()], at, native, held))
    return tuple(sorted(steps, key=lambda step: step.level))
