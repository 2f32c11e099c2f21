"""Rules over positioned reports (fire points, hazards, vehicles): where they must lie, and what is one event."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from alerts.rules_read import RuleNode
from geodata.datasets import DATASETS

MAX_PLACES = 32
MAX_CORNERS = 2_000
FIELDS = frozenset({"of", "where", "measure", "merge_m", "merge_s", "min_confidence"})
GEOMETRIES = ("polygon", "line", "point")
GRID_FIELD = "danger_level"
MEASURES = ("count", "grid")


@dataclass(frozen=True, slots=True)
class Within:
    """Inside a feature of `layer` (any, or one of `ids`)."""

    layer: str
    ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class InPolygon:
    """Inside a ring of (longitude, latitude), WGS-84, closed or not."""

    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Near:
    """At most `within_m` metres on the ellipsoid from a feature of `layer` whose fields are as in `where`."""

    layer: str
    within_m: float
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InGrid:
    """Inside a cell of a grid layer whose danger level is `at_least` or more."""

    layer: str
    at_least: int


Place = Within | InPolygon | Near | InGrid


@dataclass(frozen=True, slots=True)
class SpatialSpec:
    """`of`: kind of report. All of `places` (or, with `is_any`, one of them) must hold; none: everywhere.

    Reports of one kind within `merge_m` of the first and `merge_s` of one another are one alert with a count.
    The rule's levels are reached by that count, or (`measure` grid) by the highest grid level touched.
    """

    of: str
    places: tuple[Place, ...]
    is_any: bool
    measure: str
    merge_m: float
    merge_s: float
    min_confidence: float


def read_spatial(node: RuleNode) -> SpatialSpec | None:
    """The spec of a rule; None when a problem was listed."""
    before = node.problems.count
    of = node.word("of")
    places, is_any = _read_where(node)
    measure = node.choice("measure", MEASURES, "count")
    if measure == "grid" and not any(isinstance(place, InGrid) for place in places):
        node.problem("measure", "measure 为 grid 时,where 里必须有 grid")
    spec = SpatialSpec(
        of,
        places,
        is_any,
        measure,
        node.number("merge_m", 500.0, low=1.0, high=100_000.0),
        node.number("merge_s", 1_800.0, low=1.0, high=7 * 86_400.0),
        node.number("min_confidence", 0.0, low=0.0, high=1.0),
    )
    return spec if node.problems.count == before else None


def _read_where(node: RuleNode) -> tuple[tuple[Place, ...], bool]:
    if not node.has("where"):
        return (), False
    where = node.mapping("where")
    if where is None:
        return (), False
    is_any = where.has("any")
    if where.has("all") == is_any:
        where.problem("all", "where 要写 all 或 any 之一")
        return (), False
    key = "any" if is_any else "all"
    where.only({key})
    items = list(where.mappings(key))
    if len(items) > MAX_PLACES:
        where.problem(key, f"where 超过 {MAX_PLACES} 项")
    return tuple(place for item in items[:MAX_PLACES] if (place := _read_place(item)) is not None), is_any


def _read_place(node: RuleNode) -> Place | None:
    given = [name for name in ("within", "polygon", "near", "grid") if node.has(name)]
    if len(given) != 1:
        node.problem("within", "每一项写 within、polygon、near、grid 之一")
        return None
    node.only(given)
    if given[0] == "polygon":
        return _read_polygon(node)
    inner = node.mapping(given[0])
    if inner is None:
        return None
    if given[0] == "within":
        return read_within(inner)
    if given[0] == "grid":
        inner.only({"layer", "at_least"})
        return InGrid(_layer(inner, GEOMETRIES[:1], GRID_FIELD), round(inner.number("at_least", None, low=1, high=10)))
    return read_near(inner)


def _layer(node: RuleNode, geometries: tuple[str, ...], *columns: str) -> str:
    """The name of a layer of the city that has `columns`."""
    fit = [spec for spec in DATASETS if spec.geometry in geometries]
    name = node.choice("layer", tuple(spec.id for spec in fit), "")
    for spec in fit:
        known = {"id", *(column.name for column in spec.fields)}
        if spec.id == name and not known.issuperset(columns):
            unknown = "、".join(sorted(set(columns) - known))
            node.problem("where", f"图层 {name} 没有字段 {unknown};可用:{'、'.join(sorted(known))}")
    return name


def read_within(node: RuleNode) -> Within:
    """`{layer, ids}`."""
    node.only({"layer", "ids"})
    return Within(_layer(node, GEOMETRIES[:1]), frozenset(node.words("ids")))


def read_near(node: RuleNode) -> Near:
    """`{layer, within_m, where}`."""
    node.only({"layer", "where", "within_m"})
    wanted: dict[str, str] = {}
    if node.has("where"):
        fields = node.mapping("where")
        if fields is not None:
            wanted = {name: fields.text(name, required=True) for name in fields.names()}
    return Near(_layer(node, GEOMETRIES, *wanted), node.number("within_m", None, low=0.1, high=100_000.0), wanted)


def _read_polygon(node: RuleNode) -> InPolygon | None:
    corners = node.pairs("polygon")
    if corners and corners[0] == corners[-1]:
        corners = corners[:-1]
    if not 3 <= len(corners) <= MAX_CORNERS:
        node.problem("polygon", f"polygon 要有 3…{MAX_CORNERS} 个 [经度, 纬度]")
        return None
    if any(not (abs(lon) <= 180 and abs(lat) <= 90) for lon, lat in corners):
        node.problem("polygon", "polygon 的坐标无效:经度在前(±180)、纬度在后(±90),WGS-84")
        return None
    return InPolygon(tuple(corners))
