"""50,000 sensors reporting once a minute: HTTP intake → bus → rules → database, by CPU, by rate, and by count.

    python -m bench.intake [--rounds 10] [--scale full]        (about 90 s)

A round is one reading of every sensor, so "one minute of the city". CPU is read from /proc for the web process, the
engine and Redis; the sender's own is not counted. Every part ends by comparing what was accepted with what is stored.
"""

import argparse
import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import Sequence
from datetime import datetime

import httpx
import orjson
import pandas as pd

from bench.product import cpu_by_part, machine, parts, product, sample_city, say, spread
from geodata.clock import epoch_ms, from_epoch_ms, utc_now
from tests.serving import Server, until

CALM = {"depth_m": 0.05, "level_m": 1.2, "stage_m": 60.0, "flow_m3s": 100.0, "rain_mm_h": 0.5, "tilt_deg": 0.3,
        "temperature_c": 18.0, "gas_lel_pct": 2.0}  # fmt: skip
FLOODED = 20  # gauges above their threshold in a round: so that alerts are made, too
BATCH = 1_000
CLIENTS = 4
SINGLES = 2_000


class Readings:
    """Request bodies for the sensors of the sample city; every round has its own moment, so no row repeats."""

    def __init__(self, scale: str) -> None:
        frame = pd.read_parquet(sample_city(scale) / "layers" / "sensors.parquet", columns=["id", "quantities"])
        self.by_quantity: dict[str, list[str]] = {}
        for sensor, quantities in zip(frame["id"], frame["quantities"], strict=True):
            self.by_quantity.setdefault(quantities.split(",")[0], []).append(sensor)
        self.count = len(frame)
        self.flooded = set(self.by_quantity["depth_m"][:FLOODED])
        self.moment_ms = epoch_ms(utc_now()) - 3 * 3_600_000

    def value(self, sensor: str, quantity: str) -> float:
        return 0.35 if sensor in self.flooded else CALM[quantity]

    def round(self, rows: bool) -> list[bytes]:
        """One reading of every sensor, in requests of `BATCH`, as rows or as columns."""
        self.moment_ms += 1_000
        at = from_epoch_ms(self.moment_ms).isoformat()
        bodies = []
        for quantity, sensors in self.by_quantity.items():
            for start in range(0, len(sensors), BATCH):
                part = sensors[start : start + BATCH]
                values = [self.value(sensor, quantity) for sensor in part]
                if rows:
                    items = [
                        {"sensor": sensor, "quantity": quantity, "value": value, "observed_at": at}
                        for sensor, value in zip(part, values, strict=True)
                    ]
                    bodies.append(orjson.dumps({"observations": items}))
                else:
                    columns = {"quantity": quantity, "observed_at": at, "sensor": part, "value": values}
                    bodies.append(orjson.dumps(columns))
        return bodies

    def singles(self, count: int) -> list[bytes]:
        """`count` requests with one reading each."""
        sensors, bodies = self.by_quantity["level_m"], []
        for number in range(count):
            if number % len(sensors) == 0:
                self.moment_ms += 1_000
            at = from_epoch_ms(self.moment_ms).isoformat()
            row = {"sensor": sensors[number % len(sensors)], "quantity": "level_m", "value": 1.1, "observed_at": at}
            bodies.append(orjson.dumps({"observations": [row]}))
        return bodies


async def _client(host: str, port: int, token: str, bodies: Sequence[bytes], times_ms: list[float]) -> int:
    """Post the bodies one after another over one connection; returns how many readings were accepted."""
    reader, writer = await asyncio.open_connection(host, port)
    head = f"POST /api/v1/observations HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: "
    accepted = 0
    for body in bodies:
        begun = time.perf_counter()
        writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        said = await reader.readexactly(length)
        if not answer.startswith(b"HTTP/1.1 202"):
            raise RuntimeError(f"{answer!r} {said!r}")
        times_ms.append((time.perf_counter() - begun) * 1000)
        accepted += orjson.loads(said)["accepted"]
    writer.close()
    return accepted


def post(api: httpx.Client, bodies: Sequence[bytes], clients: int = CLIENTS) -> tuple[int, list[float]]:
    """Accepted readings, and milliseconds of every request, with `clients` connections at once."""
    token, times = api.headers["Authorization"].split()[1], list[float]()

    async def all_of_them() -> int:
        shares = [bodies[number::clients] for number in range(clients)]
        url = api.base_url
        return sum(await asyncio.gather(*(_client(url.host, url.port or 80, token, one, times) for one in shares)))

    return asyncio.run(all_of_them()), times


def stored(server: Server) -> int:
    """Rows of history in the database."""
    with sqlite3.connect(f"file:{server.data_dir / 'citybrain.sqlite'}?mode=ro", uri=True) as database:
        return int(database.execute("SELECT count(*) FROM readings").fetchone()[0])


def caught_up(api: httpx.Client) -> None:
    """Wait until the engine has stored and acknowledged everything."""
    until(lambda: api.get("/readyz").json()["parts"]["bus"].get("backlog") == 0, 120, 0.02)


def minute(server: Server, api: httpx.Client, readings: Readings, rows: bool) -> None:
    before, rows_before = cpu_by_part(server), stored(server)
    bodies, begun = readings.round(rows), time.perf_counter()
    accepted, times = post(api, bodies)
    caught_up(api)
    took = time.perf_counter() - begun
    spent = [after - one for after, one in zip(cpu_by_part(server), before, strict=True)]
    kept = stored(server) - rows_before
    form = "rows" if rows else "columns"
    say(
        f"one minute of {readings.count:,} sensors, {form}",
        f"CPU {sum(spent):.2f} s (web {spent[0]:.2f}, engine {spent[1]:.2f}, Redis {spent[2]:.2f}); "
        f"done in {took:.2f} s; request {spread(times)}; accepted {accepted:,} stored {kept:,}",
    )


def saturation(server: Server, api: httpx.Client, readings: Readings, rounds: int, rows: bool) -> None:
    bodies = [body for _ in range(rounds) for body in readings.round(rows)]
    rows_before, before, begun = stored(server), cpu_by_part(server), time.perf_counter()
    accepted, _ = post(api, bodies)
    taken = time.perf_counter() - begun
    caught_up(api)
    took = time.perf_counter() - begun
    spent = [after - one for after, one in zip(cpu_by_part(server), before, strict=True)]
    kept = stored(server) - rows_before
    say(
        f"saturation, {'rows' if rows else 'columns'} of {BATCH:,}",
        f"{accepted / took:,.0f} readings/s to the database ({accepted / taken:,.0f}/s accepted); {accepted:,} in "
        f"{took:.1f} s; CPU web {spent[0]:.1f}, engine {spent[1]:.1f}, Redis {spent[2]:.1f} s; stored {kept:,}",
    )


def singles(server: Server, api: httpx.Client, readings: Readings, clients: int) -> None:
    bodies, rows_before, before = readings.singles(SINGLES), stored(server), cpu_by_part(server)
    begun = time.perf_counter()
    accepted, times = post(api, bodies, clients)
    took = time.perf_counter() - begun
    caught_up(api)
    web, engine, _ = (after - one for after, one in zip(cpu_by_part(server), before, strict=True))
    say(
        f"single readings, {clients} connections",
        f"{accepted / took:,.0f} requests/s; {spread(times)}; CPU a request: web {web / accepted * 1000:.2f} ms, "
        f"engine {engine / accepted * 1000:.2f} ms; accepted {accepted:,} stored {stored(server) - rows_before:,}",
    )


def kill(server: Server, api: httpx.Client, readings: Readings, rounds: int) -> None:
    """The engine is killed with -9 twice while readings come in; nothing may be lost, nothing stored twice."""
    rows_before, accepted, killed = stored(server), 0, []
    for number in range(rounds):
        bodies = readings.round(rows=False)
        half = len(bodies) // 2
        accepted += post(api, bodies[:half])[0]
        if number in (1, rounds - 2):
            until(lambda: "city-engine" in parts(server), 20)
            killed.append(parts(server)["city-engine"])
            os.kill(killed[-1], signal.SIGKILL)
        accepted += post(api, bodies[half:])[0]
    begun = time.perf_counter()
    until(lambda: parts(server).get("city-engine", killed[-1]) != killed[-1], 30)
    caught_up(api)
    kept = stored(server) - rows_before
    open_alerts = api.get("/api/v1/alerts?state=open&limit=500").json()["items"]
    same = "nothing lost, nothing twice" if kept == accepted else "DIFFERENT"
    sensors = [alert["sensor"] for alert in open_alerts if alert.get("sensor")]
    say(
        "engine killed (-9) twice in the middle",
        f"accepted {accepted:,} stored {kept:,} ({same}); "
        f"rules at work again {away(server)} s after each kill, backlog gone {time.perf_counter() - begun:.1f} s after "
        f"the last reading; open alerts {len(open_alerts)}, "
        f"sensors with more than one: {len(sensors) - len(set(sensors))}",
    )


def away(server: Server) -> str:
    """Seconds from each end of the engine to the next one judging readings, as the log tells."""
    gaps, ended = [], None
    for line in server.said().splitlines():
        if '"part.ended"' in line or '"engine.rules-active"' in line:
            told = orjson.loads(line)
            at = datetime.fromisoformat(told["timestamp"])
            if told["event"] == "part.ended":
                ended = at
            elif ended is not None:
                gaps.append((at - ended).total_seconds())
                ended = None
    return " and ".join(f"{gap:.1f}" for gap in gaps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--scale", choices=("small", "full"), default="full")
    given = parser.parse_args()
    readings = Readings(given.scale)
    with product(given.scale) as server, server.api("admin", timeout=60) as api:
        minute(server, api, readings, rows=False)  # the first also fills tables and caches
        for rows in (False, True):
            minute(server, api, readings, rows)
        for rows in (False, True):
            saturation(server, api, readings, given.rounds, rows)
        for clients in (1, 8):
            singles(server, api, readings, clients)
        kill(server, api, readings, max(4, given.rounds // 2))
    say("machine (intake)", machine())


if __name__ == "__main__":
    main()
