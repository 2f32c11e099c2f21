"""Emergency teams and warehouses of the sample city."""

import geopandas as gpd
import numpy as np

from geodata.sample.allocation import county_sequence
from geodata.sample.allocation import teams as team_places
from geodata.sample.along_streets import Streets
from geodata.sample.facts import Scale
from geodata.sample.frames import frame_of, numbered, points_of
from geodata.sample.plane import generator, to_lonlat

ITEMS = ("水泵,沙袋,编织袋", "橡皮艇,救生衣,绳索", "发电机,照明灯塔", "风力灭火机,油锯,阻燃服", "帐篷,棉被,折叠床")
TEAM_STATES, STATE_SHARE = ("standby", "away", "rest"), (0.85, 0.05, 0.10)


def teams(scale: Scale, streets: Streets) -> gpd.GeoDataFrame:
    """Teams beside main streets; `state` standby, away or rest."""
    rng, places = generator("teams"), team_places(scale.name)
    xy = streets.draw_in([place.county_code for place in places], rng, main=True)
    columns = {
        "id": [place.id for place in places],
        "name": [place.name for place in places],
        "kind": [place.kind for place in places],
        "capabilities": [place.capabilities for place in places],
        "county_code": [place.county_code for place in places],
        "members": rng.integers(8, 41, len(places)),
        "state": rng.choice(np.array(TEAM_STATES, dtype=object), len(places), p=STATE_SHARE),
    }
    return frame_of("teams", columns, points_of(to_lonlat(xy)))


def warehouses(scale: Scale, streets: Streets) -> gpd.GeoDataFrame:
    """Warehouses in every county with one of five sets of goods."""
    rng, codes = generator("warehouses"), county_sequence(scale.warehouses, {})
    xy = streets.draw_in(codes, rng, main=False)
    columns = {
        "id": numbered("sample-store-", len(codes), 3),
        "name": numbered("示例物资库 ", len(codes), 3),
        "county_code": codes,
        "items": [ITEMS[number % len(ITEMS)] for number in range(len(codes))],
    }
    return frame_of("warehouses", columns, points_of(to_lonlat(xy)))
