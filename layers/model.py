"""A map layer as a value: where its data is, how the browser draws it, what its legend and filters say."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from geodata.datasets import dataset

Kind = Literal["mvt", "geojson"]
Shape = Literal["dot", "square", "line", "hatch", "ring"]


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One line of a legend. `colour` is the name of a CSS token (`--level-red`), never a literal colour."""

    label: str
    colour: str
    shape: Shape = "dot"


@dataclass(frozen=True, slots=True)
class LayerFilter:
    """A choice of values of one column; every option is on at first. `options`: (value, screen word)."""

    field: str
    title: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a dossier: plain text, which whoever draws it must escape."""

    label: str
    value: str


Dossier = Callable[[Mapping[str, Any]], tuple[Fact, ...]]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer. `style` goes to the browser as JSON: `{"type": point|line|polygon, "by": column,
    "colours": {value: token}, "colour": token, "radius": css px, "opacity": 0–1, "min_zoom": zoom}`."""

    id: str
    title: str
    source: str
    kind: Kind
    style: Mapping[str, Any]
    legend: tuple[LegendEntry, ...]
    dossier: Dossier
    filters: tuple[LayerFilter, ...] = ()
    shown: bool = True
    base: bool = False  # part of the base map: drawn under everything, no toggle
    note: str = ""
    order: int = field(default=50)

    def for_browser(self) -> dict[str, Any]:
        """What `assets/map.js` needs to draw the layer, JSON-ready."""
        return {
            "id": self.id,
            "title": self.title,
            "source": self.source,
            "kind": self.kind,
            "style": dict(self.style),
            "shown": self.shown,
            "base": self.base,
            "order": self.order,
        }


def facts_of(source: str, properties: Mapping[str, Any], skip: Iterable[str] = ()) -> tuple[Fact, ...]:
    """The columns of dataset `source` that have a value, in its order, coded values in screen words."""
    spec, left_out = dataset(source), set(skip)
    facts = [Fact("编号", str(properties["id"]))] if properties.get("id") is not None else []
    for column in spec.fields:
        value = properties.get(column.name)
        if column.name in left_out or value is None or value == "" or value != value:  # NaN differs from itself
            continue
        words = spec.labels.get(column.name, {})
        facts.append(Fact(column.title, words.get(str(value), as_text(value))))
    return tuple(facts)


def as_text(value: Any) -> str:
    """A value as an officer reads it: 是/否, at most two decimals, no trailing zeros."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)


def checked(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """The layers as a tuple; an id that stands twice raises ValueError."""
    kept: dict[str, Layer] = {}
    for layer in layers:
        if layer.id in kept:
            raise ValueError(f"two layers are called {layer.id!r}; an id may stand once in BUILTIN_LAYERS")
        kept[layer.id] = layer
    return tuple(kept.values())
