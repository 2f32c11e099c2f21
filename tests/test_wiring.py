"""The wiring of every screen: ids once, inputs that exist, one owner for each output, nothing inline."""

from pathlib import Path
from typing import Any

import pytest

from callbacks.build import SCREENS
from layouts import ids
from tests.screen_services import alert, client, services, walk

NAMES = [screen.id for screen in SCREENS]


@pytest.fixture
def browser(tmp_path: Path) -> Any:
    return client(services(tmp_path, (alert(),)))[0]


def ids_of(browser: Any, screen: str) -> list[str]:
    layout = browser.get(f"/{screen}/_dash-layout").get_json()
    return [node["props"]["id"] for node in walk(layout) if "id" in node["props"]]


def outputs_of(callback: dict[str, Any]) -> list[str]:
    return callback["output"].strip(".").split("...")


@pytest.mark.parametrize("screen", NAMES)
def test_ids_stand_once_and_are_named(browser: Any, screen: str) -> None:
    found = ids_of(browser, screen)
    known = {value for name, value in vars(ids).items() if name.isupper()}
    assert len(found) == len(set(found))
    assert set(found) <= known


@pytest.mark.parametrize("screen", NAMES)
def test_callbacks_name_what_the_screen_has(browser: Any, screen: str) -> None:
    found = set(ids_of(browser, screen))
    callbacks = browser.get(f"/{screen}/_dash-dependencies").get_json()
    assert callbacks
    for callback in callbacks:
        for end in (*callback["inputs"], *callback["state"]):
            assert end["id"] in found
        for output in outputs_of(callback):
            assert output.rsplit(".", 1)[0] in found


@pytest.mark.parametrize("screen", NAMES)
def test_every_output_has_one_owner(browser: Any, screen: str) -> None:
    outputs = [one for each in browser.get(f"/{screen}/_dash-dependencies").get_json() for one in outputs_of(each)]
    assert len(outputs) == len(set(outputs))


@pytest.mark.parametrize("screen", NAMES)
def test_pages_are_local_and_styles_are_classes(browser: Any, screen: str) -> None:
    page = browser.get(f"/{screen}/").get_data(as_text=True)
    assert 'lang="zh-CN"' in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    layout = browser.get(f"/{screen}/_dash-layout").get_json()
    assert not [node for node in walk(layout) if node["props"].get("style")]


def test_browser_functions_stand_in_files(tmp_path: Path) -> None:
    """The only inline script is Dash's own one-liner, whose hash goes into the policy."""
    _, apps = client(services(tmp_path))
    for app in apps.values():
        assert len(app.csp_hashes()) == 1
        assert app.config.suppress_callback_exceptions is False


def test_no_browser_file_evaluates_text_or_sets_markup() -> None:
    for path in (Path(__file__).parents[1] / "assets").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "new Function", "document.write"):
            assert word not in text, f"{path.name}: {word}"
