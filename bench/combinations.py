"""What a combination costs: one rule over 1,000 sensors, a batch of half of them, and the tick of every second.

python -m bench.combinations        (about 5 s)
"""

import statistics
import time
from datetime import UTC, datetime, timedelta

import numpy as np

from alerts.combined import CombinationEvaluator
from alerts.evaluators import Stored
from alerts.ports import ReadingBatch
from alerts.rules import parse_rules
from alerts.sensors import SensorInfo
from bench.product import machine
from geodata.clock import epoch_ms

SENSORS, ROUNDS = 1_000, 200
T0 = datetime(2026, 7, 1, tzinfo=UTC)
RAIN = "{sensors: {all: true}, quantity: rain_mm_h, above: 30}"
DEPTH = "{sensors: {all: true}, quantity: depth_m, above: 0.15, hold_s: 60}"
RULE = """
rules:
  - {{id: r, kind: combination, title: t, event: e, level: red, native: n, source: s, per: {per}, when: {when}}}
"""
QUANTITIES = ("rain_mm_h", "depth_m")


def evaluator(per: str) -> CombinationEvaluator:
    sensors = {
        no: SensorInfo(
            no,
            f"s{no}",
            f"站{no}",
            "g",
            118.3,
            35.1,
            f"3713{no // 2 % 12:02d}",
            "",
            (QUANTITIES[no % 2],),
            f"a{no // 4}",
        )
        for no in range(1, SENSORS + 1)
    }
    when = f"{{all: [{RAIN}, {{any: [{DEPTH}, {{not: {RAIN}}}]}}]}}"
    made = CombinationEvaluator(parse_rules(RULE.format(per=per, when=when)).rules[0], sensors)
    made.restore(Stored({}, {}, {}), T0)
    return made


def run(per: str, changing: float) -> tuple[list[float], list[float], int]:
    """(seconds of each batch, seconds of each tick, findings): `changing` of the sensors move across a threshold."""
    rng, made = np.random.default_rng(5), evaluator(per)
    numbers = [np.array([no for no in range(1, SENSORS + 1) if no % 2 == which], np.int32) for which in (0, 1)]
    values = [np.zeros(len(one)) for one in numbers]
    steps, ticks, found = [], [], 0
    for turn in range(ROUNDS):
        which, now = turn % 2, T0 + timedelta(seconds=turn * 10)
        moved = rng.random(len(values[which])) < changing
        values[which][moved] = np.where(values[which][moved] > 0, 0.0, 40.0 if which == 0 else 0.4)
        moments = np.full(len(numbers[which]), epoch_ms(now))
        batch = ReadingBatch(QUANTITIES[which], numbers[which], values[which].copy(), moments, epoch_ms(now))
        for kept, act in ((steps, lambda b=batch, n=now: made.observe(b, n)), (ticks, lambda n=now: made.tick(n))):
            began = time.perf_counter()
            outcome = act()
            kept.append(time.perf_counter() - began)
            if outcome is not None:
                made.adopt(outcome)
                found += len(outcome.findings)
    return steps[4:], ticks[4:], found


def main() -> None:
    print(machine())
    print(f"combination over {SENSORS} sensors, batches of {SENSORS // 2}; milliseconds: median / worst of {ROUNDS}")
    for per in ("all", "county", "asset"):
        for changing in (0.0, 0.01, 0.3):
            steps, ticks, found = run(per, changing)
            step, tick = ([1e3 * one for one in (statistics.median(times), max(times))] for times in (steps, ticks))
            told = f"{step[0]:.2f} / {step[1]:.2f}, tick {tick[0]:.2f} / {tick[1]:.2f}, {found} findings"
            print(f"combination per {per}, {changing:.0%} of the sensors changing, ms | {told}")


if __name__ == "__main__":
    main()
