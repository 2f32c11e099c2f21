"""A rule in words and plain values: what kind it is, what it watches, and from where its levels begin."""

from collections.abc import Mapping
from typing import Any

from alerts.combination import Among, CombinationSpec, Condition, Not, Tree
from alerts.model import Level
from alerts.numbering import NumberingSpec
from alerts.quantities import QUANTITIES
from alerts.rule_parts import SensorFilter
from alerts.rules import Rule
from alerts.spatial import InGrid, InPolygon, Near, Place, SpatialSpec, Within

KIND_WORDS: Mapping[str, str] = {
    "threshold": "阈值",
    "rate": "变化率",
    "window": "滑动窗口",
    "absence": "缺报",
    "combination": "组合",
    "spatial": "空间",
    "numbering": "洪水编号",
}
_ORDER_WORDS = {"above": "≥", "below": "≤", "rising": "上升 ≥", "falling": "下降 ≥"}


def rule_plain(rule: Rule) -> dict[str, Any]:
    """The rule as the API tells it: plain JSON values."""
    return {
        "id": rule.id,
        "title": rule.title,
        "event": rule.event,
        "kind": rule.kind,
        "kind_word": KIND_WORDS.get(rule.kind, rule.kind),
        "quantity": rule.quantity,
        "unit": rule.unit,
        "watches": watches(rule),
        "direction": rule.direction,
        "levels": levels_plain(rule),
        "deadband": rule.deadband,
        "stale_after_s": rule.stale_after_s,
        "source": rule.source,
        "note": rule.note,
        "enabled": rule.enabled,
        "line": rule.line,
    }


def levels_plain(rule: Rule) -> list[dict[str, Any]]:
    """Native and normalised level of every step, worst first, with the condition in words."""
    if isinstance(rule.spec, CombinationSpec | NumberingSpec):
        at = rule.spec.at if isinstance(rule.spec, NumberingSpec) else None
        words = "" if at is None else f"≥ {at:g} m³/s"
        return [_level(rule.spec.level, at, rule.spec.native, 0.0, 0.0, words)]
    sign = "缺报满" if rule.kind == "absence" else _ORDER_WORDS.get(rule.direction, "≥")
    unit = "次" if isinstance(rule.spec, SpatialSpec) and rule.spec.measure != "grid" else rule.unit
    return [
        _level(one.level, one.at, one.native, one.hold_s, one.window_s, f"{sign} {one.at:g} {unit}".strip())
        for one in reversed(rule.levels)
    ]


def _level(level: Level, at: float | None, native: str, hold_s: float, window_s: float, words: str) -> dict[str, Any]:
    held = f",持续 {span(hold_s)}" if hold_s else ""
    over = f"{span(window_s)}内 " if window_s else ""
    shown = f"{over}{words}{held}"
    return {
        "level": level.name.lower(), "level_no": int(level), "at": at, "native": native, "hold_s": hold_s,
        "window_s": window_s, "words": shown,
    }  # fmt: skip


def span(seconds: float) -> str:
    """`90 秒`, `15 分钟`, `3 小时`: the largest unit that leaves no fraction."""
    for size, word in ((3_600, "小时"), (60, "分钟")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {word}"
    return f"{seconds:g} 秒"


def watches(rule: Rule) -> str:
    """What the rule looks at, in one line."""
    if isinstance(rule.spec, CombinationSpec):
        return _tree_words(rule.spec.when)
    if isinstance(rule.spec, SpatialSpec):
        joint = " 或 " if rule.spec.is_any else " 且 "
        return f"{rule.spec.of} · {joint.join(_place_words(one) for one in rule.spec.places) or '任何位置'}"
    if isinstance(rule.spec, NumberingSpec):
        return f"{rule.spec.river} · 测站 {rule.spec.station}"
    return f"{_quantity(rule.quantity)} · {_sensor_words(rule.sensors)}"


def _quantity(name: str) -> str:
    return QUANTITIES[name].title or name if name in QUANTITIES else name


def _sensor_words(chosen: SensorFilter) -> str:
    placed = ",".join(_place_words(place) for place in (chosen.near, chosen.within) if place is not None)
    listed = _listed_words(chosen) or "全部传感器"
    return f"{listed}({placed})" if placed else listed


def _listed_words(chosen: SensorFilter) -> str:
    if chosen.all:
        return ""
    lists = (("传感器", chosen.ids), ("类型", chosen.kinds), ("设施", chosen.asset_kinds))
    return ";".join(f"{word} {_some(names)}" for word, names in lists if names)


def _some(names: frozenset[str], most: int = 4) -> str:
    shown = "、".join(sorted(names)[:most])
    return shown if len(names) <= most else f"{shown} 等 {len(names)} 个"


def _tree_words(tree: Tree) -> str:
    if isinstance(tree, Condition):
        least = f"至少 {tree.least} 个 " if tree.least > 1 else ""
        sign = "≤" if tree.is_below else "≥"
        return f"{least}{_sensor_words(tree.sensors)} {_quantity(tree.quantity)} {sign} {tree.at:g}"
    if isinstance(tree, Not):
        return f"非({_tree_words(tree.part)})"
    return _among_words(tree)


def _among_words(tree: Among) -> str:
    parts = [f"({_tree_words(one)})" if isinstance(one, Among) else _tree_words(one) for one in tree.parts]
    if tree.least in (1, len(parts)):
        return (" 且 " if tree.least == len(parts) else " 或 ").join(parts)
    return f"以下至少 {tree.least} 项:{';'.join(parts)}"


def _place_words(place: Place) -> str:
    if isinstance(place, Within):
        return f"在 {place.layer} 内" + (f"({_some(place.ids)})" if place.ids else "")
    if isinstance(place, InPolygon):
        return f"在 {len(place.corners)} 点多边形内"
    if isinstance(place, Near):
        kind = "、".join(f"{key}={value}" for key, value in sorted(place.where.items()))
        return f"距 {place.layer}{f'({kind})' if kind else ''} {place.within_m:g} m 以内"
    return _grid_words(place)


def _grid_words(place: InGrid) -> str:
    return f"在 {place.layer} 危险等级 ≥ {place.at_least} 的网格内"
