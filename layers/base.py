"""The offline base map: counties with Chinese labels, hills, rivers, roads. No tile comes from outside."""

from collections.abc import Mapping
from typing import Any

from geodata.datasets import ROAD_CLASSES
from layers.model import Fact, Layer, LegendEntry, facts_of

ROAD_TOKENS = {name: f"--road-{name}" for name in ROAD_CLASSES}
ROAD_WIDTHS = {  # CSS pixels from a zoom on
    "motorway": {"0": 1.6, "11": 2.4, "14": 4, "16": 8},
    "trunk": {"0": 1.3, "11": 2, "14": 3.4, "16": 7},
    "primary": {"0": 1, "11": 1.6, "14": 2.8, "16": 6},
}


def _plain(source: str) -> Any:
    def dossier(properties: Mapping[str, Any]) -> tuple[Fact, ...]:
        return facts_of(source, properties)

    return dossier


COUNTIES = Layer(
    id="counties",
    title="区县",
    source="counties",
    kind="geojson",
    style={"type": "polygon", "fill": "--land", "colour": "--border-county", "weight": 1.2, "label": "name"},
    legend=(LegendEntry("区县界", "--border-county", "line"),),
    dossier=_plain("counties"),
    base=True,
    order=0,
)
HILLS = Layer(
    id="hills",
    title="山地",
    source="hills",
    kind="geojson",
    style={"type": "polygon", "fill": "--hill", "colour": "--hill", "weight": 0, "label": "name", "label_kind": "hill"},
    legend=(LegendEntry("山地", "--hill", "square"),),
    dossier=_plain("hills"),
    base=True,
    order=5,
)
RIVERS = Layer(
    id="rivers",
    title="河流",
    source="rivers",
    kind="geojson",
    style={"type": "line", "colour": "--river", "weight": 2.2, "label": "name", "label_kind": "river"},
    legend=(LegendEntry("河流", "--river", "line"),),
    dossier=_plain("rivers"),
    base=True,
    order=10,
)
ROADS = Layer(
    id="roads",
    title="道路",
    source="roads",
    kind="mvt",
    style={
        "type": "line",
        "by": "road_class",
        "colours": ROAD_TOKENS,
        "colour": "--road-tertiary",
        "widths": ROAD_WIDTHS,
        "weight": {"0": 0.7, "14": 1.2, "16": 3, "18": 6},
        "labels": {"min_zoom": 15, "color": "--name", "halo": "--name-halo"},
    },
    legend=(LegendEntry("道路", "--road-primary", "line"),),
    dossier=_plain("roads"),
    base=True,
    order=15,
)
