"""A warm start: from `app.py serve` to the first desk drawn in Chromium, and where the time goes.

    python -m bench.startup [--starts 3] [--scale small]        (about 40 s)

Warm: the sample city, the database and the accounts are there, files are in the page cache. The browser is open and
signed in (the sign-in survives a restart). "Drawn" is when the desk's alert list stands, the live link is up, and the
map has drawn the tiles of its view.
"""

import argparse
import os
import subprocess
import sys
import time
from typing import Any

from playwright.sync_api import Page, sync_playwright

from bench.product import CHROMIUM, ROOT, machine, product, say, sign_in, tree_cpu_s
from hub.render import ARGUMENTS
from tests.serving import Server

LIMIT_S = 20.0
DRAWN = """() => new Promise((resolve, reject) => {
  const begun = performance.now();
  const look = () => {
    const tiles = [], map = window.citybrain && window.citybrain.map && window.citybrain.map();
    if (map) map.eachLayer((layer) => { if (layer._tiles) tiles.push(layer); });
    const root = document.documentElement;
    const stands = root && root.dataset.link === "live" && document.getElementById("alert-list");
    const drawn = tiles.length && tiles.every((layer) => !layer._loading && Object.keys(layer._tiles).length);
    if (stands && drawn) return resolve([Date.now(), tiles.length]);
    if (performance.now() - begun > 30000) return reject(new Error("not drawn in 30 s: " + tiles.length + " layers"));
    setTimeout(look, 10);
  };
  look();
})"""
PRELOADED = "hub.compose, hub.compose_engine, hub.api.app, callbacks.build, uvicorn, hub.commands"


def one_start(server: Server, page: Page) -> dict[str, float]:
    """Seconds since `serve` was started until: ready, the page's HTML, the desk drawn; and CPU spent by then."""
    begun = time.time()
    server.log.write_text("")  # so that `start` waits for this start's word
    server.start()
    ready = time.time() - begun
    page.goto(f"{server.url}/desk", wait_until="commit")
    html = time.time() - begun
    drawn = float(page.evaluate(DRAWN)[0]) / 1000 - begun
    return {"ready": ready, "html": html, "drawn": drawn, "CPU of the product": tree_cpu_s(server)}


def import_times(count: int = 8) -> tuple[float, list[tuple[str, float]]]:
    """Seconds to import what the parts are forked from, and the packages that take most of it themselves."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {PRELOADED}"]
    begun = time.perf_counter()
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stderr
    took, by_package = time.perf_counter() - begun, dict[str, float]()
    for line in told.splitlines():
        words = line.removeprefix("import time:").split("|")
        if len(words) == 3 and words[0].strip().isdigit():
            package = words[2].strip().split(".")[0]
            by_package[package] = by_package.get(package, 0.0) + int(words[0]) / 1e6
    worst = sorted(by_package.items(), key=lambda item: -item[1])[:count]
    return took, worst


def browser_page(playwright: Any) -> Page:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    page: Page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(60_000)
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--scale", choices=("small", "full"), default="small")
    given = parser.parse_args()
    with product(given.scale) as server, sync_playwright() as playwright:
        del server.environment["CITYBRAIN_DEMO_PASSWORD"]  # as `make run` starts again: accounts are kept
        server.environment.pop("PYTHONDONTWRITEBYTECODE", None)  # `make run` clears it, too
        page = browser_page(playwright)
        sign_in(page, server, "/desk")
        page.wait_for_selector("#alert-list")
        page.evaluate(DRAWN)
        starts = []
        for number in range(given.starts):
            page.goto("about:blank")
            server.stop()
            took = one_start(server, page)
            starts.append(took["drawn"])
            words = ", ".join(f"{name} {value:.2f} s" for name, value in took.items())
            say(f"start {number + 1} ({given.scale})", f"{words}; load {os.getloadavg()[0]:.1f}")
        page.context.browser.close()
    verdict = "within" if max(starts) <= LIMIT_S else "ABOVE"
    say("start to drawn desk", f"worst {max(starts):.1f} s, {verdict} the limit of {LIMIT_S:.0f} s")
    took, worst = import_times()
    say("imports before the parts are forked", f"{took:.2f} s; " + ", ".join(f"{name} {s:.2f}" for name, s in worst))
    say("machine (startup)", machine())


if __name__ == "__main__":
    main()
