"""Conditions whose threshold is reached and whose hold is not yet over: no alert exists, but one may soon."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alerts.model import Level
from alerts.rules import Rule, RuleSet
from geodata.clock import from_epoch_ms


@dataclass(frozen=True, slots=True)
class Waiting:
    """`sensor` has been at `level` of `rule` since `since` without a break; at `due_at` it becomes an alert."""

    rule: Rule
    sensor: str
    level: Level
    native: str
    since: datetime
    due_at: datetime
    exercise: str = ""


def waiting(
    states: Mapping[tuple[str, int], Mapping[str, Any]], rules: RuleSet, names: Mapping[int, str]
) -> list[Waiting]:
    """What waits, the worst first. `states` as the store keeps them; `names`: sensor number → id."""
    known = {rule.id: rule for rule in rules.active if rule.kind == "threshold"}
    found: list[Waiting] = []
    for (name, number), state in states.items():
        rule_id, _, exercise = name.partition("@")
        rule = known.get(rule_id)
        if rule is not None and number in names:
            found += _of_slot(rule, names[number], state, exercise)
    return sorted(found, key=lambda one: (-one.level, one.due_at, one.sensor))


def _of_slot(rule: Rule, sensor: str, state: Mapping[str, Any], exercise: str) -> Iterator[Waiting]:
    """The worst level that is waiting, if any."""
    began = list(state.get("since_ms", ()))
    for step in reversed(rule.levels):
        place = int(step.level) - 1
        if step.level > state.get("level", 0) and place < len(began) and began[place] > 0:
            since = from_epoch_ms(began[place])
            due_at = since + timedelta(seconds=step.hold_s)
            yield Waiting(rule, sensor, step.level, step.native, since, due_at, exercise)
            return


def waiting_to_plain(one: Waiting, now: datetime) -> dict[str, Any]:
    """With the names an alert has, `state` pending, and `due_at`."""
    return {
        "state": "pending",
        "rule_id": one.rule.id,
        "event": one.rule.event,
        "sensor": one.sensor,
        "level": one.level.name.lower(),
        "level_no": int(one.level),
        "native_level": one.native,
        "onset_at": one.since.isoformat(),
        "due_at": one.due_at.isoformat(),
        "age_s": max(0, round((now - one.since).total_seconds())),
        "exercise": bool(one.exercise),
    }
