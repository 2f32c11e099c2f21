"""Pages as PNG and PDF by one long-lived Chromium, driven in a thread of its own."""

import queue
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from geodata.errors import NotConfigured

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SIZES = {"16x9": (1920, 1080), "a4": (794, 1123)}
WAIT_MS = 20_000


def find_chromium(configured: str) -> str | None:
    """The configured Chromium, else one on the path; None when there is none."""
    if configured:
        return configured if Path(configured).exists() else None
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Renderer:
    """`png` and `pdf` open a page of this server as the person who asks, wait until it says it is ready, and shoot."""

    def __init__(self, chromium: str) -> None:
        self.executable = find_chromium(chromium)
        self._jobs: queue.Queue[tuple[Callable[[Browser], bytes], Future[bytes]] | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def png(self, url: str, cookie: dict[str, Any], size: str) -> bytes:
        """A picture, 1920×1080 (`16x9`) or one A4 page wide and as long as it needs (`a4`)."""
        width, height = SIZES[size]

        def shoot(browser: Browser) -> bytes:
            context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN")
            try:
                page = self._open(context, url, cookie)
                return bytes(page.screenshot(full_page=size == "a4"))
            finally:
                context.close()

        return self._do(shoot)

    def pdf(self, url: str, cookie: dict[str, Any]) -> bytes:
        """An A4 document with selectable text."""

        def print_it(browser: Browser) -> bytes:
            context = browser.new_context(locale="zh-CN")
            try:
                page = self._open(context, url, cookie)
                return bytes(page.pdf(format="A4", print_background=True, prefer_css_page_size=True))
            finally:
                context.close()

        return self._do(print_it)

    @staticmethod
    def _open(context: Any, url: str, cookie: dict[str, Any]) -> Any:
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(url, wait_until="load", timeout=WAIT_MS)
        page.wait_for_selector("[data-ready]", state="attached", timeout=WAIT_MS)
        return page

    def _do(self, work: Callable[[Browser], bytes]) -> bytes:
        if self.executable is None:
            raise NotConfigured("没有找到 Chromium,不能生成图片或 PDF;请安装 chromium 或设置 CITYBRAIN_CHROMIUM")
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="renderer", daemon=True)
                self._thread.start()
        result: Future[bytes] = Future()
        self._jobs.put((work, result))
        return result.result(timeout=60)

    def _run(self) -> None:
        with sync_playwright() as playwright:
            browser: Browser | None = None
            while (job := self._jobs.get()) is not None:
                work, result = job
                try:
                    if browser is None or not browser.is_connected():
                        browser = playwright.chromium.launch(executable_path=self.executable, args=ARGUMENTS)
                    result.set_result(work(browser))
                except PlaywrightError as problem:
                    result.set_exception(NotConfigured(f"页面没有生成:{problem.message.splitlines()[0]}"))
                except Exception as problem:
                    result.set_exception(problem)
            if browser is not None:
                browser.close()

    def stop(self) -> None:
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join(10)
