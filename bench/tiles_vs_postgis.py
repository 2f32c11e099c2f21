"""Our tiles against PostGIS ST_AsMVT: the same points, the same tiles, the same content, in one run.

    python -m bench.tiles_vs_postgis [DATA_DIR]        (DATA_DIR holds layers/city_components.parquet; about 3 minutes)

Single-threaded encode without any cache on either side; then HTTP with 8 clients against our server.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import mapbox_vector_tile
import numpy as np

from bench.postgis import Cluster, load_points
from geodata.catalog import Catalog
from geodata.city import City
from geodata.points import PointIndex
from geodata.tiles import cell_tile, point_tile, warm_up

LAYER = "city_components"
HTTP_PORT = 8101
SECONDS_EACH = 6.0
Place = tuple[int, int, int]

# The tile's box takes the same half-open edges as ours: ST_AsMVTGeom clips, the buffer is 128 of 4096 units.
RAW_SQL = """
SELECT ST_AsMVT(t, 'city_components', 4096, 'geom') FROM (
  SELECT ST_AsMVTGeom(geom, ST_TileEnvelope(%(z)s, %(x)s, %(y)s), 4096, 128, true) AS geom, class_code AS c,
         state AS s {more}
  FROM components WHERE geom && ST_TileEnvelope(%(z)s, %(x)s, %(y)s, margin => 0.03125)) t"""
CELL_SQL = """
WITH env AS (SELECT ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS e),
counted AS (
  SELECT floor((ST_X(geom) - ST_XMin(e)) / (ST_XMax(e) - ST_XMin(e)) * 16)::int AS cx,
         floor((ST_YMax(e) - ST_Y(geom)) / (ST_YMax(e) - ST_YMin(e)) * 16)::int AS cy,
         class_code, state, count(*) AS n
  FROM components, env WHERE geom && e GROUP BY 1, 2, 3, 4),
cells AS (
  SELECT cx, cy, sum(n)::int AS n,
    (array_agg(state ORDER BY array_position(
       ARRAY['normal','repairing','unknown','damaged','missing'], state) DESC))[1] AS worst,
    jsonb_object_agg(class_code || '|' || state, n) AS pairs
  FROM counted WHERE cx BETWEEN 0 AND 15 AND cy BETWEEN 0 AND 15 GROUP BY 1, 2)
SELECT ST_AsMVT(t, 'city_components', 4096, 'geom') FROM (
  SELECT ST_AsMVTGeom(ST_SetSRID(ST_MakePoint(
           ST_XMin(e) + (cx + 0.5) / 16 * (ST_XMax(e) - ST_XMin(e)),
           ST_YMax(e) - (cy + 0.5) / 16 * (ST_YMax(e) - ST_YMin(e))), 3857), e, 4096, 0, true) AS geom, n, worst, pairs
  FROM cells, env) t"""


def tile_list(index: PointIndex, zoom: int, count: int) -> list[Place]:
    """Half of the tiles where people are (drawn by points), half drawn by tile: dense and sparse, never empty."""
    rng = np.random.default_rng(zoom)
    shift = np.uint32(32 - zoom)
    columns, lines = index.x >> shift, index.y >> shift
    by_point = rng.integers(0, len(index), count // 2)
    pairs = np.unique(np.stack([columns, lines]), axis=1)
    by_tile = rng.integers(0, pairs.shape[1], count - count // 2)
    x = np.concatenate([columns[by_point], pairs[0, by_tile]])
    y = np.concatenate([lines[by_point], pairs[1, by_tile]])
    return [(zoom, int(a), int(b)) for a, b in zip(x, y, strict=True)]


def rate(make: Callable[[Place], bytes], places: list[Place], seconds: float = SECONDS_EACH) -> float:
    """Tiles a second over the whole list, again and again, for about `seconds`; at least one whole round."""
    make(places[0])
    done, begun = 0, time.perf_counter()
    while True:
        for place in places:
            make(place)
        done += len(places)
        spent = time.perf_counter() - begun
        if spent >= seconds:
            return done / spent


def features(body: bytes) -> list[tuple[object, ...]]:
    """What a tile says, in a comparable order: class, state, id, name or the cell's numbers. Geometry apart."""
    if not body:
        return []
    found = mapbox_vector_tile.decode(body, default_options={"y_coord_down": True})[LAYER]["features"]
    return sorted(tuple(sorted((k, str(v)) for k, v in each["properties"].items())) for each in found)


def agreement(ours: Callable[[Place], bytes], theirs: Callable[[Place], bytes], places: list[Place]) -> str:
    """Compare a few tiles feature by feature: the same multiset of attributes, but for points on a rounded edge."""
    same, ours_n, theirs_n, worst = 0, 0, 0, 0
    for place in places:
        a, b = features(ours(place)), features(theirs(place))
        same += a == b
        ours_n, theirs_n = ours_n + len(a), theirs_n + len(b)
        worst = max(worst, abs(len(a) - len(b)))
    return f"{same}/{len(places)} tiles equal, {ours_n} against {theirs_n} features, largest difference {worst}"


def compare(index: PointIndex, cluster: Cluster) -> None:
    """Print the table."""
    jobs = [(12, "cells"), (13, "cells"), (12, "points"), (13, "points"), (14, "points"), (16, "points")]
    print(f"{'zoom':>4} {'content':8} {'ours/s':>9} {'PostGIS/s':>10} {'ratio':>7}   agreement")
    for zoom, content in jobs:
        places = tile_list(index, zoom, 120 if zoom < 14 else 300)
        raw = RAW_SQL.format(more=", id, name" if zoom >= 16 else "")
        sql = CELL_SQL if content == "cells" else raw
        encode = cell_tile if content == "cells" else point_tile

        def ours(place: Place, encode: Callable[..., bytes] = encode) -> bytes:
            return encode(index, *place)

        def theirs(place: Place, sql: str = sql) -> bytes:
            return cluster.tile(sql, place)

        sample = sorted(set(places), key=lambda place: len(point_tile(index, *place)))[5 : -len(places) // 10 : 12]
        checked = agreement(ours, theirs, sample)
        mine, other = rate(ours, places), rate(theirs, places)
        print(f"{zoom:>4} {content:8} {mine:>9.0f} {other:>10.1f} {mine / other:>6.1f}x   {checked}", flush=True)


async def hammer(places: list[Place], clients: int = 8, each: int = 400) -> tuple[float, float, float]:
    """p50 and p95 in milliseconds and tiles/s, `clients` asking one after another over kept connections."""
    times: list[float] = []

    async def client(number: int) -> None:
        # A bare HTTP/1.1 client: httpx would spend more time on a request than the server does.
        reader, writer = await asyncio.open_connection("127.0.0.1", HTTP_PORT)
        for step in range(each):
            z, x, y = places[(number * 131 + step * 7) % len(places)]
            begun = time.perf_counter()
            writer.write(f"GET /tiles/{LAYER}/{z}/{x}/{y}.pbf HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert head.startswith(b"http/1.1 200"), head
            await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
            times.append((time.perf_counter() - begun) * 1000)
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(clients)))
    spent = time.perf_counter() - begun
    return statistics.median(times), float(np.percentile(times, 95)), len(times) / spent


def over_http(index: PointIndex, data_dir: Path) -> None:
    """Start the server, wait for it, measure, end it."""
    command = [sys.executable, "-m", "bench.tile_server", str(data_dir), str(HTTP_PORT)]
    server = subprocess.Popen(command)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                httpx.get(f"http://127.0.0.1:{HTTP_PORT}/tiles/{LAYER}/0/0/0.pbf").raise_for_status()
                break
            except httpx.TransportError:
                time.sleep(0.3)
        for zoom in (12, 14, 16):
            # thousands of different tiles: first round mostly made anew, second round from the cache
            places = tile_list(index, zoom, 3_200)
            for turn in ("first", "again"):
                p50, p95, speed = asyncio.run(hammer(places))
                print(
                    f"HTTP z{zoom} {turn:6} 8 clients: p50 {p50:.1f} ms, p95 {p95:.1f} ms, {speed:.0f} tiles/s",
                    flush=True,
                )
    finally:
        server.terminate()
        server.wait(10)


def main() -> None:
    data_dir = Path(sys.argv[1] if len(sys.argv) > 1 else "var")
    index = City.load(Catalog(data_dir), [LAYER]).points[LAYER]
    warm_up()
    print(f"{len(index):,} points; product: cells below z{index.raw_from_zoom}, single points from there", flush=True)
    over_http(index, data_dir)
    with Cluster() as cluster:
        spent = load_points(cluster, index)
        print(f"PostGIS: {cluster.version()}; loaded, indexed and analysed in {spent:.0f} s", flush=True)
        compare(index, cluster)


if __name__ == "__main__":
    main()
