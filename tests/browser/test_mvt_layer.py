"""The browser's decoder and canvas read our tiles as another decoder does, in real Chromium."""

import base64
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import mapbox_vector_tile
import numpy as np
import pyarrow as pa
import pytest
import shapely
from playwright.sync_api import Page, sync_playwright

from geodata.datasets import dataset
from geodata.points import PointIndex, index_points
from geodata.shapes import index_shapes
from geodata.tiles import cell_tile, point_tile, shape_tile
from hub.render import ARGUMENTS

ASSETS = Path(__file__).resolve().parents[2] / "assets"
CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium")]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        opened = browser.new_page()
        errors: list[str] = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.set_content("<canvas id=c width=256 height=256></canvas>")
        for name in ("mvt_decode.js", "mvt_draw.js", "mvt_draw_shapes.js", "mvt_layer.js"):
            opened.add_script_tag(path=ASSETS / name)
        yield opened
        browser.close()
        assert errors == []


@pytest.fixture(scope="module")
def index() -> PointIndex:
    rng = np.random.default_rng(3)
    places = shapely.to_wkb(shapely.points(rng.uniform(118.31, 118.38, 3000), rng.uniform(35.0, 35.05, 3000)))
    table = {
        "id": [f"{at:016d}" for at in range(3000)],
        "name": [f"路灯{at % 7}" for at in range(3000)],
        "class_code": rng.choice(["01", "02"], 3000),
        "state": rng.choice(["normal", "damaged"], 3000),
        "geometry": list(places),
    }
    return index_points(pa.table(table), dataset("city_components"), "v")


def where(index: PointIndex, zoom: int) -> tuple[int, int, int]:
    return zoom, int(index.x[1500]) >> (32 - zoom), int(index.y[1500]) >> (32 - zoom)


def load(page: Page, body: bytes) -> None:
    page.evaluate(
        "(b) => { window.tile = citybrain.decodeMvt(Uint8Array.from(atob(b), (c) => c.charCodeAt(0)).buffer); }",
        base64.b64encode(body).decode(),
    )


@pytest.mark.parametrize("zoom", [14, 16])
def test_points_are_read_as_another_decoder_reads_them(page: Page, index: PointIndex, zoom: int) -> None:
    body = point_tile(index, *where(index, zoom))
    load(page, body)
    rows = page.evaluate("""Array.from({length: tile.count}, (_, i) => [tile.xs[i], tile.ys[i],
        ...["c", "s", "id", "name"].map((k) => tile.values[tile[k][i]] ?? null)])""")
    found = mapbox_vector_tile.decode(body, default_options={"y_coord_down": True})["city_components"]["features"]
    wanted = [
        (*each["geometry"]["coordinates"], *(each["properties"].get(key) for key in ("c", "s", "id", "name")))
        for each in found
    ]
    assert Counter(map(tuple, rows)) == Counter(wanted)


DRAW = """([style, filter]) => {
  const set = (v) => v && new Set(v);
  citybrain.drawMvt(document.getElementById("c"), tile, {
    style: {stateColors: {}, widths: {}, hatch: [], opacity: 1, radius: 2, hatchColor: "#fff", ...style},
    filter: {classes: set(filter.classes), states: set(filter.states)}, zoom: 14, ratio: 1, pixels: 256,
    rank: {normal: 0, damaged: 3}, cellsPerTile: 16, reference: 50});
  const colors = {};
  const data = document.getElementById("c").getContext("2d").getImageData(0, 0, 256, 256).data;
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) {
    const key = [data[i], data[i + 1], data[i + 2]].join(); colors[key] = (colors[key] || 0) + 1; }
  return colors;
}"""
BLUE, YELLOW, RED = "0,0,255", "255,255,0", "255,0,0"
STYLE = {"colors": {"01": "#0000ff", "02": "#ffff00"}, "default": "#ffffff"}


@pytest.mark.parametrize("kind", ["cells", "points"])
def test_filters_and_states_are_drawn(page: Page, index: PointIndex, kind: str) -> None:
    """Dense points and cells: a class that is filtered out leaves no pixel; a bad state shows its colour."""
    load(page, cell_tile(index, *where(index, 12)) if kind == "cells" else point_tile(index, *where(index, 12)))
    every = page.evaluate(DRAW, [STYLE, {}])
    assert {BLUE, YELLOW} <= set(every)
    only = page.evaluate(DRAW, [STYLE, {"classes": ["02"]}])
    assert YELLOW in only
    assert BLUE not in only
    assert page.evaluate(DRAW, [STYLE, {"states": []}]) == {}
    worst = page.evaluate(DRAW, [{**STYLE, "stateColors": {"damaged": "#ff0000"}}, {}])
    assert worst[RED] > 50
    calm = page.evaluate(DRAW, [{**STYLE, "stateColors": {"damaged": "#ff0000"}}, {"states": ["normal"]}])
    assert RED not in calm


def painted(page: Page, layer: str, shape: shapely.Geometry, style: dict[str, object]) -> Counter[str]:
    """Opaque pixels by colour over all z12 tiles around the shape."""
    made = index_shapes(pa.table({"id": ["1"], "name": ["x"], "geometry": [shape.wkb]}), dataset(layer), "v")
    drawn: Counter[str] = Counter()
    for x in range(3392, 3397):
        for y in range(1610, 1625):
            if body := shape_tile(made, 12, x, y):
                load(page, body)
                drawn.update(page.evaluate(DRAW, [{"default": "#0000ff", "colors": {}, **style}, {}]))
    return drawn


def test_polygons_keep_their_holes(page: Page) -> None:
    """A hole of half the radius leaves three quarters of the disc, over tiles that cut it."""
    disc, hole = (shapely.Point(118.345, 35.025).buffer(radius) for radius in (0.03, 0.015))
    whole, ring = (painted(page, "hills", shape, {})[BLUE] for shape in (disc, disc.difference(hole)))
    assert whole > 5_000
    assert ring / whole == pytest.approx(0.75, abs=0.02)


def test_lines_have_a_casing(page: Page) -> None:
    line, style = shapely.LineString([(118.32, 35.0), (118.37, 35.05)]), {"weight": 5}
    bare = painted(page, "rivers", line, style)
    cased = painted(page, "rivers", line, {**style, "casing": "#ff0000", "casingFromZoom": 10})
    assert bare[BLUE] > 300
    assert sum(cased.values()) > sum(bare.values()) * 1.2


def test_a_tile_that_is_cut_short_is_an_error_not_a_hang(page: Page, index: PointIndex) -> None:
    body = point_tile(index, *where(index, 14))
    with pytest.raises(Exception, match="cut short"):
        load(page, body[:-40])
