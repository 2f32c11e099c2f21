"""City components and cameras of the sample city, with codes built as the standards build them."""

import csv
from pathlib import Path

import geopandas as gpd
import numpy as np

from geodata.sample.along_streets import Streets, serials
from geodata.sample.facts import CODES
from geodata.sample.frames import frame_of, pick, points_of
from geodata.sample.plane import Floats, generator, to_lonlat

SUBCLASSES = Path(__file__).with_name("component_subclasses.csv")
STATES, STATE_SHARE = ("normal", "damaged", "missing", "repairing", "unknown"), (0.95, 0.02, 0.005, 0.015, 0.01)
CAMERA_STATES, CAMERA_SHARE = ("online", "offline", "unknown"), (0.95, 0.04, 0.01)
INDUSTRY, NETWORK = "08", "7"  # GB/T 28181: 08 city management; the network digit is schematic


def subclasses() -> list[dict[str, str]]:
    """The table of component subclasses: class_code, subclass_code, name, weight, source (mostly 未核定)."""
    with SUBCLASSES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def components(count: int, streets: Streets) -> gpd.GeoDataFrame:
    """`count` components; id = 6 county + 2 class + 2 subclass + 6 serial."""
    rng, table = generator("components"), subclasses()
    weight = np.array([float(row["weight"]) for row in table])
    xy, county = streets.draw(count, rng, (5.0, 14.0))
    kind = rng.choice(len(table), count, p=weight / weight.sum())
    head = np.array([int(code) for code in CODES], dtype=np.int64)[county] * 10_000
    head += np.array([int(row["class_code"] + row["subclass_code"]) for row in table], dtype=np.int64)[kind]
    columns = {
        "id": (head * 1_000_000 + serials(head)).astype(str).astype(object),
        "name": pick([f"示例{row['name']}" for row in table], kind),
        "class_code": pick([row["class_code"] for row in table], kind),
        "subclass_code": pick([row["subclass_code"] for row in table], kind),
        "state": pick(STATES, rng.choice(len(STATES), count, p=STATE_SHARE)),
        "county_code": pick(CODES, county),
        "dept_code": pick([f"示例-{code}-城管" for code in CODES], county),
    }
    return frame_of("city_components", columns, points_of(to_lonlat(xy)))


def cameras(count: int, streets: Streets) -> tuple[gpd.GeoDataFrame, Floats]:
    """`count` cameras and their (count, 2) metres; id = 8 centre + 2 industry + 3 type + 1 network + 6 serial."""
    rng = generator("cameras")
    xy, county = streets.draw(count, rng, (3.0, 9.0))
    kind = (rng.random(count) < 0.85).astype(np.int64)  # 131 camera, 132 IP camera
    number = serials(county)
    heads = [[f"{code}00{INDUSTRY}{kind_code}{NETWORK}" for kind_code in ("131", "132")] for code in CODES]
    grade = 1 + rng.choice(3, count, p=(0.15, 0.35, 0.5))
    columns = {
        "id": [f"{heads[c][k]}{n:06d}" for c, k, n in zip(county, kind, number, strict=True)],
        "name": [f"示例摄像机 {CODES[c]}-{n:06d}" for c, n in zip(county, number, strict=True)],
        "grade": grade.astype(str).astype(object),
        "state": pick(CAMERA_STATES, rng.choice(len(CAMERA_STATES), count, p=CAMERA_SHARE)),
        "ptz_type": 1 + rng.choice(4, count, p=(0.3, 0.1, 0.5, 0.1)),
        "county_code": pick(CODES, county),
    }
    return frame_of("cameras", columns, points_of(to_lonlat(xy))), xy
