"""Whether a report lies where a spatial rule wants it, and in which words."""

from dataclasses import dataclass

from alerts.ports import Places
from alerts.spatial import InGrid, InPolygon, Near, Place, SpatialSpec, Within
from geodata.errors import NotFound
from geodata.places import in_ring


@dataclass(frozen=True, slots=True)
class Placed:
    """`holds` None: it cannot be said, because a layer has no data. `grid` is the level of the cell, 0 outside."""

    holds: bool | None
    why: str
    grid: int = 0


def placed(spec: SpatialSpec, places: Places, lon: float, lat: float) -> Placed:
    """All of the places, or any, as the rule says. Nothing named: everywhere.

    What cannot be said decides nothing: `any` holds if another does, `all` fails if another does.
    """
    if not spec.places:
        return Placed(True, "")
    found = [_placed(place, places, lon, lat) for place in spec.places]
    decisive = spec.is_any
    grid = max(one.grid for one in found)
    if any(one.holds is decisive for one in found):
        holds: bool | None = decisive
    else:
        holds = None if any(one.holds is None for one in found) else not decisive
    said = [one.why for one in found if one.why and one.holds is not False]
    return Placed(holds, ",".join(dict.fromkeys(said)), grid)


def _placed(place: Place, places: Places, lon: float, lat: float) -> Placed:
    try:
        match place:
            case InPolygon():
                return Placed(in_ring(lon, lat, place.corners), "在规则划定的范围内")
            case Within():
                name = places.inside(place.layer, lon, lat, place.ids)
                return Placed(name is not None, f"在「{name}」内")
            case InGrid():
                level, name = places.grid_level(place.layer, lon, lat)
                return Placed(level >= place.at_least, f"在「{name}」内,危险等级 {level} 级", level)
            case Near():
                found = places.near(place.layer, lon, lat, place.within_m, place.where)
                return Placed(found is not None, f"距「{found[0]}」{found[1]:.0f} 米" if found else "")
    except NotFound:
        return Placed(None, f"位置条件无法判断:图层 {getattr(place, 'layer', '')} 没有数据")
