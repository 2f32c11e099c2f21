"""What rules have left behind that are no longer in force: open alerts nothing would ever end, and their states."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from alerts.compiled import UNSET
from alerts.evaluators import EDITED, given_up
from alerts.lifecycle import STALE, dedup_key, resolved
from alerts.model import Alert, AlertChange
from alerts.rules import SERIES_KINDS, Rule, RuleSet
from alerts.sensors import SensorInfo, Sensors

RULE_OFF = "规则已停用"
SILENCE_OFF = "规则不再监视无数据"
SENSOR_OFF = "规则不再监视此传感器"
States = Mapping[tuple[str, int], Mapping[str, Any]]


def retired_alerts(rules: RuleSet, sensors: Sensors, open_alerts: Iterable[Alert], now: datetime) -> list[AlertChange]:
    """The end of every open alert whose rule was removed, switched off, became another kind of rule under the same id,
    or watches its sensor no more. (What a sensor's rule left to its other kinds, these end themselves.)

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
    is_series = rule.kind in SERIES_KINDS
    if str(alert.rule_id).endswith(STALE) and not (is_series and rule.stale_after_s):
        return SILENCE_OFF
    if is_series and not _is_of_its_sensor(alert):
        return EDITED
    return SENSOR_OFF if _is_let_go(rule, infos.get(alert.sensor or "")) else ""


def _is_of_its_sensor(alert: Alert) -> bool:
    """Whether it is one sensor's, as the kernel raises them; a county's or a place's is of another kind of rule."""
    own = dedup_key(str(alert.rule_id), alert.sensor or "")
    return alert.dedup_key == own or alert.dedup_key.startswith(f"{own}:exercise:")


def _is_let_go(rule: Rule, sensor: SensorInfo | None) -> bool:
    return rule.kind in SERIES_KINDS and sensor is not None and not rule.sensors.takes(sensor, rule.quantity)


def retired_states(rules: RuleSet, sensors: Sensors, states: States) -> dict[tuple[str, int], dict[str, Any]]:
    """Blank levels in the place of those that a rule left behind which is off or watches the sensor no more: switched
    on again it fires anew instead of taking its old level for told. What was heard last stays, and so does what a
    flood is numbered by.
    """
    active = {rule.id: rule for rule in rules.active}
    found = {}
    for key, plain in states.items():
        kind, _, rule_id = key[0].partition("@")[0].rpartition(":")
        if kind:  # a row of `alerts.evaluators`
            is_off = rule_id not in active or active[rule_id].kind != kind
            if is_off and (blank := given_up(kind, plain)) is not None:
                found[key] = blank
            continue
        rule = active.get(key[0].partition("@")[0])
        is_off = rule is None or rule.kind not in SERIES_KINDS or _is_let_go(rule, sensors.get(key[1]))
        if _left_something(plain) and is_off:
            kept = {name: value for name, value in plain.items() if name != "below_ms"}
            found[key] = {**kept, "level": 0, "since_ms": [UNSET] * len(plain["since_ms"])}
    return found


def _left_something(plain: Mapping[str, Any]) -> bool:
    """Whether it is a slot's state (`alerts.slots`), and not blank."""
    since = plain.get("since_ms")
    return isinstance(since, list) and (bool(plain.get("level")) or any(ms != UNSET for ms in since))
