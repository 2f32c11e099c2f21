"""Rules tried on stored readings and reports, beside those in force: bounded, one trial at a time."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from alerts.ports import ReadingBatch, ReadingStore, SensorRegistry
from alerts.rule_resolved import resolved, unresolved
from alerts.rule_text import sound_rules
from alerts.rules import Rule, RuleSet
from alerts.sensors import Sensors
from alerts.sightings import Sighting
from alerts.spatial import SpatialSpec
from alerts.trial import Past, Trial, try_rules
from alerts.trial_found import lead_s, peak_unit, quantities_of
from geodata.city import City
from geodata.errors import BadInput, Conflict
from geodata.places import CityPlaces
from hub.database import Database
from hub.rule_book import RuleBook
from hub.sensors import sensor_infos
from hub.sighting_store import DbSightingStore
from hub.tables.alerts import LATEST, SERIES

MOST_HOURS = 72
MOST_READINGS = 600_000  # of a trial, shared among its quantities
MOST_COMPARISONS = 200_000_000
MOST_REPORTS = 20_000
REPORTS_AT_ONCE = 2_000
EPISODES = 50
LEAD = timedelta(hours=1)  # heard before the time tried, so that holds and deadbands begin from what was there
PATIENCE_S = 30.0


class RuleTrials:
    """`trials(text, rule_ids, hours, drill)`: what each rule of `text` would have done, and what it does as it is."""

    def __init__(
        self,
        database: Database,
        readings: ReadingStore,
        city: City,
        registry: SensorRegistry,
        book: RuleBook,
        clock: Callable[[], datetime],
    ) -> None:
        self._database, self._readings, self._city, self._registry = database, readings, city, registry
        self._book, self._clock, self._lock = book, clock, threading.Lock()
        self._sightings = DbSightingStore(database)

    def __call__(self, text: str, rule_ids: Sequence[str] | None, hours: int, drill: bool) -> dict[str, Any]:
        """`drill`: on the readings of the drill that was heard last. `BadInput` for wrong rules or hours."""
        if not 1 <= hours <= MOST_HOURS:
            raise BadInput(f"hours 应在 1 与 {MOST_HOURS} 之间,收到 {hours}")
        rules = _chosen(sound_rules(text).rules, rule_ids)
        held = self._book.in_force()
        before = {one.id: one for one in _chosen(held[1].rules if held else (), rule_ids)}
        if not self._lock.acquire(timeout=PATIENCE_S):
            raise Conflict("正在试算另一份规则,请稍后再试")
        try:
            return self._tried(rules, before, hours, drill)
        finally:
            self._lock.release()

    def _tried(self, rules: Sequence[Rule], before: dict[str, Rule], hours: int, drill: bool) -> dict[str, Any]:
        until = self._clock()
        since = until - timedelta(hours=hours)
        sensors, exercise = sensor_infos(self._city, self._registry), self._drill() if drill else ""
        both = [*rules, *before.values()]
        batches, note = self._heard(both, since, until, exercise)
        unplaced = unresolved(RuleSet(tuple(rules)), sensors, CityPlaces(self._city))
        past, cut = self._reported(both, since, until, exercise)
        then = try_rules(self._placed(rules, sensors), sensors, batches, since, until, past)
        other = [one for one in before.values() if not _same(one, _by_id(rules, one.id))]
        now = {**then, **try_rules(self._placed(other, sensors), sensors, batches, since, until, past)}
        ids = list(dict.fromkeys(one.id for one in both))
        rows = [_row(before.get(name), _by_id(rules, name), now, then, sensors) for name in ids]
        return {
            "since": since.isoformat(), "until": until.isoformat(), "hours": hours, "drill": exercise,
            "note": ";".join(filter(None, (note, cut, *unplaced))),
            "readings": sum(len(one.sensor_no) for one in batches),
            "reports": sum(one.received_at >= since for one in past.reports), "rules": rows,
            "fired_now": sum(row["now"]["fired"] for row in rows if row["now"] and row["now"]["enabled"]),
            "fired_then": sum(row["then"]["fired"] for row in rows if row["then"] and row["then"]["enabled"]),
        }  # fmt: skip

    def _heard(
        self, rules: Sequence[Rule], since: datetime, until: datetime, exercise: str
    ) -> tuple[list[ReadingBatch], str]:
        """The readings of each quantity, the newest of them where there are too many, and a word about that."""
        quantities = list(dict.fromkeys(name for rule in rules for name in quantities_of(rule)))
        most = min(MOST_READINGS // max(1, len(quantities)), MOST_COMPARISONS // max(1, len(rules)))
        begin = _begin([rule for rule in rules if quantities_of(rule)], since)
        batches = [self._readings.window(one, begin, until, exercise=exercise, limit=most) for one in quantities]
        cut = [one.quantity for one in batches if len(one.sensor_no) >= most]
        return batches, f"读数太多,{'、'.join(cut)} 只用了最近的 {most:,} 条" if cut else ""

    def _reported(self, rules: Sequence[Rule], since: datetime, until: datetime, exercise: str) -> tuple[Past, str]:
        """The reports that spatial rules judge, the newest of them where there are too many, and a word about that."""
        spatial = [rule for rule in rules if isinstance(rule.spec, SpatialSpec)]
        places, found = CityPlaces(self._city), deque[Sighting](maxlen=MOST_REPORTS)
        if not spatial:
            return Past(places, (), exercise), ""
        cursor, count = self._sightings.seq_before(_begin(spatial, since)), 0
        kinds = {rule.spec.of for rule in spatial if isinstance(rule.spec, SpatialSpec)}
        while some := self._sightings.after(cursor, REPORTS_AT_ONCE):
            cursor = some[-1].seq
            fit = [one for one in some if one.kind in kinds and one.exercise == exercise and one.received_at <= until]
            found.extend(fit)
            count += len(fit)
        cut = f"位置报告太多,只用了最近的 {MOST_REPORTS:,} 条" if count > MOST_REPORTS else ""
        return Past(places, tuple(found), exercise), cut

    def _placed(self, rules: Sequence[Rule], sensors: Sensors) -> tuple[Rule, ...]:
        return resolved(RuleSet(tuple(rules)), sensors, CityPlaces(self._city)).rules

    def _drill(self) -> str:
        """The drill whose readings are the newest. `BadInput` when none was ever heard."""
        query = (
            sa.select(SERIES.c.exercise)
            .join(LATEST, LATEST.c.series_no == SERIES.c.no)
            .where(SERIES.c.exercise != "")
            .order_by(LATEST.c.observed_ms.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            found = connection.execute(query).scalar()
        if found is None:
            raise BadInput("库里没有演练的读数")
        return str(found)


def _begin(rules: Sequence[Rule], since: datetime) -> datetime:
    return since - max(LEAD, timedelta(seconds=max(map(lead_s, rules), default=0.0)))


def _chosen(rules: Sequence[Rule], rule_ids: Sequence[str] | None) -> list[Rule]:
    return [rule for rule in rules if rule_ids is None or rule.id in rule_ids]


def _by_id(rules: Sequence[Rule], rule_id: str) -> Rule | None:
    return next((rule for rule in rules if rule.id == rule_id), None)


def _same(one: Rule, other: Rule | None) -> bool:
    """Whether both would do the same: what was tried for one holds for the other."""
    return other is not None and replace(one, line=0, enabled=True) == replace(other, line=0, enabled=True)


def _row(
    before: Rule | None, after: Rule | None, now: dict[str, Trial], then: dict[str, Trial], sensors: Sensors
) -> dict[str, Any]:
    rule = after or before
    assert rule is not None
    names = {one.id: one.name for one in sensors.values()}
    return {
        "id": rule.id, "title": rule.title, "unit": peak_unit(rule),
        "changed": before is None or after is None or before.enabled != after.enabled or not _same(before, after),
        "now": None if before is None else _plain(before, now[before.id], names),
        "then": None if after is None else _plain(after, then[after.id], names),
    }  # fmt: skip


def _plain(rule: Rule, trial: Trial, names: dict[str, str]) -> dict[str, Any]:
    episodes = [
        {
            "sensor": one.sensor, "name": names.get(one.sensor, one.sensor), "level": one.level, "peak": one.peak,
            "began_at": one.began_at.isoformat(), "ended_at": one.ended_at.isoformat() if one.ended_at else None,
        }
        for one in trial.episodes[:EPISODES]
    ]  # fmt: skip
    return {
        "enabled": rule.enabled, "fired": trial.fired, "by_level": dict(trial.by_level), "episodes": episodes,
        "open_at_end": trial.open_at_end, "readings": trial.readings, "sensors": trial.sensors,
        "truncated": trial.truncated,
    }  # fmt: skip
