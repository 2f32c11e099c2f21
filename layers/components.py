"""City components (城市部件): a million manholes, lamps and signs, drawn from tiles, never as markers."""

from collections.abc import Mapping
from typing import Any

from geodata.datasets import COMPONENT_CLASSES, COMPONENT_STATES
from layers.model import Fact, Layer, LayerFilter, LegendEntry, facts_of

TOKENS = {code: f"--class-{int(code)}" for code in COMPONENT_CLASSES}


def dossier(properties: Mapping[str, Any]) -> tuple[Fact, ...]:
    """What is known of the component."""
    return facts_of("city_components", properties)


COMPONENTS = Layer(
    id="components",
    title="城市部件",
    source="city_components",
    kind="mvt",
    style={
        "type": "point",
        "by": "class_code",
        "colours": TOKENS,
        "colour": "--class-6",
        "radius": {"0": 1.5, "16": 2.5, "18": 4},
        "state_colours": {"damaged": "--text", "missing": "--text"},
    },
    legend=(
        *(LegendEntry(word, TOKENS[code]) for code, word in COMPONENT_CLASSES.items()),
        LegendEntry("破损或缺失(格内最差)", "--text", "ring"),
    ),
    filters=(
        LayerFilter("class_code", "大类", tuple(COMPONENT_CLASSES.items())),
        LayerFilter("state", "状态", tuple(COMPONENT_STATES.items())),
    ),
    dossier=dossier,
    shown=False,
    note="缩小时显示密度,放大后显示单个部件",
    order=50,
)
