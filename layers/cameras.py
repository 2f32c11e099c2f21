"""Cameras by grade (一/二/三类点) and state; identifiers are GB/T 28181 codes of 20 digits."""

from collections.abc import Mapping
from typing import Any

from geodata.datasets import CAMERA_GRADES, CAMERA_STATES
from layers.model import Fact, Layer, LayerFilter, LegendEntry, facts_of

TOKENS = {"1": "--camera-1", "2": "--camera-2", "3": "--camera-3"}
PTZ = {"1": "球机", "2": "半球", "3": "固定枪机", "4": "遥控枪机"}


def dossier(properties: Mapping[str, Any]) -> tuple[Fact, ...]:
    """What is known of the camera."""
    kind = PTZ.get(str(properties.get("ptz_type") or ""))
    return facts_of("cameras", properties, skip=("ptz_type",)) + ((Fact("云台", kind),) if kind else ())


CAMERAS = Layer(
    id="cameras",
    title="摄像机",
    source="cameras",
    kind="mvt",
    style={
        "type": "point",
        "by": "grade",
        "colours": TOKENS,
        "colour": "--camera-3",
        "radius": {"0": 1.5, "15": 2.5, "18": 4},
        "state_colours": {"offline": "--stale"},
    },
    legend=tuple(LegendEntry(word, TOKENS[grade]) for grade, word in CAMERA_GRADES.items()),
    filters=(
        LayerFilter("grade", "点位等级", tuple(CAMERA_GRADES.items())),
        LayerFilter("state", "状态", tuple(CAMERA_STATES.items())),
    ),
    dossier=dossier,
    shown=False,
    order=60,
)
