"""Forest grid of 1 km cells, coloured by fire danger 1–5 (LY/T 1172-95 names the levels; 5 is worst)."""

from collections.abc import Mapping
from typing import Any

from geodata.datasets import DANGER_LEVELS
from layers.model import Fact, Layer, LayerFilter, LegendEntry, facts_of

TOKENS = {"1": "--fire-1", "2": "--fire-2", "3": "--fire-3", "4": "--fire-4", "5": "--fire-5"}


def dossier(properties: Mapping[str, Any]) -> tuple[Fact, ...]:
    """What is known of the cell; the native level stands beside its word."""
    level = str(properties.get("danger_level") or "")
    native = (Fact("火险等级", f"{level} 级({DANGER_LEVELS[level]})"),) if level in DANGER_LEVELS else ()
    return facts_of("forest_grid", properties, skip=("danger_level",)) + native


FOREST = Layer(
    id="forest",
    title="林区网格",
    source="forest_grid",
    kind="mvt",
    style={"type": "polygon", "by": "danger_level", "colours": TOKENS, "colour": "--stale", "opacity": 0.42},
    legend=tuple(LegendEntry(f"{level} 级 {word}", TOKENS[level], "square") for level, word in DANGER_LEVELS.items()),
    filters=(LayerFilter("danger_level", "火险等级", tuple(DANGER_LEVELS.items())),),
    dossier=dossier,
    shown=False,
    order=40,
)
