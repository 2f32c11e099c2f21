"""The rules of one quantity as the arrays the kernel reads."""

from collections.abc import Sequence
from math import floor, log10

import numpy as np

from alerts.compiled import (
    ABSENCE,
    INCREASE,
    INTEGRAL,
    LEVELS,
    MAX,
    MEAN,
    MOST_SAMPLES,
    RATE,
    SUM,
    THRESHOLD,
    Array,
    Terms,
)  # fmt: skip
from alerts.quantities import QUANTITIES
from alerts.rules import Rule
from alerts.series_rules import RateSpec, WindowSpec

_DEFAULT_PATIENCE_MS = 3_600_000
_MOST_DECIMALS = 6  # that a sum keeps exactly
_KINDS = {"sum": SUM, "increase": INCREASE, "integral": INTEGRAL, "max": MAX, "mean": MEAN}
_NO_WINDOW = WindowSpec("max", 0.0, 0.0, 1.0, "")


def kind_of(rule: Rule) -> int:
    """The kernel's number for what the rule judges."""
    if isinstance(rule.spec, WindowSpec):
        return _KINDS[rule.spec.measure]
    return RATE if isinstance(rule.spec, RateSpec) else ABSENCE if rule.kind == "absence" else THRESHOLD


def terms_of(rules: Sequence[Rule], quantity: str) -> Terms:
    """One row a rule, in the order given; all on the same quantity."""
    kinds = [kind_of(rule) for rule in rules]
    spans = [_span_s(rule) for rule in rules]
    hold_ms, fall_ms = _by_level(rules, "hold_s", 0.0) * 1000, _ms([rule.fall_hold_s for rule in rules])
    at = _by_level(rules, "at", np.inf)
    sign = np.array([-1.0 if rule.direction == "below" else 1.0 for rule in rules])
    reached = np.where(np.isfinite(at), at * sign[:, None], np.inf)
    deadband = np.array([rule.deadband for rule in rules], np.float64)
    scale = np.array([_scale(quantity, kind, span) for kind, span in zip(kinds, spans, strict=True)])
    rates = [rule.spec if isinstance(rule.spec, RateSpec) else None for rule in rules]
    windows = [rule.spec if isinstance(rule.spec, WindowSpec) else _NO_WINDOW for rule in rules]
    window_ms = np.round(_by_level(rules, "window_s", 0.0) * 1000).astype(np.int64)
    for row, rate in enumerate(rates):
        window_ms[row, 1:] = round(rate.window_s * 1000) if rate else window_ms[row, 1:]
    remembers = (deadband > 0) | (fall_ms > 0) | (hold_ms > 0).any(axis=1)
    stale_ms = _ms([rule.stale_after_s for rule in rules])
    patience_ms = np.maximum(hold_ms.max(axis=1, initial=0), fall_ms) * 2
    return Terms(
        np.array(kinds, np.int8),
        np.array(
            [kind >= RATE or (kind == THRESHOLD and before) for kind, before in zip(kinds, remembers, strict=True)]
        ),
        np.array([kind == THRESHOLD for kind in kinds], np.bool_) & (fall_ms == 0),
        sign,
        reached.min(axis=1, initial=np.inf) - deadband,
        reached,
        deadband,
        np.round(hold_ms).astype(np.int64),
        fall_ms,
        np.maximum(np.where(stale_ms > 0, stale_ms, _DEFAULT_PATIENCE_MS), patience_ms).astype(np.int64),
        window_ms,
        window_ms.max(axis=1, initial=0),
        _ms([rate.max_gap_s if rate else window.max_gap_s for rate, window in zip(rates, windows, strict=True)]),
        np.array([window.min_coverage for window in windows], np.float64),
        np.array([_grows(quantity, kind) for kind in kinds], np.bool_),
        scale,
        np.array([_unit(rule, factor) for rule, factor in zip(rules, scale.tolist(), strict=True)], np.float64),
        np.array([rate.min_points if rate else 0 for rate in rates], np.int64),
        _ms([rate.min_span_s if rate else 0.0 for rate in rates]),
    )


def _ms(seconds: Sequence[float]) -> Array:
    return np.array([round(value * 1000) for value in seconds], np.int64)


def _by_level(rules: Sequence[Rule], field: str, missing: float) -> Array:
    made = np.full((len(rules), LEVELS), missing)
    for row, rule in enumerate(rules):
        for step in rule.levels:
            made[row, step.level] = getattr(step, field)
    return made


def _span_s(rule: Rule) -> float:
    return max((step.window_s for step in rule.levels), default=0.0)


def _grows(quantity: str, kind: int) -> bool:
    """Whether readings that are missing could only have added to the value."""
    spec = QUANTITIES.get(quantity)
    return kind in (INCREASE, MAX) or (kind in (SUM, INTEGRAL) and spec is not None and spec.min >= 0)


def _scale(quantity: str, kind: int, span_s: float) -> float:
    """Whole numbers in one unit: as many decimals as 63 bits hold for the longest sum that can be."""
    spec = QUANTITIES.get(quantity)
    most = max(abs(spec.min), abs(spec.max), 1.0) if spec else 1e6
    times = 2 * span_s * 1000 if kind == INTEGRAL else 2 * MOST_SAMPLES
    return float(10 ** min(_MOST_DECIMALS, floor(log10(2**62 / (most * max(times, 1.0))))))


def _unit(rule: Rule, scale: float) -> float:
    if isinstance(rule.spec, RateSpec):
        return -rule.spec.per_s if rule.direction == "falling" else rule.spec.per_s
    return (
        scale * rule.spec.per_s * 1000
        if isinstance(rule.spec, WindowSpec) and rule.spec.measure == "integral"
        else scale
    )
