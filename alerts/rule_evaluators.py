"""The evaluators of the rules in force that are more than a threshold on one sensor."""

from alerts.combination import CombinationSpec
from alerts.combined import CombinationEvaluator
from alerts.evaluators import Evaluator
from alerts.located import SpatialEvaluator
from alerts.numbered import NumberingEvaluator
from alerts.numbering import NumberingSpec
from alerts.ports import Places
from alerts.rule_resolved import filters_of
from alerts.rules import Rule, RuleSet
from alerts.sensors import Sensors
from alerts.sightings import Reports
from alerts.spatial import InPolygon, SpatialSpec


def build_evaluators(rules: RuleSet, sensors: Sensors, places: Places | None, sightings: Reports) -> list[Evaluator]:
    """One for each active rule of these kinds; without `places` none for the spatial ones."""
    found = (_evaluator(rule, sensors, places, sightings) for rule in rules.active)
    return [one for one in found if one is not None]


def _evaluator(rule: Rule, sensors: Sensors, places: Places | None, sightings: Reports) -> Evaluator | None:
    match rule.spec:
        case CombinationSpec():
            return CombinationEvaluator(rule, sensors)
        case NumberingSpec():
            return NumberingEvaluator(rule, sensors)
        case SpatialSpec() if places is not None:
            return SpatialEvaluator(rule, places, sightings)
    return None


def layers_of(rules: RuleSet) -> frozenset[str]:
    """The layers of the city that the active rules ask for; where reports lie, the counties with them."""
    specs = [rule.spec for rule in rules.active if isinstance(rule.spec, SpatialSpec)]
    asked = {place.layer for spec in specs for place in spec.places if not isinstance(place, InPolygon)}
    chosen = [one for rule in rules.active for one in filters_of(rule)]
    asked |= {place.layer for one in chosen for place in (one.near, one.within) if place is not None}
    return frozenset(asked | {"counties"} if specs else asked)
