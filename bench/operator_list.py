"""The officer's list in Chromium: 10,000 open alerts (open, filter, unfold, change a status), and a storm of 2,000.

    python -m bench.operator_list [--screens DIR]        (about 90 s)

Every time is from the press to the frame in which the page shows its effect; a status from the press to the row that
the server's answer changed.
"""

import argparse
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from bench.product import product
from hub.alert_store import DbAlertStore
from hub.database import Database
from hub.render import ARGUMENTS
from tests.serving import PASSWORD, Server, until
from tests.storm import made_up

OPEN, STORM, STORM_MINUTES, LIMIT_MS, LINES = 10_000, 2_000, 10, 200.0, 10
OUT_OF_SIGHT = """(() => {
    const lines = citybrain.alertLines(), all = [...citybrain.alerts.values()];
    const ids = (some) => new Set(some.flatMap((line) => line.alerts.map((one) => one.id)));
    const shown = ids(lines), red = ids(lines.filter((line) => line.alerts[0].level_no >= 4));
    const lost = all.filter((one) => !shown.has(one.id) || (one.level_no >= 4 && !red.has(one.id)));
    return [lines.length, lost.length]; })()"""
FRAME = "await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));"


def fill(server: Server, count: int, first: int) -> float:
    """Put `count` open alerts into the running product's database; alerts a second."""
    database = Database(f"sqlite:///{server.data_dir / 'citybrain.sqlite'}")
    store, changes, began = DbAlertStore(database), made_up(count, datetime.now(UTC), first), time.perf_counter()
    for start in range(0, count, 2_000):
        store.apply(changes[start : start + 2_000])
    took = time.perf_counter() - began
    database.close()
    return count / took


def desk(browser: Browser, server: Server, problems: list[str]) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="zh-CN")
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{server.url}/login?next=/desk/")
    page.fill("input[name=username]", "duty")
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector("html[data-map=ready]", state="attached")
    return page


def timed(page: Page, act: str, until: str = "true") -> float:
    """Milliseconds from `act` until `until` holds and has been painted."""
    script = f"const t = performance.now(); {act}; do {{ {FRAME} }} while (!({until})); return performance.now() - t;"
    return float(page.evaluate(f"(async () => {{ {script} }})()"))


def known(page: Page, count: int) -> None:
    """Until the page knows `count` open alerts."""
    until(lambda: page.evaluate("citybrain.alerts.size") >= count, timeout_s=30)


def said(word: str, values: list[float]) -> None:
    p50, p95, worst = np.percentile(values, [50, 95, 100])
    print(f"{word} | median {p50:.0f}, p95 {p95:.0f}, worst {worst:.0f} ms (n = {len(values)}, limit {LIMIT_MS:.0f})")


def ten_thousand(page: Page, times: int = 15) -> None:
    known(page, OPEN)
    page.wait_for_timeout(10_000)  # the engine escalates thousands that nobody acknowledged: let that pass
    said("10,000 open: list read from the server and drawn", reload_times(page))
    chip = "document.querySelector('#alert-filter [data-level={}]').click()"
    said(
        "10,000 open: filter",
        [timed(page, chip.format(level)) for level in ["red", "all", "yellow", "all", "blue", "all"] * 3],
    )
    view = "document.querySelector('#alert-view [data-view={}]').click()"
    said("10,000 open: only unacknowledged", [timed(page, view.format("unseen")) for _ in range(10)])
    fold = "document.querySelector('#alert-list .fold').click()"
    said("10,000 open: unfold and fold a line", [timed(page, fold) for _ in range(times)])
    timed(page, chip.format("red"))
    if page.locator("#alert-list .is-inside").count() == 0:
        timed(page, fold)
    acked = []
    for _ in range(times):
        act = (
            "const row = [...document.querySelectorAll('#alert-list .alert[data-id]:not(.is-acked)')][0];"
            "window.acking = row.dataset.id; row.querySelector('[data-act=ack]').click()"
        )
        acked.append(timed(page, act, "citybrain.alerts.get(window.acking).acknowledged_at"))
    said("10,000 open: acknowledge one, server's answer shown", acked)
    timed(page, chip.format("all"))


def reload_times(page: Page) -> list[float]:
    """The whole list asked for again, as after a long absence: from the request to the drawn list."""
    act = "window.drawn = false; citybrain.on('alerts-drawn', () => { window.drawn = true; }); citybrain.emit('resync')"
    return [timed(page, act, "window.drawn") for _ in range(5)]


def storm(server: Server, page: Page) -> None:
    """2,000 raw alarms spread over ten minutes of the city's time, sent in about a minute; the lines at every step."""
    changes = made_up(STORM, datetime.now(UTC))
    database = Database(f"sqlite:///{server.data_dir / 'citybrain.sqlite'}")
    store, lines, hidden = DbAlertStore(database), [], 0
    for start in range(0, STORM, 40):
        store.apply(changes[start : start + 40])
        known(page, start + 40)
        page.wait_for_timeout(350)  # the list is drawn at most five times a second
        seen = page.evaluate(OUT_OF_SIGHT)
        lines.append(seen[0])
        hidden += seen[1]
    database.close()
    known(page, STORM)
    with server.api("duty") as client:
        total = len(client.get("/api/v1/open-alerts").json()["rows"])
    print(f"storm of {STORM} alarms: lines on the screen | at most {max(lines)} (goal ≤ {LINES}) for {total} open")
    print(f"storm of {STORM} alarms: out of reach, or red and out of sight | {hidden}")


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--screens", type=Path)
    screens = given.parse_args().screens
    problems: list[str] = []
    with sync_playwright() as playwright, product("small") as server:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        page = desk(browser, server, problems)
        storm(server, page)
        if screens:
            page.screenshot(path=screens / "storm.png")
        print(f"alerts stored | {fill(server, OPEN - STORM, STORM):,.0f} a second in batches of 2,000")
        page.reload()
        page.wait_for_selector("html[data-map=ready]", state="attached")
        ten_thousand(page)
        if screens:
            page.screenshot(path=screens / "ten-thousand.png")
        with server.api("duty") as client:
            took, size = (
                np.median([answer_ms(client) for _ in range(9)]),
                len(client.get("/api/v1/open-alerts").content),
            )
            print(f"10,000 open: server's answer | median {took:.0f} ms, {size / 1e6:.1f} MB")
        browser.close()
    print(f"console errors | {problems or 'none'}")


def answer_ms(client: httpx.Client) -> float:
    began = time.perf_counter()
    client.get("/api/v1/open-alerts").raise_for_status()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
