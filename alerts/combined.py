"""Evaluating a combination: conditions as arrays over sensors, their truth by scope, and what changes in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from alerts.combination import CombinationSpec
from alerts.combination_state import Standing, Table, build_table, changed_rows, move_forward
from alerts.combination_words import evidence_of
from alerts.evaluators import WHOLE_RULE, Finding, Outcome, Rows, Stored, exercise_of, orphans_of, row_key
from alerts.lifecycle import dedup_key
from alerts.model import Level
from alerts.ports import ReadingBatch
from alerts.rules import Rule
from alerts.sensors import Sensors
from alerts.truth import Truth, truth_of
from geodata.clock import epoch_ms, from_epoch_ms

Unknown = tuple[int, ...]  # the conditions that were unknown when an alert was last told of
_JUDGE: Unknown = (-1,)  # an alert is open and nothing is known of what was said: the next tick says it anew
_DRILL_REMEMBERED_MS = 86_400_000  # the last readings of drills long over are not looked at again
MOST_JUDGED = 2_000  # moments of one batch; what a batch of more does in between is not told, only where it ends


@dataclass(slots=True)
class _State:
    """`told`: scope → what was unknown when it was told, for every scope whose alert stands."""

    standing: Standing
    told: dict[int, Unknown]

    def copy(self) -> "_State":
        return _State(self.standing.copy(), dict(self.told))


class CombinationEvaluator:
    """`alerts.evaluators.Evaluator` of one combination."""

    def __init__(self, rule: Rule, sensors: Sensors) -> None:
        if not isinstance(rule.spec, CombinationSpec):
            raise TypeError(f"rule {rule.id} is not a combination")
        self._rule, self._spec, self._sensors = rule, rule.spec, sensors
        self._table: Table = build_table(rule.spec, sensors)
        self._shape = self._table.shape
        self._states: dict[str, _State] = {"": self._fresh()}
        self._orphans: list[Finding] = []

    @property
    def rule(self) -> Rule:
        return self._rule

    def watches(self, quantity: str) -> bool:
        return quantity in self._table.slots_of

    def exercises(self) -> set[str]:
        return {name for name, one in self._states.items() if name and (one.told or (one.standing.since_ms >= 0).any())}

    def restore(self, stored: Stored, now: datetime) -> None:
        self._states = {"": self._fresh()}
        seen: dict[str, set[int]] = {}
        is_edited = False
        for (name, number), plain in stored.rows.items():
            exercise = exercise_of(self._rule, name)
            if exercise is None or plain.get("shape") != self._shape:
                is_edited = is_edited or (exercise is not None and number == WHOLE_RULE and bool(plain))
                continue
            state = self._states.setdefault(exercise, self._fresh())
            if number == WHOLE_RULE:
                told = plain["told"]
                state.told = {at: tuple(told[key]) for at, key in enumerate(self._table.scopes) if key in told}
            else:
                seen.setdefault(exercise, set()).add(number)
                self._put_back(state, number, plain["conditions"])
        for batch in stored.latest.values():
            if batch.exercise and epoch_ms(now) - int(batch.observed_ms.max(initial=0)) > _DRILL_REMEMBERED_MS:
                continue
            state = self._states.setdefault(batch.exercise, self._fresh())
            move_forward(self._table, state.standing, batch, seen.get(batch.exercise, ()), epoch_ms(now))
        self._look_at_open(stored, is_edited)

    def _look_at_open(self, stored: Stored, is_edited: bool) -> None:
        """Open alerts of scopes that are not marked as told are judged by the next tick. After an edit those of other
        scopes end; without one a scope is only away, like its sensors, and its alert waits for it."""
        alive: set[str] = set()
        for exercise, state in self._states.items():
            keys = {at: dedup_key(self._rule.id, scope, exercise) for at, scope in enumerate(self._table.scopes)}
            state.told |= {at: _JUDGE for at, key in keys.items() if key in stored.open_alerts and at not in state.told}
            alive.update(keys.values())
        were_sensors = not any(name == f"{self._rule.kind}:{self._rule.id}" for name, _ in stored.rows)
        is_other = is_edited or were_sensors
        self._orphans = orphans_of(self._rule, stored.open_alerts, alive) if is_other else []

    def observe(self, batch: ReadingBatch, now: datetime) -> Outcome | None:
        before = self._states.get(batch.exercise) or self._fresh()
        after, findings, row, judged = before.copy(), list[Finding](), 0, 0
        while row < len(batch.sensor_no):
            row, tells = after.standing.take(self._table, batch, row, epoch_ms(now))
            judged += tells
            if tells and judged < MOST_JUDGED:
                moment = from_epoch_ms(int(batch.observed_ms[row - 1]))
                findings += self._judge(after, moment, batch.exercise, epoch_ms(now))
        if judged >= MOST_JUDGED:
            findings += self._judge(after, from_epoch_ms(int(batch.observed_ms[-1])), batch.exercise, epoch_ms(now))
        return Outcome(findings, self._rows(before, after, batch.exercise), {batch.exercise: after})

    def tick(self, now: datetime) -> Outcome | None:
        findings, rows = list[Finding](), Rows()
        moved: dict[str, _State | None] = {}
        for exercise, before in self._states.items():
            after = before.copy()
            after.standing.mature(self._table, epoch_ms(now))
            findings += self._judge(after, now, exercise, epoch_ms(now))
            changed = self._rows(before, after, exercise)
            if changed:
                rows |= changed
                moved[exercise] = after
        findings += self._orphans
        return Outcome(findings, rows, moved) if moved or findings else None

    def due_ms(self, after_ms: int) -> int | None:
        dues = (one.standing.due_ms(self._table, after_ms) for one in self._states.values())
        return min((due for due in dues if due is not None), default=None)

    def forget(self, exercise: str) -> Outcome | None:
        state = self._states.get(exercise)
        if state is None:
            return None
        return Outcome((), self._rows(state, self._fresh(), exercise), {exercise: None})

    def adopt(self, outcome: Outcome) -> None:
        self._orphans = [one for one in self._orphans if one not in outcome.findings]
        for exercise, state in outcome.after.items():
            if state is None:
                self._states.pop(exercise, None)
            else:
                self._states[exercise] = state

    def _fresh(self) -> _State:
        return _State(Standing.fresh(len(self._table.number)), {})

    def _put_back(self, state: _State, number: int, conditions: Mapping[str, Any]) -> None:
        for slot in np.flatnonzero(self._table.number == number).tolist():
            plain = conditions.get(str(int(self._table.condition_of[slot])))
            if plain is not None:
                state.standing.put_back(slot, plain)

    def _rows(self, before: _State, after: _State, exercise: str) -> Rows:
        shape = self._shape
        rows = {
            row_key(self._rule, exercise, number): {"shape": shape, "conditions": plain}
            for number, plain in changed_rows(self._table, before.standing, after.standing).items()
        }
        if before.told != after.told:
            told = {self._table.scopes[at]: list(unknown) for at, unknown in after.told.items()}
            rows[row_key(self._rule, exercise)] = {"shape": shape, "told": told}
        return rows

    def _judge(self, state: _State, at: datetime, exercise: str, now_ms: int) -> list[Finding]:
        """What is to be told of the truth as it is now; marks it in `state.told`."""
        table, spec = self._table, self._spec
        known = state.standing.known(table, now_ms)
        holding, silent = table.count(state.standing.held & known), table.count(~known)
        least = np.array([one.least for one in spec.conditions])[:, None]
        surely, maybe = holding >= least, (holding + silent >= least) | (table.heads == 0)
        whole = truth_of(spec.when, lambda condition: Truth(surely[condition.no], maybe[condition.no]))
        findings = []
        for scope in sorted({*np.flatnonzero(whole.surely).tolist(), *state.told}):
            unknown = tuple(np.flatnonzero(maybe[:, scope] & ~surely[:, scope]).tolist())
            if not whole.maybe[scope]:
                del state.told[scope]
                findings.append(self._finding(state, scope, Level.NONE, at, exercise, now_ms))
            elif state.told.get(scope) != unknown:
                state.told[scope] = unknown
                findings.append(self._finding(state, scope, spec.level, at, exercise, now_ms))
        return findings

    def _finding(self, state: _State, scope: int, level: Level, at: datetime, exercise: str, now_ms: int) -> Finding:
        rule, evidence = self._rule, evidence_of(self._table, state.standing, scope, self._sensors, now_ms)
        first = evidence.first
        place = (first.name if first else "") + (f" 等 {evidence.count} 处" if evidence.count > 1 else "")
        silent = f"数据不明:{evidence.silent}" if evidence.silent else ""
        return Finding(
            rule, self._table.scopes[scope], level, None, at,
            native=self._spec.native,
            headline=f"{place} {rule.title},达到{self._spec.native}".strip(),
            why=";".join(filter(None, (evidence.holds, silent))) if level else "条件不再成立",
            place=place,
            lon=first.lon if first else None,
            lat=first.lat if first else None,
            county=first.county if first and self._spec.per != "all" else "",
            sensor=first.id if first else None,
            exercise=exercise,
        )  # fmt: skip
