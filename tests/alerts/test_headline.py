"""What an alert says of its value: never that a level is reached when the value is short of it again."""

from datetime import UTC, datetime

import pytest

from alerts.lifecycle import Move, fired, revalued
from alerts.model import Level
from alerts.rules import parse_rules
from alerts.sensors import SensorInfo

NOW = datetime(2026, 7, 1, tzinfo=UTC)
RULES = parse_rules("""
rules:
- {id: depth, title: 积水, event: 积水, quantity: depth_m, sensors: {all: true}, source: 测试, deadband: 0.02,
   levels: [{level: yellow, at: 0.2, native: 慢行 0.20 m}]}
- {id: low, title: 低水位, event: 低水位, quantity: stage_m, sensors: {all: true}, source: 测试, deadband: 0.1,
   direction: below, levels: [{level: yellow, at: 1.5, native: 生态水位 1.5 m}]}
""")
DEPTH, LOW = RULES.rules
SENSOR = SensorInfo(1, "s1", "示例水尺", "depth", quantities=("depth_m", "stage_m"))


@pytest.mark.parametrize(
    ("rule", "first", "value", "headline"),
    [
        (DEPTH, 0.25, 0.21, "示例水尺 积水 0.21 m,达到慢行 0.20 m"),
        (DEPTH, 0.25, 0.2, "示例水尺 积水 0.2 m,达到慢行 0.20 m"),
        (DEPTH, 0.25, 0.184, "示例水尺 积水 0.184 m,未退出慢行 0.20 m"),
        (LOW, 1.4, 1.5, "示例水尺 低水位 1.5 m,达到生态水位 1.5 m"),
        (LOW, 1.4, 1.55, "示例水尺 低水位 1.55 m,未退出生态水位 1.5 m"),
    ],
)
def test_a_value_inside_the_deadband_has_not_left(rule, first, value, headline) -> None:  # type: ignore[no-untyped-def]
    alert = fired(Move(rule, SENSOR, Level.YELLOW, first, NOW), NOW).alert
    assert revalued(alert, rule, SENSOR, value, NOW).alert.headline == headline
