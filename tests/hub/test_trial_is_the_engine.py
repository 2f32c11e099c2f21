"""A trial counts what the engine fired on the same history: every kind of rule, over real stores."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.engine import RuleEngine
from alerts.ports import ReadingBatch
from alerts.rule_evaluators import build_evaluators
from alerts.rules import RuleSet, parse_rules
from alerts.sightings import Sighting
from alerts.trial import Past, Trial, try_rules
from hub.alert_store import DbAlertStore
from hub.database import Database, metadata
from hub.reading_store import DbReadingStore
from hub.sighting_store import DbSightingStore
from tests.alerts.kinds import T0, at, batch
from tests.hub.test_rule_kinds_on_database import SENSORS, TEXT, Nowhere, fire

TEXT = TEXT.replace("max_age_s: 600", "max_age_s: 20").replace("hold_s: 20", "hold_s: 4").replace("300", "15")
MORE = """
  - id: water-but-no-rain
    kind: combination
    title: 积水无雨
    event: 内涝
    level: blue
    native: 积水而无雨
    when:
      all:
        - {sensors: {all: true}, quantity: depth_m, above: 0.2, max_age_s: 12, deadband: 0.1}
        - not: {sensors: {all: true}, quantity: rain_mm_h, above: 30, hold_s: 3, max_age_s: 9}
    source: 测试
"""
RULES = parse_rules(TEXT + MORE)
END_S = 100
Reading = tuple[int, int, float]  # second, sensor, value
Report = tuple[int, int]  # second, place
SENSOR_VALUES = {1: (0.0, 31.0), 2: (0.05, 0.15, 0.3), 3: (0.0, 31.0), 4: (0.05, 0.3), 9: (100.0, 4100.0)}
QUANTITIES = ("rain_mm_h", "depth_m", "flow_m3s")
READINGS = st.sampled_from(sorted(SENSOR_VALUES)).flatmap(
    lambda no: st.tuples(st.integers(0, END_S - 1), st.just(no), st.sampled_from(SENSOR_VALUES[no]))
)
REPORTS = st.tuples(st.integers(0, END_S - 1), st.integers(0, 2))


def of_second(second: int, readings: Sequence[Reading]) -> list[ReadingBatch]:
    found = []
    for quantity in QUANTITIES:
        mine = {no: value for when, no, value in readings if when == second and SENSORS[no].quantities == (quantity,)}
        if mine:
            found.append(batch(quantity, [(second, no, value) for no, value in sorted(mine.items())]))
    return found


def sightings_of(reports: Sequence[Report]) -> list[Sighting]:
    return [fire(second, f"r{n}", 118.3 + place * 0.003) for n, (second, place) in enumerate(sorted(reports))]


def lived(database: Database, rules: RuleSet, readings: Sequence[Reading], reports: Sequence[Report]) -> RuleEngine:
    """A hundred seconds of an engine: every second a tick, then what came in."""
    sightings = DbSightingStore(database)
    evaluators = build_evaluators(rules, SENSORS, Nowhere(), sightings)
    engine = RuleEngine(
        rules, SENSORS, DbAlertStore(database), DbReadingStore(database), lambda: T0 - timedelta(seconds=1), evaluators
    )
    engine.load()
    coming = sightings_of(reports)
    for second in range(END_S + 1):
        sightings.add([one for one in coming if one.received_at == at(second)])
        engine.tick(at(second))
        for one in of_second(second, readings):
            engine.step(one, at(second))
    return engine


def fired_by(database: Database, engine: RuleEngine) -> dict[str, tuple[int, dict[str, int], int]]:
    """By rule: how often it fired, the worst levels, how many are still open."""
    store = DbAlertStore(database)
    alerts = store.find(states=["firing", "resolved"], limit=10_000, before=None, at=at(END_S))
    found = {}
    for rule in RULES.rules:
        mine = [one for one in alerts if one.rule_id == rule.id]
        worst = Counter(
            max((str(step["alert"]["level"]) for step in store.history(one.id)), key=LEVELS.index) for one in mine
        )
        still = sum(one.rule_id == rule.id for one in engine.open_alerts())
        found[rule.id] = (len(mine), dict(worst), still)
    return found


LEVELS = ["none", "blue", "yellow", "orange", "red"]


def counted(trials: dict[str, Trial]) -> dict[str, tuple[int, dict[str, int], int]]:
    return {name: (one.fired, dict(one.by_level), one.open_at_end) for name, one in trials.items()}


def past_of(database: Database, until: datetime) -> tuple[list[ReadingBatch], Past]:
    """What is stored, as a trial is given it."""
    store = DbReadingStore(database)
    batches = [store.window(quantity, T0, until) for quantity in QUANTITIES]
    return batches, Past(Nowhere(), DbSightingStore(database).after(0, 10_000))


@settings(max_examples=20, deadline=None)
@given(st.lists(READINGS, max_size=60), st.lists(REPORTS, max_size=12))
def test_a_trial_counts_what_the_engine_fired(readings: list[Reading], reports: list[Report]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'db'}")
        metadata.create_all(database.engine)
        engine = lived(database, RULES, readings, reports)
        batches, past = past_of(database, at(END_S))
        found = try_rules(RULES.rules, SENSORS, batches, T0, at(END_S), past)
        assert counted(found) == fired_by(database, engine)
        assert {one.truncated for one in found.values()} == {""}
        for trial in found.values():
            assert len(trial.episodes) == trial.fired
            assert sum(one.ended_at is None for one in trial.episodes) == trial.open_at_end
        database.close()


HOURS = st.lists(st.tuples(st.integers(0, 72), st.sampled_from((100.0, 4000.0, 5000.0))), max_size=25)


@settings(max_examples=20, deadline=None)
@given(HOURS)
def test_numbered_floods_are_counted_as_the_engine_did(hours: list[tuple[int, float]]) -> None:
    rules = RuleSet(tuple(rule for rule in RULES.rules if rule.kind == "numbering"))
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'db'}")
        metadata.create_all(database.engine)
        store = DbAlertStore(database)
        evaluators = build_evaluators(rules, SENSORS, Nowhere(), DbSightingStore(database))
        engine = RuleEngine(rules, SENSORS, store, DbReadingStore(database), lambda: T0, evaluators)
        engine.load()
        for hour, flow in sorted(dict(hours).items()):
            engine.step(batch("flow_m3s", [(hour * 3600, 9, flow)]), at(hour * 3600))
        until = at(73 * 3600)
        batches, past = past_of(database, until)
        found = try_rules(rules.rules, SENSORS, batches, T0, until, past)["yi"]
        floods = store.find(states=["firing", "resolved"], limit=100, before=None, at=until)
        assert (found.fired, found.open_at_end) == (len(floods), len(engine.open_alerts()))
        assert sorted(one.began_at for one in found.episodes) == sorted(one.onset_at for one in floods)
        assert {one.ended_at for one in found.episodes} == {one.resolved_at for one in floods}
        database.close()
