"""Combinations, spatial rules and numbering over real stores: a crash at every store call, two engines."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alerts.engine import RuleEngine
from alerts.handling import Handling
from alerts.ports import Places, ReadingBatch
from alerts.rule_evaluators import build_evaluators
from alerts.rules import RuleSet, parse_rules
from alerts.sensors import SensorInfo
from alerts.sightings import Sighting
from geodata.errors import Conflict
from hub.alert_store import DbAlertStore
from hub.database import Database, metadata
from hub.lease import Leases
from hub.outbox import OUTBOX
from hub.reading_store import DbReadingStore
from hub.sighting_store import DbSightingStore
from tests.alerts.kinds import T0, at, batch, sensor

TEXT = """
rules:
  - id: rain-and-water
    kind: combination
    title: 强降雨且已积水
    event: 内涝
    level: orange
    native: 雨强 30 mm/h 且积水 0.15 m
    per: county
    when:
      all:
        - {sensors: {all: true}, quantity: rain_mm_h, above: 30, max_age_s: 600}
        - {sensors: {all: true}, quantity: depth_m, above: 0.15, hold_s: 20, max_age_s: 600}
    source: 测试
  - id: fire
    kind: spatial
    title: 火点
    event: 森林火灾
    of: fire_point
    levels: [{level: yellow, at: 1, native: 1 起}, {level: red, at: 3, native: 3 起}]
    merge_m: 500
    merge_s: 300
    source: 测试
  - id: yi
    kind: numbering
    title: 沂河编号洪水
    event: 洪水
    river: 沂河
    station: s9
    at: 4000
    level: yellow
    native: 编号洪水 4000 m³/s
    source: 测试
  - id: depth
    title: 积水
    event: 积水
    quantity: depth_m
    sensors: {all: true}
    levels: [{level: yellow, at: 0.2, native: 慢行 0.20 m}]
    source: 测试
"""
RULES = parse_rules(TEXT)
SENSORS: dict[int, SensorInfo] = {
    1: sensor(1, "rain_mm_h"), 2: sensor(2, "depth_m"), 3: sensor(3, "rain_mm_h", "371311"),
    4: sensor(4, "depth_m", "371311"), 9: sensor(9, "flow_m3s"),
}  # fmt: skip


class Nowhere(Places):
    """No rule here asks for a layer."""

    def inside(self, layer: str, lon: float, lat: float, ids: frozenset[str] = frozenset()) -> str | None:
        raise AssertionError(layer)

    def county(self, lon: float, lat: float) -> tuple[str, str]:
        return "", ""

    def grid_level(self, layer: str, lon: float, lat: float) -> tuple[int, str]:
        raise AssertionError(layer)

    def near(
        self, layer: str, lon: float, lat: float, within_m: float, where: Mapping[str, str]
    ) -> tuple[str, float] | None:
        raise AssertionError(layer)


def fire(second: float, name: str, lon: float = 118.3, exercise: str = "") -> Sighting:
    return Sighting(name, "tower", "fire_point", lon, 35.1, at(second), at(second), None, "", exercise)


Step = tuple[datetime, ReadingBatch | list[Sighting] | None]
SCRIPT: list[Step] = [
    (at(0), batch("rain_mm_h", [(0, 1, 40.0), (0, 3, 10.0)])),
    (at(1), batch("depth_m", [(1, 2, 0.3), (1, 4, 0.3)])),
    (at(2), [fire(2, "a"), fire(2, "b", 118.302)]),
    (at(3), None),
    (at(22), None),  # the hold has passed
    (at(30), batch("flow_m3s", [(30, 9, 4100.0)])),
    (at(31), [fire(31, "c"), fire(31, "a"), fire(31, "d", 118.3, "演练")]),
    (at(32), None),
    (at(40), batch("rain_mm_h", [(40, 3, 31.0)])),
    (at(50), batch("depth_m", [(50, 2, 0.05), (50, 4, 0.31)])),
    (at(60), batch("depth_m", [(60, 2, 0.4)], "演练")),
    (at(400), None),  # the fires are over
    (at(700), None),  # rain has fallen silent
    (at(710), batch("rain_mm_h", [(710, 3, 0.0)])),
    (at(90_000), batch("flow_m3s", [(90_000, 9, 100.0)])),
    (at(90_030), batch("flow_m3s", [(90_030, 9, 4200.0), (90_031, 9, 4300.0)])),
]


def engine_on(
    database: Database, store: DbAlertStore | None = None, readings: Any = None, rules: RuleSet = RULES
) -> RuleEngine:
    evaluators = build_evaluators(rules, SENSORS, Nowhere(), DbSightingStore(database))
    made = RuleEngine(
        rules, SENSORS, store or DbAlertStore(database), readings or DbReadingStore(database), lambda: T0, evaluators
    )
    made.load()
    return made


def play(database: Database, engine: RuleEngine, step: Step, fence: tuple[str, int] | None = None) -> None:
    now, what = step
    if isinstance(what, list):
        DbSightingStore(database).add(what)
    elif what is None:
        engine.tick(now, fence)
    else:
        engine.step(what, now, fence)


def picture(database: Database) -> Any:
    """Everything that must be equal however often it was interrupted; ids are random, so keys stand for them."""
    store = DbAlertStore(database)
    with database.read() as connection:
        events = [row.kind for row in connection.execute(sa.select(OUTBOX.c.kind).order_by(OUTBOX.c.seq))]
        ids = [row[0] for row in connection.execute(sa.text("SELECT id FROM alerts"))]
    alerts = sorted(
        (
            alert.dedup_key, alert.fired_at, int(alert.level), alert.value, alert.headline, alert.description,
            alert.resolved_at, alert.version,
            [(step["kind"], step["at"], step["detail"]) for step in store.history(alert.id)],
        )
        for alert in map(store.get, ids)
        if alert
    )  # fmt: skip
    return alerts, events, store.rule_states()


def fresh(path: Path) -> Database:
    database = Database(f"sqlite:///{path}")
    metadata.create_all(database.engine)
    return database


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the script leaves when nothing interrupts it."""
    database = fresh(tmp_path_factory.mktemp("calm") / "db")
    engine = engine_on(database)
    for step in SCRIPT:
        play(database, engine, step)
    yield picture(database)
    database.close()


def test_the_script_tells_what_it_should(room_database: Database) -> None:
    engine = engine_on(room_database)
    for step in SCRIPT:
        play(room_database, engine, step)
    alerts, events, _ = picture(room_database)
    kinds = {row[0]: [kind for kind, _, _ in row[-1]] for row in alerts}
    assert kinds == {
        "rule:rain-and-water:371302": ["fired", "resolved"],
        "rule:rain-and-water:371311": ["fired", "updated", "resolved"],
        "rule:fire:1": ["fired", "level", "resolved"],
        "rule:fire:4:exercise:演练": ["fired", "resolved"],
        "rule:yi:2026-1": ["fired", "resolved"],
        "rule:yi:2026-2": ["fired"],
        "rule:depth:s2": ["fired", "resolved"],
        "rule:depth:s4": ["fired"],
        "rule:depth:s2:exercise:演练": ["fired"],
    }
    assert sum(kind == "sighting.fire_point" for kind in events) == 4
    said = {row[0]: row[5] for row in alerts}
    assert "数据不明:雨强" in said["rule:rain-and-water:371311"]
    open_headlines = {alert.headline for alert in DbAlertStore(room_database).open_alerts()}
    assert "沂河 2026 年第 2 号洪水" in open_headlines


STORE_CALLS = 24  # that the script makes at least when nothing interrupts it


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", range(1, STORE_CALLS + 1))
def test_a_crash_at_any_store_call_changes_nothing(call: int, when: str, tmp_path: Path, calm: Any) -> None:
    struck = fresh(tmp_path / "struck")
    count = 0

    class Crash(BaseException):
        """A kill -9, as seen from inside: after the commit nothing is adopted."""

    def crashing(act: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == call and when == "before":
                raise Crash
            result = act(*args, **kwargs)
            if count == call:
                raise Crash
            return result

        return wrapped

    class AlertStoreThatDies(DbAlertStore):
        apply = crashing(DbAlertStore.apply)

    class ReadingStoreThatDies(DbReadingStore):
        add = crashing(DbReadingStore.add)

    def start() -> RuleEngine:
        return engine_on(struck, AlertStoreThatDies(struck), ReadingStoreThatDies(struck))

    engine, crashes = start(), 0
    for step in SCRIPT:
        try:
            play(struck, engine, step)
        except Crash:
            crashes += 1
            engine = start()
            play(struck, engine, step)
    assert crashes == 1
    assert count >= STORE_CALLS
    assert picture(struck) == calm
    struck.close()


def test_the_engine_that_lost_its_lease_stores_nothing_and_the_other_misses_nothing(
    room_database: Database, calm: Any
) -> None:
    """Two engines; the lease goes to and fro at every step, and the loser tries each step first."""
    leases = Leases(room_database)
    tokens, refused = [leases.acquire("rules", "a", T0 - timedelta(days=1), 1)], 0
    for step in SCRIPT:
        tokens.append(leases.acquire("rules", f"holder-{len(tokens)}", T0 + timedelta(days=len(tokens) * 9), 1))
        assert tokens[-1] is not None
        loser, winner = engine_on(room_database), engine_on(room_database)
        before = picture(room_database)[2]
        try:
            play(room_database, loser, step, ("rules", int(tokens[-2] or 0)))
        except Conflict:
            refused += 1
            assert picture(room_database)[2] == before
        play(room_database, winner, step, ("rules", int(tokens[-1])))
    assert picture(room_database)[0] == calm[0]
    assert refused >= 10


def test_a_restart_goes_on_with_what_was_told(room_database: Database) -> None:
    engine = engine_on(room_database)
    for step in SCRIPT[:5]:
        play(room_database, engine, step)
    assert {a.dedup_key for a in engine.open_alerts()} >= {"rule:rain-and-water:371302", "rule:fire:1"}
    again = engine_on(room_database)
    assert again.tick(at(23)).changes == []
    ended = again.end_exercise("演练", at(24))
    assert ended.changes == []


def test_the_end_of_a_drill_ends_its_findings(room_database: Database) -> None:
    engine = engine_on(room_database)
    play(room_database, engine, (at(0), [fire(0, "x", exercise="演练")]))
    assert engine.tick(at(1)).drills == frozenset({"演练"})
    assert engine.exercises() == {"演练"}
    assert [(c.kind, c.alert.status) for c in engine.end_exercise("演练", at(2)).changes] == [("resolved", "Exercise")]
    assert engine.exercises() == set()
    again = engine_on(room_database)
    assert again.tick(at(3)).changes == []


def standing(database: Database) -> dict[str, str]:
    return {alert.dedup_key: alert.headline for alert in DbAlertStore(database).open_alerts()}


def test_a_rule_that_is_edited_judges_what_it_told_anew(room_database: Database) -> None:
    engine = engine_on(room_database)
    for step in SCRIPT[:6]:
        play(room_database, engine, step)
    mine = {"rule:rain-and-water:371302", "rule:fire:1", "rule:yi:2026-1"}
    assert mine <= set(standing(room_database))
    harder = engine_on(room_database, rules=parse_rules(TEXT.replace("above: 30", "above: 45")))
    assert [(c.kind, c.alert.resolved_why) for c in harder.tick(at(40)).changes] == [("resolved", "条件不再成立")]
    easier = engine_on(room_database, rules=parse_rules(TEXT.replace("above: 30", "above: 35")))
    assert [c.kind for c in easier.tick(at(41)).changes] == ["fired"]
    city_wide = engine_on(room_database, rules=parse_rules(TEXT.replace("per: county", "per: all")))
    changes = city_wide.tick(at(42)).changes
    assert [(c.kind, c.alert.dedup_key) for c in changes] == [
        ("fired", "rule:rain-and-water:all"), ("resolved", "rule:rain-and-water:371302"),
    ]  # fmt: skip
    other_station = engine_on(room_database, rules=parse_rules(TEXT.replace("station: s9", "station: s1")))
    assert "rule:yi:2026-1" in [c.alert.dedup_key for c in other_station.tick(at(43)).changes if c.kind == "resolved"]


def test_a_rule_that_was_off_tells_again_what_still_stands(room_database: Database) -> None:
    engine = engine_on(room_database)
    for step in SCRIPT[:6]:
        play(room_database, engine, step)
    before = standing(room_database)
    off = parse_rules(TEXT.replace("source: 测试", "source: 测试\n    enabled: false"))
    switched_off = engine_on(room_database, rules=off)
    switched_off.retire(at(50))
    assert standing(room_database) == {}
    DbSightingStore(room_database).add([fire(60, "while-off", 118.5)])
    on_again = engine_on(room_database)
    on_again.retire(at(2000))
    on_again.load()
    on_again.tick(at(100))
    on_again.step(batch("flow_m3s", [(110, 9, 4150.0)]), at(110))
    after = standing(room_database)
    assert after["rule:yi:2026-1"] == before["rule:yi:2026-1"]  # the flood that stands keeps its number
    assert after["rule:rain-and-water:371302"] == before["rule:rain-and-water:371302"]
    assert "rule:fire:3" in after


def test_a_sensor_that_is_away_for_a_while_ends_nothing(room_database: Database) -> None:
    engine = engine_on(room_database)
    for step in SCRIPT[:6]:
        play(room_database, engine, step)
    evaluators = build_evaluators(RULES, {}, Nowhere(), DbSightingStore(room_database))
    blind = RuleEngine(RULES, {}, DbAlertStore(room_database), DbReadingStore(room_database), lambda: T0, evaluators)
    blind.load()
    assert [c.alert.dedup_key for c in blind.tick(at(60)).changes] == []
    assert [c.kind for c in engine_on(room_database).tick(at(61)).changes if c.alert.rule_id != "fire"] == []


def test_a_rule_that_changes_its_kind_leaves_nothing_behind(room_database: Database) -> None:
    play(room_database, engine_on(room_database), (at(0), batch("depth_m", [(0, 2, 0.5)])))
    when = "{sensors: {all: true}, quantity: depth_m, above: 0.9}"
    other = parse_rules(f"""
rules:
  - {{id: depth, kind: combination, title: 积水, event: 积水, level: red, native: 0.9 m, source: 测试, when: {when}}}
""")
    engine = engine_on(room_database, rules=other)
    assert [(c.kind, c.alert.dedup_key) for c in engine.tick(at(1)).changes] == [("resolved", "rule:depth:s2")]


def test_a_combination_that_comes_back_says_what_is_so_now(room_database: Database) -> None:
    handling = Handling(reopen_within_s=600)
    evaluators = build_evaluators(RULES, SENSORS, Nowhere(), DbSightingStore(room_database))
    engine = RuleEngine(
        RULES, SENSORS, DbAlertStore(room_database), DbReadingStore(room_database), lambda: T0, evaluators, handling
    )
    engine.load()
    for second, rain in ((0, 40.0), (60, 10.0), (90, 55.0)):
        engine.step(batch("rain_mm_h", [(second, 1, rain)]), at(second))
        engine.step(batch("depth_m", [(second, 2, 0.3)]), at(second))
        engine.tick(at(second + 30))
    (alert,) = [a for a in DbAlertStore(room_database).open_alerts() if a.rule_id == "rain-and-water"]
    assert alert.reopened == 1
    assert "站1:55" in alert.description


def test_a_clock_that_jumps_an_hour_ends_nothing_and_says_what_is_unknown(room_database: Database) -> None:
    engine = engine_on(room_database)
    for step in SCRIPT[:6]:
        play(room_database, engine, step)
    before = set(standing(room_database))
    jumped = engine.tick(at(3_700)).changes
    assert {(c.kind, c.alert.rule_id) for c in jumped} == {("updated", "rain-and-water"), ("resolved", "fire")}
    back = engine.tick(at(60)).changes
    assert [(c.kind, c.alert.dedup_key) for c in back] == [("updated", "rule:rain-and-water:371302")]
    assert set(standing(room_database)) == before - {"rule:fire:1"}
    DbSightingStore(room_database).add([fire(61, "z")])
    assert [c.kind for c in engine.tick(at(62)).changes] == ["fired"]  # what burns is told again
