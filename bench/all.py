"""All benches in turn, each in a process of its own and bounded in time; then one table of what they said.

    python -m bench.all [--only intake,push] [--quick]        (about 8 min; --quick about 4)

A row is a line `name | value` on a bench's output. A bench that fails or takes too long is named, the others go on;
the exit code says whether all ended well.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.product import ROOT, machine, sample_city


@dataclass(frozen=True, slots=True)
class Bench:
    """One bench: its module, arguments (`{city}` is the full sample city's folder) and most seconds."""

    name: str
    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    limit_s: float = 240.0


BENCHES = (
    Bench("kernel"),
    Bench("startup"),
    Bench("intake", quick=("--rounds", "4")),
    Bench("alertmanager", quick=("--rounds", "1"), limit_s=300.0),
    Bench("push", quick=("--times", "20")),
    Bench("operator_list"),
    Bench("combinations"),
    Bench("scale"),
    Bench("roads", quick=("--queries", "50")),
    Bench("tiles_vs_postgis", ("{city}",)),
    Bench("map_pan", ("{city}",)),
)


def run(bench: Bench, quick: bool, city: Path) -> tuple[list[tuple[str, str]], str]:
    """The rows of one bench, and what went wrong ("" when nothing did). Its output is shown as it comes."""
    arguments = [word.format(city=city) for word in (*bench.arguments, *(bench.quick if quick else ()))]
    command = [sys.executable, "-m", f"bench.{bench.name}", *arguments]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        trouble = ""
        try:
            if code := process.wait(bench.limit_s):
                trouble = f"ended with code {code}"
        except subprocess.TimeoutExpired:
            trouble = f"took more than {bench.limit_s:.0f} s"
            process.terminate()  # a bench takes its product down when told to end
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        output.seek(0)
        text = output.read()
    if trouble:
        print(text[-4_000:], file=sys.stderr)
    return rows_of(text), trouble


def rows_of(text: str) -> list[tuple[str, str]]:
    """Lines as (name, value); a bench that prints JSON gives one row a key, one that prints prose one row a line."""
    try:
        return [(str(name), str(value)) for name, value in json.loads(text).items()]
    except ValueError:
        pairs = [line.partition(" | ") for line in text.splitlines() if line.strip()]
        return [(name.strip(), value.strip()) for name, _, value in pairs]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="names of benches, parted by commas")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    given = parser.parse_args()
    wanted = set(given.only.split(",")) - {""}
    if unknown := wanted - {bench.name for bench in BENCHES}:
        parser.error(f"no bench {', '.join(sorted(unknown))}; there are {', '.join(bench.name for bench in BENCHES)}")
    print(f"machine: {machine()}", flush=True)
    city, table, failed = sample_city("full"), list[tuple[str, str, str]](), False
    for bench in BENCHES:
        if wanted and bench.name not in wanted:
            continue
        begun = time.monotonic()
        print(f"… {bench.name} (at most {bench.limit_s:.0f} s)", flush=True)
        rows, trouble = run(bench, given.quick, city)
        table += [(bench.name, name, value) for name, value in rows if not trouble or value]
        table += [(bench.name, "NOT MEASURED", trouble)] if trouble else []
        failed = failed or bool(trouble)
        print(f"  {trouble or 'done'} after {time.monotonic() - begun:.0f} s", flush=True)
    print("\n| bench | figure | value |\n| --- | --- | --- |")
    for row in table:
        print("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
