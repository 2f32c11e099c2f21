"""The full sample city in the running product: memory, load time, tiles over HTTP with a sign-in, first bytes.

    python -m bench.scale        (about 60 s)

Tiles are asked for by 8 clients on kept connections, as a browser does (gzip accepted): first every tile of the list
once, so that each is made, then all again, so that each comes from the cache.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np

from bench.product import ROOT, cpu_by_part, machine, memory_mb, parts, product, quantile, sample_city, say, spread
from geodata.catalog import Catalog
from geodata.city import City
from geodata.points import PointIndex
from tests.serving import Server

LAYER = "city_components"
ZOOMS = (12, 13, 14, 15, 16)
CLIENTS = 8
TILES = 1_600
Place = tuple[int, int, int]


def distinct_tiles(index: PointIndex, zoom: int) -> list[Place]:
    """At most `TILES` tiles with something in them, each once, in random order."""
    shift = np.uint32(32 - zoom)
    pairs = np.unique(np.stack([index.x >> shift, index.y >> shift]), axis=1)
    chosen = np.random.default_rng(zoom).permutation(pairs.shape[1])[:TILES]
    return [(zoom, int(pairs[0, at]), int(pairs[1, at])) for at in chosen]


async def _client(url: httpx.URL, token: str, places: list[Place], times_ms: list[float]) -> int:
    """Ask for the tiles one after another; returns how many bytes came."""
    reader, writer = await asyncio.open_connection(url.host, url.port or 80)
    head = f"HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: Bearer {token}\r\nAccept-Encoding: gzip\r\n\r\n"
    size = 0
    for z, x, y in places:
        begun = time.perf_counter()
        writer.write(f"GET /tiles/{LAYER}/{z}/{x}/{y}.pbf {head}".encode())
        answer = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert answer.startswith(b"http/1.1 200"), answer
        size += len(await reader.readexactly(int(answer.split(b"content-length:")[1].split(b"\r\n")[0])))
        times_ms.append((time.perf_counter() - begun) * 1000)
    writer.close()
    return size


def tiles(server: Server, api: httpx.Client, index: PointIndex) -> None:
    token = api.headers["Authorization"].split()[1]
    for zoom in ZOOMS:
        places = distinct_tiles(index, zoom)
        for turn in ("made", "cached"):
            times: list[float] = []

            async def all_of_them(places: list[Place] = places, times: list[float] = times) -> int:
                shares = [places[number::CLIENTS] for number in range(CLIENTS)]
                return sum(await asyncio.gather(*(_client(api.base_url, token, one, times) for one in shares)))

            before, begun = cpu_by_part(server)[0], time.perf_counter()
            size = asyncio.run(all_of_them())
            took, cpu = time.perf_counter() - begun, cpu_by_part(server)[0] - before
            say(
                f"tiles z{zoom} {turn}, 8 clients",
                f"p50 {quantile(times, 0.5):.1f} p95 {quantile(times, 0.95):.1f} ms, {len(times) / took:,.0f} tiles/s, "
                f"web CPU {cpu / len(times) * 1000:.2f} ms a tile, {size / len(times) / 1000:.1f} kB a tile "
                f"({len(times)} distinct)",
            )


def first_bytes(api: httpx.Client) -> None:
    for path in ("/desk", "/desk/_dash-layout", "/desk/_dash-dependencies", "/wall/_dash-layout", "/healthz"):
        times = []
        for _ in range(21):
            begun = time.perf_counter()
            with api.stream("GET", path, headers={"Accept": "text/html"}) as answer:
                assert answer.status_code == 200, answer.status_code
                times.append((time.perf_counter() - begun) * 1000)
                size = len(answer.read())
        say(f"first byte {path}", f"first {times[0]:.0f} ms, then {spread(times[1:])}; {size / 1000:.0f} kB")


def load_alone(data_dir: Path) -> None:
    """`City.load` in a process of its own."""
    before = memory_mb(int(Path("/proc/self").resolve().name))[0]
    begun, cpu = time.perf_counter(), time.process_time()
    city = City.load(Catalog(data_dir))
    took, spent = time.perf_counter() - begun, time.process_time() - cpu
    count = sum(len(index) for index in (*city.points.values(), *city.shapes.values()))
    after = memory_mb(int(Path("/proc/self").resolve().name))[0]
    say("City.load alone", f"{count:,} features in {took:.2f} s (CPU {spent:.2f} s), +{after - before:.0f} MB resident")


def memory(server: Server, when: str) -> None:
    for name, pid in sorted(parts(server).items()):
        if name.startswith(("city-web", "city-engine", "redis")):
            rss, pss = memory_mb(pid)
            say(f"memory {name}, {when}", f"RSS {rss:.0f} MB, PSS {pss:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--load-only", type=Path, help="only measure City.load on this data directory")
    given = parser.parse_args()
    if given.load_only:
        load_alone(given.load_only)
        return
    folder = sample_city("full")
    command = [sys.executable, "-m", "bench.scale", "--load-only", str(folder)]
    for _ in range(3):
        subprocess.run(command, cwd=ROOT, check=True)
    index = City.load(Catalog(folder), [LAYER]).points[LAYER]
    with product("full") as server, server.api("duty") as api:
        time.sleep(3)  # kernels compile or load beside the first requests
        memory(server, "started")
        first_bytes(api)
        tiles(server, api, index)
        memory(server, "after the tiles")
    say("machine (scale)", machine())


if __name__ == "__main__":
    main()
