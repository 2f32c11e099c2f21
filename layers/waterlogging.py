"""Waterlogging points: where streets and underpasses flood first. Coloured by the live depth of their gauge."""

from collections.abc import Mapping
from typing import Any

from geodata.datasets import WATERLOGGING_KINDS
from layers.model import Fact, Layer, LayerFilter, LegendEntry, facts_of

SLOW_DEPTH_M = 0.20  # slow traffic (domain.md, V)
CLOSE_DEPTH_M = 0.27  # close the road (domain.md, V)


def dossier(properties: Mapping[str, Any]) -> tuple[Fact, ...]:
    """What is known of the point; the depth itself comes live and with its age."""
    return facts_of("waterlogging_points", properties)


WATERLOGGING = Layer(
    id="waterlogging",
    title="积水点",
    source="waterlogging_points",
    kind="geojson",
    style={
        "type": "point",
        "live": "depth",
        "colour": "--data-calm",
        "steps": [[SLOW_DEPTH_M, "--level-yellow"], [CLOSE_DEPTH_M, "--level-red"]],
        "radius": 5,
    },
    legend=(
        LegendEntry("水深不足 0.20 m", "--data-calm"),
        LegendEntry("≥ 0.20 m 慢行", "--level-yellow"),
        LegendEntry("≥ 0.27 m 封路", "--level-red"),
        LegendEntry("无数据或已过期", "--stale", "hatch"),
    ),
    filters=(LayerFilter("kind", "类型", tuple(WATERLOGGING_KINDS.items())),),
    dossier=dossier,
    order=80,
)
