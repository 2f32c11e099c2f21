"""The port of rules that are more than a threshold on one sensor, and what they find.

An evaluator never moves by itself: `observe` and `tick` return what they found together with the state after it, and
only `adopt`, called once the store has committed both, makes that state the present one. So a step whose commit failed
can be made again, and an engine that starts anew goes on from exactly what is stored.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from alerts.lifecycle import dedup_key
from alerts.model import Alert, Level
from alerts.ports import ReadingBatch
from alerts.rules import Rule

WHOLE_RULE = -1  # in place of a sensor number, where a row of state belongs to the rule itself
Rows = dict[tuple[str, int], dict[str, Any]]
StoredRows = Mapping[tuple[str, int], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Finding:
    """The condition `key` of a rule stands at `level`; NONE: it is over. One (rule, key, drill) is one alert.

    `headline` and `why` are what people read; `since` is when the condition was first there. Without `is_news` it only
    tells more of an alert that is open.
    """

    rule: Rule
    key: str
    level: Level
    value: float | None
    since: datetime
    native: str = ""
    headline: str = ""
    why: str = ""
    place: str = ""
    lon: float | None = None
    lat: float | None = None
    county: str = ""
    sensor: str | None = None
    threshold: float | None = None
    quantity: str = ""
    unit: str | None = None
    exercise: str = ""
    is_news: bool = True

    @property
    def dedup_key(self) -> str:
        return dedup_key(self.rule.id, self.key, self.exercise)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step of an evaluator found, the rows of state to store with it, and the state to adopt afterwards."""

    findings: Sequence[Finding] = ()
    rows: Rows = field(default_factory=dict)
    after: Any = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What an engine starts from: committed rows of state, the latest readings by series, the open alerts by key."""

    rows: StoredRows
    latest: Mapping[str, ReadingBatch]
    open_alerts: Mapping[str, Alert]


class Evaluator(Protocol):
    """One rule's evaluation. `Outcome` None: nothing to tell, to store or to adopt."""

    @property
    def rule(self) -> Rule: ...

    def watches(self, quantity: str) -> bool:
        """Whether readings of `quantity` matter to it."""

    def restore(self, stored: Stored, now: datetime) -> None:
        """Begin from what is stored."""

    def observe(self, batch: ReadingBatch, now: datetime) -> Outcome | None:
        """`batch` is in observed order."""

    def tick(self, now: datetime) -> Outcome | None:
        """What time alone brings, and reports that have come in meanwhile."""

    def due_ms(self, after_ms: int) -> int | None:
        """The first moment after `after_ms` at which time alone may bring something, if nothing comes in before."""

    def exercises(self) -> set[str]:
        """The drills that have left a state."""

    def forget(self, exercise: str) -> Outcome | None:
        """The end of a drill; its alerts are ended by the engine."""

    def adopt(self, outcome: Outcome) -> None:
        """`outcome` is committed."""


EDITED = "规则已修改,不再这样判断"


def orphans_of(rule: Rule, open_alerts: Mapping[str, Alert], alive: AbstractSet[str]) -> list[Finding]:
    """The end of what an earlier wording of the rule raised: open alerts of it that are none of the keys `alive`."""
    found = []
    for key, alert in open_alerts.items():
        if alert.source == "rule" and alert.rule_id == rule.id and key not in alive:
            name, _, exercise = key.removeprefix(f"rule:{rule.id}:").partition(":exercise:")
            found.append(Finding(rule, name, Level.NONE, None, alert.onset_at, why=EDITED, exercise=exercise))
    return found


def given_up(kind: str, plain: Mapping[str, Any]) -> dict[str, Any] | None:
    """A stored row after its rule was switched off: nothing it told stands any more, but a flood keeps its number.
    None: there is nothing to change."""
    if kind == "numbering" and plain:
        return {**plain, "is_open": False} if plain.get("is_open") else None
    return {} if plain else None


def row_key(rule: Rule, exercise: str, number: int = WHOLE_RULE) -> tuple[str, int]:
    """Where a state is stored: apart from the thresholds' rows, so that a rule may change its kind."""
    name = f"{rule.kind}:{rule.id}"
    return (f"{name}@{exercise}" if exercise else name), number


def exercise_of(rule: Rule, stored_name: str) -> str | None:
    """The drill of a stored row of `rule` ("" is none); None when the row is another rule's."""
    name, _, exercise = stored_name.partition("@")
    return exercise if name == f"{rule.kind}:{rule.id}" else None
