"""Alert intake → stored → webhook out, beside Debian's prometheus-alertmanager, in one run with the same alerts.

    python -m bench.alertmanager [--rounds 3] [--only single,burst,killed]        (about 2 min)

Needs `prometheus-alertmanager` (apt-get install prometheus-alertmanager; it need not run as a service). Both get the
same alerts in one POST, group by county and name with `group_wait: 0s`, and tell the same receiver. Alertmanager stores
nothing on disk before it answers; we answer after the commit. Each round names its groups anew, so that no round waits
for the interval of the one before; ours and theirs take turns.
"""

import argparse
import os
import signal
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.alertmanager_peer import PROGRAM, Alertmanager, Post, Told, alerts, poster, receiver, routing
from bench.product import product, quantile, say
from tests.serving import Server

SINGLES = 200
BURSTS = (2_000, 20_000)
KILLED = 1_000


def single(name: str, post: Post, told: Told) -> list[float]:
    """POST → webhook received, one alert at a time, each in a group of its own; milliseconds."""
    took = []
    for number in range(SINGLES):
        tag = f"{name}{number}x{time.time_ns()}"
        body = alerts(tag, 1)
        began = time.time()
        post(body)
        while not (found := told.wait(1, 5))["seen"]:
            pass
        took.append((next(iter(found["seen"].values())) - began) * 1000)
        told.begin()
        time.sleep(0.01)
    return took


def burst(name: str, post: Post, told: Told, count: int) -> tuple[float, list[float], int, int]:
    """(seconds until answered, seconds from POST to webhook of each alert, messages, alerts that came)."""
    body = alerts(f"{name}{time.time_ns()}", count)
    told.begin()
    began = time.time()
    answered = post(body)
    found = told.wait(count)
    return answered, [at - began for at in found["seen"].values()], found["posts"], len(found["seen"])


def say_bursts(name: str, count: int, rounds: list[tuple[float, list[float], int, int]]) -> float:
    """Rows of one program's bursts; its median alerts/s end to end."""
    whole = statistics.median(count / max(took) if came == count else 0.0 for _, took, _, came in rounds)
    answer = statistics.median(count / answered for answered, _, _, _ in rounds)
    middle = statistics.median(quantile(took, 0.5) for _, took, _, _ in rounds)
    late = statistics.median(quantile(took, 0.99) for _, took, _, _ in rounds)
    messages = statistics.median(posts for _, _, posts, _ in rounds)
    came = min(came for _, _, _, came in rounds)
    say(
        f"burst of {count:,}, {name}",
        f"{whole:,.0f} alerts/s POST → webhook (p50 {middle:.2f} s, p99 {late:.2f} s); answered at {answer:,.0f}/s; "
        f"{messages:.0f} messages; {came:,} came",
    )
    return whole


def measure(rounds: int, parts: set[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="citybench-am-") as scratch, receiver() as hook:
        folder, told = Path(scratch), Told(hook)
        theirs = Alertmanager(hook, folder)
        settings = {
            "CITYBRAIN_ROUTING_FILE": str(routing(folder)),
            "CITYBRAIN_RECEIVERS": f"hook=http://127.0.0.1:{hook}/",
        }
        try:
            theirs.start()
            with product("small", **settings) as server, server.api("admin") as api:
                port = int(server.url.rsplit(":", 1)[1])
                both = {
                    "Alertmanager": poster(theirs.port),
                    "ours (committed first)": poster(port, str(api.headers["Authorization"])),
                }
                time.sleep(3)  # the kernels are compiled beside the first requests
                for name, post in both.items():
                    burst("warm", post, told, 500)
                    if "single" in parts:
                        told.begin()
                        took = single(name[0], post, told)
                        p50, p99 = quantile(took, 0.5), quantile(took, 0.99)
                        say(f"single, {name}", f"POST → webhook p50 {p50:.1f} p99 {p99:.1f} ms, n={len(took)}")
                for count in BURSTS if "burst" in parts else ():
                    results: dict[str, list[Any]] = {name: [] for name in both}
                    for _ in range(rounds):  # in turns: what the machine does besides falls on both
                        for name, post in both.items():
                            results[name].append(burst(name[0], post, told, count))
                            time.sleep(1.5)
                    rates = [say_bursts(name, count, found) for name, found in results.items()]
                    say(f"burst of {count:,}, ours : Alertmanager", f"{rates[1] / max(rates[0], 1e-9):.2f}")
        finally:
            theirs.kill()


def killed(rounds: int) -> None:
    """1,000 alerts are accepted, and before the group's wait is over the program is killed and started again."""
    with tempfile.TemporaryDirectory(prefix="citybench-am-") as scratch, receiver() as hook:
        folder, told = Path(scratch), Told(hook)
        theirs = Alertmanager(hook, folder, "3s")
        came = []
        for number in range(rounds):
            theirs.start()
            told.begin()
            poster(theirs.port)(alerts(f"k{number}", KILLED))
            theirs.kill()
            theirs.start()
            came.append(len(told.wait(KILLED, 8)["seen"]))
            theirs.kill()
        say("kill -9 before telling, Alertmanager", f"of {KILLED:,} accepted arrived: {came}")
        settings = {
            "CITYBRAIN_ROUTING_FILE": str(routing(folder, "3s")),
            "CITYBRAIN_RECEIVERS": f"hook=http://127.0.0.1:{hook}/",
        }
        with product("small", **settings) as server, server.api("admin") as api:
            post = poster(int(server.url.rsplit(":", 1)[1]), str(api.headers["Authorization"]))
            came = []
            for number in range(rounds):
                told.begin()
                post(alerts(f"k{number}", KILLED))
                kill_engine(server)
                came.append(len(told.wait(KILLED, 20)["seen"]))
            say("kill -9 before telling, ours", f"of {KILLED:,} accepted arrived: {came}")


def kill_engine(server: Server) -> None:
    (engine,) = server.children("engine")
    os.kill(engine, signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="single,burst,killed")
    given = parser.parse_args()
    if not Path(PROGRAM).exists():
        raise SystemExit("needs prometheus-alertmanager: apt-get install prometheus-alertmanager")
    parts = set(given.only.split(","))
    if parts & {"single", "burst"}:
        measure(given.rounds, parts)
    if "killed" in parts:
        killed(given.rounds)


if __name__ == "__main__":
    main()
