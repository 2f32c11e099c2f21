"""From a posted reading to a changed page: real Chromium on /desk, alone and beside 199 more open streams.

    python -m bench.push [--times 60] [--scale small]        (about 2 min)

A reading on an underpass gauge goes above its threshold (a row must appear in the alert list), then back to zero (the
row must go). Both clocks are this machine's: `time.time()` just before the request, `Date.now()` in a MutationObserver.
The way is also cut in stages: the engine's own time stamp of the alert, and a bare client of the same stream.
"""

import argparse
import asyncio
import random
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import orjson
from playwright.sync_api import Page, sync_playwright

from bench.product import CHROMIUM, cpu_by_part, machine, product, say, sign_in, spread
from geodata.clock import utc_now
from hub.render import ARGUMENTS
from tests.serving import Server

GAUGES = [f"depth-up-{number:03d}" for number in range(4, 10)]
OTHERS = 199
WATCH = """
window.benchAdded = []; window.benchRemoved = []; window.benchNumbers = [];
window.benchWatch = () => {
  const id = (node) => node.nodeType === 1 && node.matches("li.alert") ? node.dataset.id : null;
  new MutationObserver((changes) => {
    const now = Date.now();
    for (const change of changes) {
      for (const node of change.addedNodes) if (id(node)) window.benchAdded.push(now);
      for (const node of change.removedNodes) if (id(node)) window.benchRemoved.push(now);
    }
  }).observe(document.getElementById("alert-list"), {childList: true});
  const number = document.querySelector('.gauge[data-sensor="yi-linyi"][data-kind="flow"] .num');
  if (!number) throw new Error("no live number on the page");
  new MutationObserver(() => window.benchNumbers.push(Date.now()))
    .observe(number, {childList: true, characterData: true, subtree: true});
};
"""
NEXT = """([name, count]) => new Promise((resolve, reject) => {
  const begun = performance.now();
  const look = () => {
    if (window[name].length > count) return resolve(window[name][count]);
    if (performance.now() - begun > 10000) return reject(new Error("nothing changed in 10 s: " + name));
    setTimeout(look, 20);
  };
  look();
})"""


@dataclass
class Streams:
    """Bare clients of `/stream`, read as they come on a thread of their own. `heard` is (kind, at) of the first one."""

    url: httpx.URL
    token: str
    count: int
    heard: list[tuple[str, float, dict[str, Any]]] = field(default_factory=list)
    frames: int = 0
    open: int = 0

    def run(self) -> None:
        asyncio.run(self._all())

    async def _all(self) -> None:
        self.loop, self.over = asyncio.get_running_loop(), asyncio.Event()
        tasks = [asyncio.create_task(self._one(number == 0)) for number in range(self.count)]
        await self.over.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, first: bool) -> None:
        host, port = self.url.host, self.url.port or 80
        reader, writer = await asyncio.open_connection(host, port)
        try:
            head = f"GET /stream?topics=alerts,readings HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {self.token}"
            writer.write(f"{head}\r\n\r\n".encode())
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            self.open += 1
            while data := await reader.read(65_536):
                self.frames += data.count(b"event:")
                if first:
                    self._note(data)
        finally:
            writer.close()

    def _note(self, data: bytes) -> None:
        for frame in data.split(b"\n\n"):
            kind, _, body = frame.partition(b"event: ")[2].partition(b"\ndata: ")
            if kind.startswith(b"alert."):
                self.heard.append((kind.decode(), time.time(), orjson.loads(body)["alert"]))


@contextmanager
def streams(api: httpx.Client, count: int) -> Iterator[Streams]:
    made = Streams(api.base_url, api.headers["Authorization"].split()[1], count)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while made.open < count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert made.open == count, f"only {made.open} of {count} streams opened"
    try:
        yield made
    finally:
        made.loop.call_soon_threadsafe(made.over.set)
        thread.join(10)


def post(api: httpx.Client, sensor: str, quantity: str, value: float) -> float:
    """Send one reading of now; returns `time.time()` from just before."""
    row = {"sensor": sensor, "quantity": quantity, "value": value, "observed_at": utc_now().isoformat()}
    begun = time.time()
    answer = api.post("/api/v1/observations", json={"observations": [row]})
    assert answer.json()["accepted"] == 1, answer.text
    return begun


def changed(page: Page, name: str, count: int) -> float:
    return float(page.evaluate(NEXT, [name, count])) / 1000


def measure(server: Server, api: httpx.Client, page: Page, others: int, times: int) -> None:
    """Alerts up and down, then a live number, `times` each; one row each."""
    up, down, stages, number = list[float](), list[float](), list[tuple[float, float, float]](), list[float]()
    with streams(api, others) as bare:
        spent, begun = cpu_by_part(server), time.perf_counter()
        for turn in range(times + 3):  # the first three warm up
            gauge, seen = GAUGES[turn % len(GAUGES)], len(bare.heard)
            ups, downs = page.evaluate("[benchAdded.length, benchRemoved.length]")
            at = post(api, gauge, "depth_m", 0.31)
            shown = changed(page, "benchAdded", ups)
            up.append((shown - at) * 1000)
            fired = [entry for entry in bare.heard[seen:] if entry[0] == "alert.fired"]
            if fired:
                made = utc_of(fired[0][2]["updated_at" if "updated_at" in fired[0][2] else "fired_at"])
                stages.append(((made - at) * 1000, (fired[0][1] - at) * 1000, (shown - at) * 1000))
            at = post(api, gauge, "depth_m", 0.0)
            down.append((changed(page, "benchRemoved", downs) - at) * 1000)
        cpu = [after - one for after, one in zip(cpu_by_part(server), spent, strict=True)]
        share = cpu[0] / (time.perf_counter() - begun)
        chance = random.Random(1)
        for turn in range(times):
            time.sleep(chance.uniform(0.0, 0.4))  # sensors do not wait for our screen
            count = page.evaluate("benchNumbers.length")
            at = post(api, "yi-linyi", "flow_m3s", 1000.0 + turn * 7)
            number.append((changed(page, "benchNumbers", count) - at) * 1000)
        frames = bare.frames
    who = f"{others + 1} open stream{'s' if others else ''}"
    say(f"reading → alert row appears, {who}", spread(up[3:]))
    say(f"reading → alert row goes, {who}", spread(down[3:]))
    say(f"reading → live number, {who}", spread(number))
    if stages:
        columns = [statistics.median(column) for column in zip(*stages, strict=True)]
        say(
            f"of which, {who}",
            f"median until alert made {columns[0]:.0f}, bare client told {columns[1]:.0f}, row drawn "
            f"{columns[2]:.0f} ms; web process {share:.0%} of a core, {frames:,} frames to bare clients",
        )


def utc_of(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=60)
    parser.add_argument("--scale", choices=("small", "full"), default="small")
    given = parser.parse_args()
    with product(given.scale) as server, server.api("admin") as api, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.add_init_script(WATCH)
        post(api, "yi-linyi", "flow_m3s", 900.0)  # so that the page has a number for it
        time.sleep(2)
        sign_in(page, server, "/desk")
        page.wait_for_selector("#alert-list")
        page.wait_for_selector("html[data-link=live]")
        page.evaluate("benchWatch()")
        for others in (0, OTHERS):
            measure(server, api, page, others, given.times)
        browser.close()
    say("machine (push)", machine())


if __name__ == "__main__":
    main()
