"""What a person asks the desk, over HTTP through the app's own endpoint."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from layouts.brief_map import draw
from tests.screen_services import HOSTILE, NOW, alert, client, services, walk

LATEST = {"S1": {"depth_m": (0.31, NOW - timedelta(seconds=9))}}


def ask(folder: Path, output: str, source: str, prop: str, value: Any) -> Any:
    browser, _ = client(services(folder, (alert(),), LATEST))
    target, out_prop = output.rsplit(".", 1)
    body = {
        "output": output, "outputs": {"id": target, "property": out_prop}, "changedPropIds": [f"{source}.{prop}"],
        "inputs": [{"id": source, "property": prop, "value": value}],
    }  # fmt: skip
    answer = browser.post("/desk/_dash-update-component", json=body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()["response"][target][out_prop]


def dossier(folder: Path, selection: Any) -> Any:
    return ask(folder, "dossier.children", "selection", "data", selection)


def test_a_press_finds_the_point_with_its_number_and_trend(tmp_path: Path) -> None:
    where = {"lon": 118.35, "lat": 35.06, "zoom": 15, "layers": ["waterlogging_points", "counties"]}
    page = dossier(tmp_path, where)
    words = json.dumps(page, ensure_ascii=False)
    assert "0.31" in words
    assert "下穿立交" in words
    assert "9 秒前" in words
    picture = next(node for node in walk(page) if node["type"] == "Img")
    assert picture["props"]["src"].startswith("data:image/svg+xml;base64,")


def test_who_answers_for_it_stands_there_with_a_masked_contact(tmp_path: Path) -> None:
    words = json.dumps(dossier(tmp_path, {"layer": "waterlogging_points", "id": "W1"}), ensure_ascii=False)
    assert "副职 示例人 · 示例区城管 巡查 · ***0001" in words
    nobody = json.dumps(dossier(tmp_path, {"layer": "waterlogging_points", "id": "W2"}), ensure_ascii=False)
    assert "没有在岗人员" in nobody


def test_a_name_with_markup_is_a_text_child(tmp_path: Path) -> None:
    page = dossier(tmp_path, {"layer": "waterlogging_points", "id": "W1"})
    assert [node for node in walk(page) if node["props"].get("children") == HOSTILE]


@pytest.mark.parametrize(
    "selection",
    [{"lon": "x", "lat": 1, "zoom": 3, "layers": []}, {"lon": 999, "lat": 1, "zoom": 3, "layers": []}, {"lon": 1}, "?"],
)
def test_a_broken_selection_is_answered_in_words(tmp_path: Path, selection: Any) -> None:
    answer = json.dumps(dossier(tmp_path, selection), ensure_ascii=False)
    assert "请" in answer or "应" in answer


def test_nothing_there_leaves_the_dossier_empty(tmp_path: Path) -> None:
    assert dossier(tmp_path, {"layer": "counties", "id": "none"}) == ""


@pytest.mark.parametrize(("text", "word"), [("W1", "W1"), ("二号", "W2"), ("不存在", "没有找到")])
def test_search(tmp_path: Path, text: str, word: str) -> None:
    rows = ask(tmp_path, "search-results.children", "search-query", "data", text)
    assert word in json.dumps(rows, ensure_ascii=False)


def test_a_circle_counts_what_is_inside(tmp_path: Path) -> None:
    wanted = {"lon": 118.35, "lat": 35.06, "radius_m": 500}
    assert "积水点" in json.dumps(ask(tmp_path, "circle-result.children", "circle", "data", wanted), ensure_ascii=False)


@pytest.mark.parametrize("radius", [0, -1, 1e9, "big", None])
def test_a_circle_out_of_range_is_refused_in_words(tmp_path: Path, radius: Any) -> None:
    answer = ask(tmp_path, "circle-result.children", "circle", "data", {"lon": 118, "lat": 35, "radius_m": radius})
    assert "圈选" in json.dumps(answer, ensure_ascii=False)


def test_the_printed_map_escapes_names() -> None:
    from shapely.geometry import box

    svg = draw([(HOSTILE, box(118, 34, 119, 36))], [], [alert()])
    assert "<script" not in svg
    assert "<img" not in svg
    assert base64.b64encode(svg.encode())
