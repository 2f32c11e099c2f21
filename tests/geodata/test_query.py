"""Clicks, circles, nearest and search answer what a slow, plain computation answers."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geodata.catalog import Catalog
from geodata.city import City
from geodata.errors import BadInput, NotFound
from geodata.mercator import metres_between
from geodata.query import features_at, features_within, nearest, search

COUNT = 3_000


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    catalog = Catalog(Path(tmp_path_factory.mktemp("query")))
    rng = np.random.default_rng(4)
    ids = [f"3713020101{at:06d}" for at in range(COUNT)]
    states = rng.choice(["normal", "missing"], COUNT)
    columns = {"id": ids, "name": [f"路灯{at}" for at in range(COUNT)], "class_code": "01", "subclass_code": "02"}
    places = shapely.points(rng.uniform(118.2, 118.5, COUNT), rng.uniform(34.9, 35.2, COUNT))
    frame = gpd.GeoDataFrame({**columns, "state": states}, geometry=places, crs="EPSG:4326")
    catalog.write("city_components", frame.assign(county_code="371302", dept_code="D", sample=True))
    square = gpd.GeoDataFrame({"id": ["371302"], "name": ["兰山区"], "sample": [True]},
                              geometry=[shapely.box(118.2, 34.9, 118.5, 35.2)], crs="EPSG:4326")  # fmt: skip
    catalog.write("counties", square)
    line = shapely.LineString([(118.35, 34.9), (118.35, 35.2)])
    river = gpd.GeoDataFrame({"id": ["r1"], "name": ["沂河"], "rank": 1, "sample": True}, geometry=[line], crs=4326)
    catalog.write("rivers", river)
    return City.load(catalog)


def by_hand(city: City, lon: float, lat: float) -> tuple[np.ndarray, gpd.GeoDataFrame]:
    frame = city.frame("city_components")
    return metres_between(lon, lat, frame.geometry.x, frame.geometry.y), frame


@pytest.mark.parametrize(("lon", "lat", "k"), [(118.35, 35.05, 7), (118.2, 34.9, 1), (100.0, -20.0, 3)])
def test_nearest_equals_a_full_sort(city: City, lon: float, lat: float, k: int) -> None:
    metres, frame = by_hand(city, lon, lat)
    found = nearest(city, "city_components", lon, lat, k)
    assert [item["id"] for item in found] == list(frame.id.iloc[np.argsort(metres)[:k]])
    assert found[0]["distance_m"] == pytest.approx(metres.min(), rel=1e-6, abs=0.1)


def test_nearest_asks_where_and_stops_at_the_end(city: City) -> None:
    missing = (city.frame("city_components").state == "missing").sum()
    found = nearest(city, "city_components", 118.3, 35.0, COUNT, lambda fields: fields["state"] == "missing")
    assert len(found) == missing
    assert sorted(found, key=lambda item: item["distance_m"]) == found
    with pytest.raises(NotFound):
        nearest(city, "cameras", 118.3, 35.0, 1)


def test_a_click_finds_the_point_under_it_then_line_then_area(city: City) -> None:
    frame = city.frame("city_components")
    target = frame.iloc[5]
    layers = ["counties", "city_components", "cameras"]
    found = features_at(city, target.geometry.x, target.geometry.y, 16, layers)
    assert (found[0]["id"], found[0]["layer"]) == (target.id, "city_components")
    assert found[0]["distance_m"] < 0.1
    assert (found[-1]["name"], found[-1]["distance_m"]) == ("兰山区", 0.0)
    (river,) = features_at(city, 118.3501, 35.0, 14, ["rivers"])
    assert river["distance_m"] == pytest.approx(9.1, abs=0.3)
    assert features_at(city, 118.36, 35.0, 16, ["rivers"]) == []
    assert features_at(city, 0, 0, 5, layers) == []


def test_within_counts_all_and_returns_the_nearest(city: City) -> None:
    circle = shapely.Point(118.35, 35.05).buffer(0.05)
    inside = city.frame("city_components").within(circle).sum()
    count, items = features_within(city, "city_components", circle, 5)
    assert (count, len(items)) == (inside, 5)
    assert features_within(city, "counties", circle, 5)[0] == 1
    assert features_within(city, "rivers", shapely.box(118.36, 35, 118.37, 35.1), 5) == (0, [])


BOWTIE = shapely.Polygon([(118, 35), (119, 36), (119, 35), (118, 36)])


@pytest.mark.parametrize("geometry", [BOWTIE, shapely.Polygon(), None])
def test_a_broken_area_is_bad_input(city: City, geometry: object) -> None:
    with pytest.raises(BadInput):
        features_within(city, "city_components", geometry, 5)


@pytest.mark.parametrize(("lon", "lat"), [(float("nan"), 35), (118, float("inf")), (181, 0), (35, 118)])
def test_a_place_off_the_earth_is_bad_input(city: City, lon: float, lat: float) -> None:
    with pytest.raises(BadInput):
        features_at(city, lon, lat, 10, ["counties"])
    with pytest.raises(BadInput):
        nearest(city, "counties", lon, lat, 1)


@pytest.mark.parametrize(
    ("text", "first", "count"),
    [
        ("3713020101000007", "3713020101000007", 1),
        ("371302010100000", "3713020101000000", 10),
        ("兰山", "371302", 1),
        (" 沂河 ", "r1", 1),
        ("灯2999", "3713020101002999", 1),
        ("371302", "371302", 11),
        ("", None, 0),
        ("没有", None, 0),
        ("<script>", None, 0),
        ("0路", None, 0),  # the end of one name and the beginning of the next are no hit
    ],
)
def test_search(city: City, text: str, first: str | None, count: int) -> None:
    found = search(city, text)
    assert len(found) == count
    assert first is None or found[0]["id"] == first
