"""The rules kernel alone, beside per-series evaluation as Prometheus does it and beside plain numpy.

    python -m bench.kernel        (about 20 s)

A comparison is one reading against one threshold of one rule. All ways judge the same readings against the same
thresholds in one process and one thread, by its CPU time; what they found is compared before anything is timed.
"""

import gc
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import numpy as np
import orjson

from alerts.intake import check_observations
from alerts.model import Level
from alerts.ports import ReadingBatch
from alerts.quantities import QUANTITIES
from alerts.rules import LevelStep, Rule, SensorFilter, parse_rules
from alerts.sensors import SensorInfo
from alerts.slots import SlotState, SlotTable, build_slots, in_observed_order, passed, stepped
from bench.product import machine
from geodata.clock import epoch_ms, from_epoch_ms

SENSORS, RULES, ROUNDS, TURNS = 50_000, 4, 24, 3
T0 = epoch_ms(datetime(2026, 7, 1, tzinfo=UTC))
ALL = SensorFilter(all=True)
LEVELS = tuple(zip((Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED), (0.15, 0.20, 0.27, 0.5), strict=True))


def rules(hold_s: float = 0.0, deadband: float = 0.0, fall_hold_s: float = 0.0) -> list[Rule]:
    """Four rules of four levels each, every one on every sensor."""
    return [
        Rule(
            f"r{no}", "t", "e", "depth_m", ALL,
            tuple(LevelStep(level, at + no / 100, "n", hold_s) for level, at in LEVELS),
            deadband=deadband, fall_hold_s=fall_hold_s,
        )
        for no in range(RULES)
    ]  # fmt: skip


def sensors(count: int, quantity: str = "depth_m") -> dict[int, SensorInfo]:
    return {no: SensorInfo(no, f"s{no}", f"s{no}", "gauge", quantities=(quantity,)) for no in range(1, count + 1)}


def values() -> list[np.ndarray]:
    """A calm city: one sensor in a hundred stands somewhere near the thresholds, and moves."""
    rng = np.random.default_rng(1)
    base = np.where(rng.random(SENSORS) < 0.01, rng.uniform(0.1, 0.6, SENSORS), rng.uniform(0.0, 0.05, SENSORS))
    return [np.round(base + rng.uniform(-0.01, 0.01, SENSORS), 3) for _ in range(ROUNDS)]


def batches(rounds: list[np.ndarray]) -> list[ReadingBatch]:
    numbers = np.arange(1, SENSORS + 1, dtype=np.int32)
    return [
        ReadingBatch("depth_m", numbers, value, np.full(SENSORS, T0 + 60_000 * turn), 0)
        for turn, value in enumerate(rounds)
    ]


def best(work: Callable[[], object]) -> float:
    """CPU seconds of the quickest of a few turns, the rubbish taken out first."""
    took = []
    for _ in range(TURNS):
        gc.collect()
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return min(took)


def by_kernel(table: SlotTable, given: list[ReadingBatch]) -> SlotState:
    state = SlotState.fresh(len(table.rule_of))
    for batch in given:
        state, _ = stepped(table, state, in_observed_order(batch))
    return state


class Series:
    """Prometheus keeps for every rule a map from the labels' fingerprint to the active alert, and walks all samples."""

    def __init__(self, chosen: list[Rule]) -> None:
        self.rules = [(rule.id, step.at, step.level, step.hold_s * 1000) for rule in chosen for step in rule.levels]
        self.active: dict[tuple[str, int, int], list[int]] = {}

    def evaluate(self, numbers: list[int], read: list[float], now_ms: int) -> None:
        for rule_id, at, level, hold_ms in self.rules:
            for number, value in zip(numbers, read, strict=True):
                key = (rule_id, level, number)
                if value >= at:
                    one = self.active.setdefault(key, [now_ms, 0])
                    if now_ms - one[0] >= hold_ms:
                        one[1] = 1
                elif key in self.active:
                    del self.active[key]


def by_numpy(chosen: list[Rule], rounds: list[np.ndarray]) -> np.ndarray:
    """Levels and holds over whole arrays; no deadband, no late readings, every sensor in every batch."""
    at = np.array([[step.at for step in rule.levels] for rule in chosen])
    hold_ms = np.array([[step.hold_s * 1000 for step in rule.levels] for rule in chosen])
    since = np.full((*at.shape, SENSORS), np.iinfo(np.int64).max)
    level = np.zeros((len(chosen), SENSORS), np.int8)
    for turn, value in enumerate(rounds):
        now_ms = T0 + 60_000 * turn
        reached = value >= at[:, :, None]
        since = np.where(reached, np.minimum(since, now_ms), np.iinfo(np.int64).max)
        ripe = reached & (now_ms - since >= hold_ms[:, :, None])
        level = (ripe * np.arange(1, 5, dtype=np.int8)[:, None]).max(axis=1)
    return level


def thresholds(rounds: list[np.ndarray], given: list[ReadingBatch]) -> None:
    comparisons = ROUNDS * SENSORS * RULES * 4
    pairs = ROUNDS * SENSORS * RULES
    for name, chosen in (
        ("thresholds", rules()),
        ("with hold and deadband", rules(60.0, 0.02)),
        ("with hold, deadband and fall hold", rules(60.0, 0.02, 300.0)),
    ):
        table = build_slots(chosen, "depth_m", sensors(SENSORS))
        by_kernel(table, given[:2])  # compiled, or read from disk
        took = best(partial(by_kernel, table, given))
        speed = f"{comparisons / took / 1e6:,.0f} M comparisons/s, {pairs / took / 1e6:.1f} M readings·rules/s"
        print(f"kernel, {name} | {speed}")
    chosen = rules(60.0)
    table = build_slots(chosen, "depth_m", sensors(SENSORS))
    expected = np.bincount(by_kernel(table, given).level, minlength=5)
    assert (np.bincount(by_numpy(chosen, rounds).ravel(), minlength=5) == expected).all()
    took = best(lambda: by_kernel(table, given))
    print(f"the same with a hold, kernel | {comparisons / took / 1e6:,.0f} M comparisons/s")
    took = best(lambda: by_numpy(chosen, rounds))
    print(f"the same with a hold, plain numpy | {comparisons / took / 1e6:,.0f} M comparisons/s")
    few, series = 2, Series(chosen)
    numbers = given[0].sensor_no.tolist()
    columns = [value.tolist() for value in rounds[:few]]
    begun = time.process_time()
    for turn, column in enumerate(columns):
        series.evaluate(numbers, column, T0 + 60_000 * turn)
    took = time.process_time() - begun
    fired = len({(rule, number) for (rule, _, number), one in series.active.items() if one[1]})
    assert fired == np.count_nonzero(by_kernel(table, given[:few]).level)
    print(f"the same with a hold, a series at a time | {comparisons * few / ROUNDS / took / 1e6:,.1f} M comparisons/s")


def through_json(given: list[ReadingBatch]) -> None:
    """As they come over HTTP: columns of 1,000, parsed, checked against the registry and the ranges, judged."""
    known, now = {f"s{no}": no for no in range(1, SENSORS + 1)}, from_epoch_ms(T0 + 3_600_000)
    for size, count in ((1_000, 1), (10_000, 1), (10_000, RULES)):
        table = build_slots(rules(0.0, 0.02)[:count], "depth_m", sensors(SENSORS))
        bodies = [
            orjson.dumps(
                {
                    "quantity": "depth_m",
                    "observed_at": from_epoch_ms(int(batch.observed_ms[0])).isoformat(),
                    "sensor": [f"s{no}" for no in batch.sensor_no[first : first + size].tolist()],
                    "value": batch.value[first : first + size].tolist(),
                }
            )
            for batch in given[:4]
            for first in range(0, SENSORS, size)
        ]

        def work(bodies: list[bytes] = bodies, table: SlotTable = table) -> None:
            state = SlotState.fresh(len(table.rule_of))
            for body in bodies:
                for batch in check_observations(orjson.loads(body), known, QUANTITIES, now).batches:
                    state, _ = stepped(table, state, in_observed_order(batch))

        work(bodies[:2])
        print(
            f"JSON columns of {size:,}, {count} rules of 4 levels | {4 * SENSORS / best(work) / 1e6:.2f} M readings/s"
        )


def windows() -> None:
    """Twelve hours of 1,000 gauges, a reading a minute, the rainstorm signals over 12, 6 and 3 hours."""
    [rule] = parse_rules("""
rules:
- {id: rain, kind: window, measure: integral, per_s: 3600, unit: mm, title: t, event: e, quantity: rain_mm_h,
   sensors: {all: true}, source: t, max_gap_s: 900, levels: [{level: blue, at: 50, window_s: 43200, native: b},
   {level: yellow, at: 50, window_s: 21600, native: y}, {level: orange, at: 50, window_s: 10800, native: o},
   {level: red, at: 100, window_s: 10800, native: r}]}
""").rules
    table, rng, count, minutes = (
        build_slots([rule], "rain_mm_h", sensors(1_000, "rain_mm_h")),
        np.random.default_rng(2),
        1_000,
        1_440,
    )
    numbers = np.arange(1, count + 1, dtype=np.int32)
    rain = [rng.gamma(0.5, 10, count).round(1) for _ in range(minutes)]
    state, took = SlotState.fresh(count), 0.0
    for minute in range(minutes):
        batch = ReadingBatch("rain_mm_h", numbers, rain[minute], np.full(count, T0 + 60_000 * minute), 0)
        begun = time.process_time()
        state, _ = stepped(table, state, batch)
        took += time.process_time() - begun
    size = sum(array.nbytes for array in state.pool.samples) / 1e6
    rate = count * minutes / took / 1e6
    print(f"rainstorm signals, 1,000 gauges over a day | {rate:.2f} M readings/s, pool {size:.0f} MB")


def small_steps(given: list[ReadingBatch]) -> None:
    """What a step costs however few readings it has, and ten thousand sensors falling silent."""
    chosen = rules(60.0, 0.02)
    table = build_slots(chosen[:1], "depth_m", sensors(SENSORS))
    state = SlotState.fresh(SENSORS)
    for batch in given:
        state, _ = stepped(table, state, batch)
    one = ReadingBatch("depth_m", np.array([7], np.int32), np.array([0.01]), np.array([T0 + 10**8]), 0)
    print(f"one reading among {SENSORS:,} slots | {best(lambda: stepped(table, state, one)) * 1e3:.2f} ms a step")
    [silent] = parse_rules("""
rules:
- {id: a, kind: absence, title: t, event: e, quantity: depth_m, sensors: {all: true}, source: t,
   levels: [{level: blue, absent_after_s: 900, native: b}]}
""").rules
    waiting = build_slots([silent], "depth_m", sensors(10_000))
    fresh = SlotState.fresh(10_000)
    assert len(passed(waiting, fresh.copy(), T0 + 900_000, T0)) == 10_000
    took = best(lambda: passed(waiting, fresh.copy(), T0 + 900_000, T0))
    print(f"10,000 sensors silent at once, never heard among them | {took * 1e3:.1f} ms")


def main() -> None:
    print(f"machine | {machine()}")
    rounds = values()
    given = batches(rounds)
    thresholds(rounds, given)
    through_json(given)
    windows()
    small_steps(given)


if __name__ == "__main__":
    main()
