"""The kinds of rule that are more than a threshold on one sensor: how each reads its own fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from alerts import combination, numbering, spatial
from alerts.rules_read import RuleNode


@dataclass(frozen=True, slots=True)
class SpecReader:
    """`fields`: the kind's own keys. `read` gives `Rule.spec` and lists problems on the node with their lines.
    `without`: required fields of every other rule that this kind does not have."""

    fields: frozenset[str]
    read: Callable[[RuleNode], object | None]
    without: frozenset[str]


_ONE_SENSOR = frozenset(
    {"quantity", "sensors", "direction", "deadband", "hold_s", "fall_hold_s", "stale_after_s", "stale_title"}
)
SPEC_READERS: Mapping[str, SpecReader] = MappingProxyType(
    {
        "combination": SpecReader(combination.FIELDS, combination.read_combination, _ONE_SENSOR | {"levels"}),
        "spatial": SpecReader(spatial.FIELDS, spatial.read_spatial, _ONE_SENSOR),
        "numbering": SpecReader(numbering.FIELDS, numbering.read_numbering, _ONE_SENSOR | {"levels"}),
    }
)
