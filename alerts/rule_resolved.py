"""Rules that choose sensors by where they stand, meeting a city: from here on they name the sensors."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from alerts.combination import Among, CombinationSpec, Condition, Not, Tree
from alerts.ports import Places
from alerts.rule_parts import SensorFilter
from alerts.rules import Rule, RuleSet
from alerts.sensors import SensorInfo, Sensors
from geodata.errors import NotFound

Change = Callable[[SensorFilter], SensorFilter]


def resolved(rules: RuleSet, sensors: Sensors, places: Places) -> RuleSet:
    """`rules` with every `near` and `within` of sensors as explicit ids.

    Where a layer has no data, nothing is chosen: `unresolved` says so, and it belongs on the screen.
    """
    named = tuple(_with_filters(rule, lambda one: _named(one, sensors, places)) for rule in rules.rules)
    return (
        rules if all(new is old for new, old in zip(named, rules.rules, strict=True)) else replace(rules, rules=named)
    )


def unresolved(rules: RuleSet, sensors: Sensors, places: Places) -> list[str]:
    """The active rules that choose sensors by place and find none, each with the reason."""
    found = []
    for rule in rules.active:
        for one in filters_of(rule):
            if _is_placed(one) and not _named(one, sensors, places).ids:
                layers = "、".join(place.layer for place in (one.near, one.within) if place is not None)
                found.append(
                    f"第 {rule.line} 行规则 {rule.id}:位置条件(图层 {layers})没有选中任何传感器;{_why(one, places)}"
                )
    return found


def filters_of(rule: Rule) -> Iterator[SensorFilter]:
    """Every choice of sensors that `rule` makes."""
    yield rule.sensors
    if isinstance(rule.spec, CombinationSpec):
        yield from (one.sensors for one in rule.spec.conditions)


def _why(chosen: SensorFilter, places: Places) -> str:
    try:
        _stands(chosen, SensorInfo(-1, "", "", "", 0.0, 0.0), places)
    except NotFound:
        return "图层没有数据,规则没有在判断"
    return "请核对距离、编号和传感器的位置"


def _is_placed(chosen: SensorFilter) -> bool:
    return chosen.near is not None or chosen.within is not None


def _named(chosen: SensorFilter, sensors: Sensors, places: Places) -> SensorFilter:
    if not _is_placed(chosen):
        return chosen
    anyone = not (chosen.ids or chosen.kinds or chosen.asset_kinds)
    listed = replace(chosen, all=chosen.all or anyone)
    try:
        fit = [
            one.id
            for one in sensors.values()
            if listed.takes(replace(one, quantities=()), "") and _stands(chosen, one, places)
        ]
    except NotFound:
        fit = []
    return SensorFilter(ids=frozenset(fit))


def _stands(chosen: SensorFilter, sensor: SensorInfo, places: Places) -> bool:
    if sensor.lon is None or sensor.lat is None:
        return False
    lon, lat, near, within = sensor.lon, sensor.lat, chosen.near, chosen.within
    if within is not None and places.inside(within.layer, lon, lat, within.ids) is None:
        return False
    return near is None or places.near(near.layer, lon, lat, near.within_m, near.where) is not None


def _with_filters(rule: Rule, change: Change) -> Rule:
    if not any(map(_is_placed, filters_of(rule))):
        return rule
    spec = rule.spec
    if isinstance(spec, CombinationSpec):
        spec = replace(spec, when=_with_tree(spec.when, change))
    return replace(rule, sensors=change(rule.sensors), spec=spec)


def _with_tree(tree: Tree, change: Change) -> Tree:
    if isinstance(tree, Condition):
        return replace(tree, sensors=change(tree.sensors))
    if isinstance(tree, Not):
        return Not(_with_tree(tree.part, change))
    return Among(tree.least, tuple(_with_tree(part, change) for part in tree.parts))
