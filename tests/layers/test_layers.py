"""Layers as values: ids once, known datasets, tokens that exist, dossiers in words."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from geodata.datasets import dataset
from geodata.errors import NotFound
from layers.builtin import BUILTIN_LAYERS, layer
from layers.deck_waterlogging import deck_json, density
from layers.model import Layer, as_text, checked
from layers.waterlogging import WATERLOGGING
from tests.screen_services import NOW, small_city

ROOT = Path(__file__).resolve().parents[2]
TOKENS = set(re.findall(r"(--[a-z0-9-]+):", (ROOT / "assets" / "tokens.css").read_text(encoding="utf-8")))


def test_a_layer_id_stands_once() -> None:
    with pytest.raises(ValueError, match="waterlogging"):
        checked((WATERLOGGING, WATERLOGGING))


def test_an_unknown_layer_names_those_there_are() -> None:
    with pytest.raises(NotFound, match="cameras"):
        layer("nothing")
    assert layer("waterlogging_points") is WATERLOGGING


@pytest.mark.parametrize("value", BUILTIN_LAYERS, ids=lambda value: value.id)
def test_a_layer_names_real_data_and_real_tokens(value: Layer) -> None:
    columns = {field.name for field in dataset(value.source).fields}
    plain = json.dumps(value.for_browser())
    assert set(re.findall(r"--[a-z0-9-]+", plain)) | {entry.colour for entry in value.legend} <= TOKENS
    assert {choice.field for choice in value.filters} <= columns
    assert value.legend
    assert {value.style[key] for key in ("by", "label") if key in value.style} <= columns


@pytest.mark.parametrize("value", BUILTIN_LAYERS, ids=lambda value: value.id)
def test_a_dossier_takes_any_row(value: Layer) -> None:
    assert value.dossier({}) == ()
    row = {"id": "1", **{field.name: None for field in dataset(value.source).fields}}
    assert [fact.label for fact in value.dossier(row)] == ["编号"]


@pytest.mark.parametrize(("value", "text"), [(True, "是"), (1.50, "1.5"), (0.27, "0.27"), (3, "3"), ("x", "x")])
def test_values_as_an_officer_reads_them(value: object, text: str) -> None:
    assert as_text(value) == text


def test_a_silent_gauge_has_no_column(tmp_path: Path) -> None:
    latest = {"S1": {"depth_m": (0.5, NOW)}, "S2": {"depth_m": (0.5, NOW - timedelta(hours=2))}}
    city = small_city(tmp_path)
    spec = json.loads(deck_json(city, latest, NOW, density(city)))
    depth = next(one for one in spec["layers"] if one["id"] == "depth")
    assert len(depth["data"]) == 1
    assert "mapProvider" not in spec or not spec["mapProvider"]
