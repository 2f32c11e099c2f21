"""Every built-in layer. Adding one touches three files: its module, this tuple, its test."""

from geodata.errors import NotFound
from layers.base import COUNTIES, HILLS, RIVERS, ROADS
from layers.cameras import CAMERAS
from layers.components import COMPONENTS
from layers.forest import FOREST
from layers.model import Layer, checked
from layers.waterlogging import WATERLOGGING

BUILTIN_LAYERS: tuple[Layer, ...] = checked((COUNTIES, HILLS, RIVERS, ROADS, WATERLOGGING, FOREST, COMPONENTS, CAMERAS))


def layer(layer_id: str) -> Layer:
    """The layer called `layer_id`, or the one drawn from the dataset of that name; unknown raises `NotFound`."""
    for value in BUILTIN_LAYERS:
        if layer_id in (value.id, value.source):
            return value
    raise NotFound(f"没有图层 {layer_id!r};可用:{'、'.join(value.id for value in BUILTIN_LAYERS)}")
