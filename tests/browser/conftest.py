"""Chromium as a person drives it. Any console error, page error or failed request fails the test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from hub.render import ARGUMENTS, find_chromium
from tests.serving import PASSWORD, Server

SIZES = {
    "desk": (1440, 900),
    "wall": (1920, 1080),
    "wall-4k": (3840, 2160),
    "wall-wide": (5760, 1080),
    "tablet": (820, 1180),
    "tablet-wide": (1180, 820),
    "phone": (390, 844),
    "a4": (794, 1123),
}

OpenScreen = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = find_chromium("")
    if executable is None:
        pytest.skip("no Chromium on this machine; apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def troubles() -> list[str]:
    """What the pages of this test complained of; a test that causes some on purpose takes them out."""
    return []


@pytest.fixture
def open_screen(browser: Browser, server: Server, troubles: list[str]) -> Iterator[OpenScreen]:
    """`open_screen("/desk", user="duty", size="desk")` → a signed-in page that says it is ready."""
    contexts: list[Any] = []

    def open_one(path: str, user: str = "duty", size: str = "desk") -> Page:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale="zh-CN", has_touch=size in {"tablet", "phone"}
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: troubles.append(f"{said.type}: {said.text}") if said.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(f"page error: {error}"))
        page.goto(f"{server.url}/login?next={path}")
        page.fill("input[name=username]", user)
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_selector("[data-ready]", state="attached", timeout=30_000)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert troubles == []
