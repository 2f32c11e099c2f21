"""The real product for benchmarks: sample city, process tree, sign-in, CPU and memory of its parts, and one-line notes.

Everything goes to 127.0.0.1. `CITYBRAIN_BENCH_DIR` (default `var/bench`) keeps the sample cities between runs.
"""

import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.serving import PASSWORD, ROOT, Server

CHROMIUM = "/usr/bin/chromium"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def sample_city(scale: str) -> Path:
    """A data directory with the sample city of `scale`, made when it is not there yet."""
    folder = Path(os.environ.get("CITYBRAIN_BENCH_DIR", ROOT / "var" / "bench")) / scale
    if not (folder / "layers" / "city_components.parquet").exists():
        environment = {**os.environ, "CITYBRAIN_DATA_DIR": str(folder)}
        command = [sys.executable, str(ROOT / "app.py"), "sample", "--scale", scale]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    return folder


@contextmanager
def product(scale: str, **settings: str) -> Iterator[Server]:
    """The product over a fresh copy of the sample city, demo accounts, no drill; all of it is gone afterwards."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ended from outside: still take the product down
    with tempfile.TemporaryDirectory(prefix="citybench-") as scratch:
        data_dir = Path(scratch) / "data"
        shutil.copytree(sample_city(scale), data_dir)
        server = Server(data_dir, CITYBRAIN_DEMO="true", CITYBRAIN_DRILL="", **settings)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def parts(server: Server) -> dict[str, int]:
    """Process id by name (`city-web-1`, `city-engine`, `redis-server`, …) of everything below `serve`."""
    return {name: pid for pid, name in sorted(tree(server).items(), reverse=True)}


def tree(server: Server) -> dict[int, str]:
    """Name by process id of `serve` and everything below it."""
    assert server.process is not None
    names, parents = dict[int, str](), dict[int, int]()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                head, _, tail = folder.joinpath("stat").read_text().rpartition(")")
            except OSError:
                continue
            names[int(folder.name)] = head.partition("(")[2]
            parents[int(folder.name)] = int(tail.split()[1])
    ours = {server.process.pid}
    while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return {pid: names[pid] for pid in ours if pid in names}


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has spent, user and system, all threads."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS_PER_S


def tree_cpu_s(server: Server) -> float:
    """Seconds of CPU of the whole process tree, with the children that have ended."""
    total = 0.0
    for pid in tree(server):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(word) for word in words[11:15]) / TICKS_PER_S
    return total


def cpu_by_part(server: Server, names: Sequence[str] = ("city-web-1", "city-engine", "redis-server")) -> list[float]:
    found = parts(server)
    return [cpu_s(found[name]) for name in names]


def memory_mb(pid: int) -> tuple[float, float]:
    """(RSS, PSS) in MB of 10⁶ bytes; PSS counts a shared page by its share."""
    rows = [line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]]
    sizes = {row[0]: int(row[1]) * 1024 / 1e6 for row in rows}
    return sizes["Rss:"], sizes["Pss:"]


def quantile(values: Iterable[float], share: float) -> float:
    """Nearest-rank quantile: a value that really occurred."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def spread(values: Sequence[float], unit: str = "ms") -> str:
    """median, p99 and worst of `values`, as words."""
    return (
        f"n={len(values)} median {statistics.median(values):.1f} p95 {quantile(values, 0.95):.1f} "
        f"p99 {quantile(values, 0.99):.1f} worst {max(values):.1f} {unit}"
    )


def sign_in(page: Any, server: Server, path: str, username: str = "duty") -> None:
    """Sign a Playwright page in and wait for the screen at `path`."""
    page.goto(f"{server.url}/login?next={path}")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")


def machine() -> str:
    """One line on where the figures come from, with the load at this moment."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load average {load}"


def say(name: str, value: str) -> None:
    """One row of the result: `name | value`. `bench.all` gathers the rows of all benches into one table."""
    print(f"{name} | {value}", flush=True)
