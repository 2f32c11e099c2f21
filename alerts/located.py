"""Evaluating a spatial rule: reads on from the last report it judged, and tells of events, not of reports."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.clusters import Cluster, Report, is_over, over_ms, with_report
from alerts.evaluators import Finding, Outcome, Stored, orphans_of, row_key
from alerts.lifecycle import dedup_key
from alerts.model import Level
from alerts.ports import Places, ReadingBatch
from alerts.rules import LevelStep, Rule
from alerts.sightings import Reports, Sighting
from alerts.spatial import SpatialSpec
from alerts.where import placed
from geodata.clock import epoch_ms, from_epoch_ms

AT_ONCE = 500  # reports a tick: the others wait for the next, and readings are not held up


@dataclass(frozen=True, slots=True)
class _State:
    """Every report up to `cursor` has been judged."""

    cursor: int
    clusters: tuple[Cluster, ...] = ()


class SpatialEvaluator:
    """`alerts.evaluators.Evaluator` of one spatial rule."""

    def __init__(self, rule: Rule, places: Places, sightings: Reports) -> None:
        if not isinstance(rule.spec, SpatialSpec):
            raise TypeError(f"rule {rule.id} is not spatial")
        self._rule, self._spec, self._places, self._sightings = rule, rule.spec, places, sightings
        self._state = _State(0)
        self._is_stored = True
        self._orphans: list[Finding] = []

    @property
    def rule(self) -> Rule:
        return self._rule

    def watches(self, quantity: str) -> bool:  # noqa: ARG002
        return False

    def exercises(self) -> set[str]:
        return {one.exercise for one in self._state.clusters if one.exercise}

    def restore(self, stored: Stored, now: datetime) -> None:
        """A rule that never judged begins with what came in within its own memory, not with all that ever did."""
        plain = stored.rows.get(row_key(self._rule, ""))
        if plain:
            self._state, self._is_stored = _State(plain["cursor"], tuple(Cluster(**c) for c in plain["clusters"])), True
        else:
            since = now - timedelta(seconds=self._spec.merge_s)
            self._state, self._is_stored = _State(self._sightings.seq_before(since)), False
        alive = {dedup_key(self._rule.id, str(one.key), one.exercise) for one in self._state.clusters}
        self._orphans = orphans_of(self._rule, stored.open_alerts, alive)

    def observe(self, batch: ReadingBatch, now: datetime) -> Outcome | None:  # noqa: ARG002
        return None

    def tick(self, now: datetime) -> Outcome | None:
        findings: list[Finding] = []
        state = self._judged(self._sightings.after(self._state.cursor, AT_ONCE), epoch_ms(now), findings)
        state = self._without_old(state, epoch_ms(now), findings)
        findings += self._orphans
        if state == self._state and self._is_stored and not findings:
            return None
        return self._outcome(state, findings)

    def due_ms(self, after_ms: int) -> int | None:
        ends = [over_ms(one, self._spec.merge_s) for one in self._state.clusters]
        return min((end for end in ends if end > after_ms), default=None)

    def forget(self, exercise: str) -> Outcome | None:
        kept = tuple(one for one in self._state.clusters if one.exercise != exercise)
        return self._outcome(replace(self._state, clusters=kept), ()) if kept != self._state.clusters else None

    def adopt(self, outcome: Outcome) -> None:
        self._state, self._is_stored = outcome.after, True
        self._orphans = [one for one in self._orphans if one not in outcome.findings]

    def _outcome(self, state: _State, findings: Sequence[Finding]) -> Outcome:
        row = {"cursor": state.cursor, "clusters": [one.plain() for one in state.clusters]}
        return Outcome(findings, {row_key(self._rule, ""): row}, state)

    def _judged(self, sightings: Sequence[Sighting], now_ms: int, findings: list[Finding]) -> _State:
        clusters, spec = list(self._state.clusters), self._spec
        grown: dict[int, Cluster] = {}
        for sighting in sightings:
            report = self._report(sighting)
            if report is None:
                continue
            clusters, one = with_report(clusters, report, spec.merge_m, spec.merge_s, now_ms)
            told = self._level_of(one)
            if told is not None and told.level > one.level:
                raised = replace(one, level=int(told.level), reached_ms=report.observed_ms)
                clusters[clusters.index(one)] = one = raised
                findings.append(self._finding(one, told))
            grown[one.key] = one
        findings += [
            replace(self._finding(one, step), is_news=False)
            for one in grown.values()
            if (step := self._level_of(one)) is not None
        ]
        cursor = sightings[-1].seq if sightings else self._state.cursor
        return _State(cursor, tuple(clusters))

    def _without_old(self, state: _State, now_ms: int, findings: list[Finding]) -> _State:
        old = [one for one in state.clusters if is_over(one, self._spec.merge_s, now_ms)]
        findings += [self._finding(one, None) for one in old if one.level]
        return replace(state, clusters=tuple(one for one in state.clusters if one not in old))

    def _report(self, sighting: Sighting) -> Report | None:
        spec = self._spec
        sure = 1.0 if sighting.confidence is None else sighting.confidence
        if sighting.kind != spec.of or sure < spec.min_confidence:
            return None
        found = placed(spec, self._places, sighting.lon, sighting.lat)
        if found.holds is False:
            return None  # where it cannot be said, a report of danger counts, and that is said
        why = "。".join(filter(None, (found.why, sighting.note[:200])))
        code, name = self._places.county(sighting.lon, sighting.lat)
        place = f"{name} {sighting.lon:.5f}, {sighting.lat:.5f}".strip()
        moment = epoch_ms(sighting.observed_at)
        return Report(
            sighting.seq, sighting.exercise, sighting.lon, sighting.lat, moment, found.grid, why, code, place
        )  # fmt: skip

    def _level_of(self, cluster: Cluster) -> LevelStep | None:
        measured = cluster.grid if self._spec.measure == "grid" else cluster.count
        reached = [step for step in self._rule.levels if measured >= step.at]
        return max(reached, key=lambda step: step.level, default=None)

    def _finding(self, cluster: Cluster, step: LevelStep | None) -> Finding:
        rule, spec = self._rule, self._spec
        minutes = f"{spec.merge_s / 60:g} 分钟内没有新的报告"
        return Finding(
            rule,
            str(cluster.key),
            step.level if step else Level.NONE,
            float(cluster.count),
            from_epoch_ms(cluster.first_ms),
            native=step.native if step else "",
            headline=f"{rule.title}:{cluster.count} 起报告" + (f",达到{step.native}" if step else ""),
            why=(cluster.why or "位置在规则范围内") if step else minutes,
            place=cluster.place,
            county=cluster.county,
            lon=cluster.lon,
            lat=cluster.lat,
            threshold=step.at if step else None,
            unit="起",
            exercise=cluster.exercise,
        )
