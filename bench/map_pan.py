"""A million components in Chromium: how soon they are drawn, and how long a frame takes while the map is dragged.

python -m bench.map_pan [DATA_DIR [SCREENSHOT_DIR]]        (about 40 s; its own small Dash page with dash-leaflet)
"""

import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
from playwright.sync_api import Page, sync_playwright

from hub.render import ARGUMENTS

PORT = 8102
BASE = f"http://127.0.0.1:{PORT}/"
ZOOMS = (12, 10, 14, 16)
LAYER = "citybrain.canvasLayers.city_components"
WATCH = f"""
window.drawn = null;
document.addEventListener("citybrain:canvas-layers", () => {{
  window.added = performance.now();
  {LAYER}.on("load", () => {{ window.drawn = performance.now(); }});
}});
"""
FRAMES = """
window.frames_ms = []; window.watching = true;
let last = performance.now();
const step = (now) => {
  if (!window.watching) return;
  window.frames_ms.push(now - last);
  last = now;
  requestAnimationFrame(step);
};
requestAnimationFrame((now) => { last = now; requestAnimationFrame(step); });
"""


def drawn(page: Page) -> float:
    """Milliseconds since navigation at which the last component tile of the view was drawn."""
    page.wait_for_function("window.drawn !== null", timeout=20_000)
    page.wait_for_function(f"!{LAYER}._loading")
    return float(page.evaluate("window.drawn"))


def show(page: Page, zoom: int) -> float:
    """Jump to a zoom over the city; milliseconds until every component tile is drawn."""
    begun = page.evaluate(
        f"(() => {{ const t = performance.now(); window.drawn = null;"
        f" {LAYER}.home.setView([35.06, 118.35], {zoom}, {{animate: false}}); return t; }})()"
    )
    return drawn(page) - float(begun)


def drag(page: Page, seconds: float = 4.0, x: int = 1200) -> list[float]:
    """Frame times in milliseconds while the map is dragged to and fro by the mouse, new tiles coming in."""
    page.evaluate(FRAMES)
    begun = time.monotonic()
    page.mouse.move(x, 500)
    page.mouse.down()
    step = 0
    while time.monotonic() - begun < seconds:
        step += 1
        turn = step % 80
        page.mouse.move(x - 12 * (turn if turn < 40 else 80 - turn), 500 + (step % 20))
        page.wait_for_timeout(12)
    page.mouse.up()
    page.evaluate("window.watching = false")
    return [float(frame) for frame in page.evaluate("window.frames_ms")]


def measure(folder: Path | None) -> None:
    """Print the figures; screenshots go to `folder`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        problems: list[str] = []
        for turn in ("cold", "warm"):
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.add_init_script(WATCH)
            page.goto(BASE)
            total = drawn(page)
            added = float(page.evaluate("window.added"))
            print(
                f"{turn} page: drawn {total / 1000:.2f} s after navigation, {(total - added) / 1000:.2f} s after adding"
            )
        for zoom in ZOOMS:
            first = show(page, zoom)
            frames = drag(page)
            p50, p95, worst = np.percentile(frames, [50, 95, 100])
            print(
                f"z{zoom}: drawn in {first:.0f} ms; drag: {len(frames)} frames, "
                f"p50 {p50:.0f}, p95 {p95:.0f}, worst {worst:.0f} ms"
            )
            if folder:
                page.wait_for_timeout(800)
                page.screenshot(path=folder / f"map_z{zoom}.png")
        spent = page.evaluate(
            f"(async () => {{ const t = performance.now(); await {LAYER}.setFilter({{classes: ['02'], states: null}});"
            " return performance.now() - t; })()"
        )
        print(f"filter from what is decoded: {spent:.0f} ms; console errors: {problems or 'none'}")
        browser.close()


def main() -> None:
    data_dir = sys.argv[1] if len(sys.argv) > 1 else "var"
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    server = subprocess.Popen([sys.executable, "-m", "bench.tile_server", data_dir, str(PORT)])
    try:
        until = time.monotonic() + 90
        while time.monotonic() < until:
            try:
                httpx.get(f"{BASE}tiles/city_components/0/0/0.pbf").raise_for_status()
                break
            except httpx.TransportError:
                time.sleep(0.3)
        measure(folder)
    finally:
        server.terminate()
        server.wait(10)


if __name__ == "__main__":
    main()
