"""What rules have left behind that are no longer in force: open alerts nothing would ever end, and their states."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from alerts.lifecycle import STALE, resolved
from alerts.model import Alert, AlertChange
from alerts.rules import SERIES_KINDS, Rule, RuleSet
from alerts.sensors import SensorInfo, Sensors

RULE_OFF = "规则已停用"
SILENCE_OFF = "规则不再监视无数据"
SENSOR_OFF = "规则不再监视此传感器"
RETIRED = frozenset({RULE_OFF, SILENCE_OFF, SENSOR_OFF})
States = Mapping[tuple[str, int], Mapping[str, Any]]


def retired_alerts(rules: RuleSet, sensors: Sensors, open_alerts: Iterable[Alert], now: datetime) -> list[AlertChange]:
    """The end of every open alert whose rule was removed, switched off, or watches its sensor no more.

    An alert of a sensor that is not in the city's data at the moment stays: an import may bring it back.
    """
    active, infos = {rule.id: rule for rule in rules.active}, {sensor.id: sensor for sensor in sensors.values()}
    found = []
    for alert in open_alerts:
        if alert.source == "rule" and alert.rule_id:
            why = _why(alert, active.get(alert.rule_id.removesuffix(STALE)), infos)
            if why:
                found.append(resolved(alert, why, now))
    return found


def _why(alert: Alert, rule: Rule | None, infos: Mapping[str, SensorInfo]) -> str:
    if rule is None:
        return RULE_OFF
    if str(alert.rule_id).endswith(STALE) and rule.kind in SERIES_KINDS and not rule.stale_after_s:
        return SILENCE_OFF
    sensor = infos.get(alert.sensor or "")
    if rule.kind in SERIES_KINDS and sensor is not None and not rule.sensors.takes(sensor, rule.quantity):
        return SENSOR_OFF
    return ""


def retired_states(rules: RuleSet, states: States) -> dict[tuple[str, int], dict[str, Any]]:
    """Blank levels in the place of those that rules left behind which are off: switched on again, such a rule fires
    anew instead of taking its old level for told. What was heard last stays, and so does what a flood is numbered by.
    """
    active = {rule.id for rule in rules.active}
    return {
        key: {**plain, "level": 0, "since_ms": [-1] * len(plain["since_ms"])}
        for key, plain in states.items()
        if key[0].partition("@")[0] not in active and _left_something(plain)
    }


def _left_something(plain: Mapping[str, Any]) -> bool:
    """Whether it is a slot's state (`alerts.slots`), and not blank."""
    since = plain.get("since_ms")
    return isinstance(since, list) and (bool(plain.get("level")) or any(ms != -1 for ms in since))
