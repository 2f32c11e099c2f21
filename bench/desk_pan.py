"""The desk itself in Chromium, signed in, with a million components: first drawn, and frame times while dragged.

python -m bench.desk_pan URL PASSWORD [SCREENSHOT_DIR]     (about 60 s; a running `app.py serve` with the full sample)
"""

import sys
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from bench.map_pan import FRAMES, drag
from hub.render import ARGUMENTS

ZOOMS = (10, 12, 14, 16, 17)
COMPONENTS = "citybrain.mapLayer('components')"
DONE = f"{COMPONENTS} && {COMPONENTS}._container && !{COMPONENTS}._loading"
TARGET_DRAWN_S, TARGET_FRAME_MS = 2.0, 50.0


def signed_in(browser: Browser, url: str, password: str) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="zh-CN")
    page.goto(f"{url}/login?next=/desk/")
    page.fill("input[name=username]", "duty")
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_selector("html[data-map=ready]", state="attached")
    page.wait_for_timeout(1500)
    return page


def toggled(page: Page) -> float:
    """Seconds from the press on the switch until every component tile of the view is drawn."""
    return float(
        page.evaluate(
            "(async () => { const t = performance.now(); document.querySelector('[data-layer=components]').click();"
            f" while (!({DONE})) await new Promise(requestAnimationFrame);"
            " return (performance.now() - t) / 1000; })()"
        )
    )


def loaded(page: Page, url: str) -> float:
    """Seconds from navigation to /desk with the layer in its address until every component tile is drawn."""
    page.goto("about:blank")
    page.goto(f"{url}/desk/#layers=waterlogging,components", wait_until="commit")
    ready = f"window.citybrain?.mapLayer && document.documentElement.dataset.map === 'ready' && {DONE}"
    return float(
        page.evaluate(
            f"(async () => {{ while (!({ready})) await new Promise(requestAnimationFrame);"
            " return performance.now() / 1000; })()"
        )
    )


def shown(page: Page, zoom: int) -> float:
    """Milliseconds from a jump to `zoom` until every component tile is drawn."""
    return float(
        page.evaluate(
            f"(async () => {{ const t = performance.now();"
            f" void citybrain.map().setView([35.06, 118.35], {zoom}, {{animate: false}});"
            f" do await new Promise(requestAnimationFrame); while (!({DONE})); return performance.now() - t; }})()"
        )
    )


def idle(page: Page) -> list[float]:
    """Frame times when nothing is touched: what the machine and the live updates cost by themselves."""
    page.evaluate(FRAMES)
    page.wait_for_timeout(2000)
    page.evaluate("window.watching = false")
    return [float(frame) for frame in page.evaluate("window.frames_ms")]


def line(word: str, frames: list[float]) -> str:
    p50, p95, worst = np.percentile(frames, [50, 95, 100])
    return f"{word}: {len(frames)} frames, p50 {p50:.0f}, p95 {p95:.0f}, worst {worst:.0f} ms"


def main() -> None:
    url, password = sys.argv[1].rstrip("/"), sys.argv[2]
    folder = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        page = signed_in(browser, url, password)
        problems: list[str] = []
        page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        print(f"target: first drawn ≤ {TARGET_DRAWN_S} s, drag p95 ≤ {TARGET_FRAME_MS} ms a frame")
        print(f"switch pressed → drawn: {toggled(page):.2f} s")
        for turn in ("first", "second"):
            print(f"page load with the layer on ({turn}): {loaded(page, url):.2f} s after navigation")
        print(line("untouched", idle(page)))
        for zoom in ZOOMS:
            print(line(f"z{zoom}: drawn in {shown(page, zoom):.0f} ms; drag", drag(page, x=1000)))
            if folder:
                page.wait_for_timeout(800)
                page.screenshot(path=folder / f"desk_z{zoom}.png")
        print(f"console errors: {problems or 'none'}")
        browser.close()


if __name__ == "__main__":
    main()
