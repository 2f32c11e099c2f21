"""Coordinate systems against a surveyed point, an independent implementation, and their own inverses."""

import numpy as np
import prcoords
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.crs import coordinates_to_wgs84, datum_name, datum_note, from_wgs84, geodesic_area_km2, to_wgs84
from geodata.errors import BadInput

# One place in 临沂市 as three maps give it (longitude, latitude)
WGS = (118.3507002, 35.1050725)
GCJ = (118.3564505, 35.1046753)
BD = (118.3629807, 35.1105563)
METRE = 1 / 111_320  # degrees of latitude


def points(*pairs: tuple[float, float]) -> np.ndarray:
    return np.array([shapely.Point(pair) for pair in pairs], dtype=object)


def metres_apart(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    delta = (shapely.get_coordinates(one) - shapely.get_coordinates(two)) / METRE
    return np.hypot(delta[:, 0], delta[:, 1])


@pytest.mark.parametrize(
    ("datum", "place"),
    [
        ("WGS-84", WGS), ("wgs84", WGS), ("CGCS2000", WGS), ("EPSG:4490", WGS), ("EPSG:4326", WGS),
        ("GCJ-02", GCJ), ("gcj02", GCJ), ("Gcj_02", GCJ), ("BD-09", BD), ("bd09", BD), ("BD09LL", BD),
    ],
)  # fmt: skip
def test_known_point(datum: str, place: tuple[float, float]) -> None:
    """Within 1 m: the three surveys agree with the published formula no better than 0.77 m (GCJ-02 ↔ BD-09: 0.02 m)."""
    assert metres_apart(to_wgs84(points(place), datum), points(WGS))[0] < 1.0
    assert metres_apart(from_wgs84(points(WGS), datum), points(place))[0] < 1.0
    assert metres_apart(from_wgs84(to_wgs84(points(GCJ), "GCJ-02"), "BD-09"), points(BD))[0] < 0.05


def test_agrees_with_prcoords() -> None:
    rng = np.random.default_rng(4)
    wgs = np.column_stack((rng.uniform(75, 134, 300), rng.uniform(4, 53, 300)))
    shapes = shapely.points(wgs)
    for datum, forward, back in (
        ("GCJ-02", prcoords.wgs_gcj, prcoords.gcj_wgs_bored),
        ("BD-09", prcoords.wgs_bd, prcoords.bd_wgs_bored),
    ):
        theirs = np.array([forward((lat, lon)) for lon, lat in wgs])[:, ::-1]
        assert np.abs(shapely.get_coordinates(from_wgs84(shapes, datum)) - theirs).max() < 1e-11
        undone = np.array([back((lat, lon)) for lon, lat in theirs])[:, ::-1]
        assert np.abs(coordinates_to_wgs84(theirs, datum) - undone).max() < 0.1 * METRE


@settings(max_examples=60, deadline=None)
@given(
    lon=st.floats(117.0, 119.5),
    lat=st.floats(34.0, 36.5),
    datum=st.sampled_from(["GCJ-02", "BD-09", "CGCS2000", "EPSG:4527", "EPSG:4548", "EPSG:3857"]),
)
def test_round_trip(lon: float, lat: float, datum: str) -> None:
    here = points((lon, lat))
    assert metres_apart(to_wgs84(from_wgs84(here, datum), datum), here)[0] < 0.001


def test_projected_cgcs2000_is_east_first_and_on_its_meridian() -> None:
    """EPSG:4527 is zone 39: central meridian 117°, false easting 39,500,000 m."""
    east, north = shapely.get_coordinates(from_wgs84(points((117.0, 35.0)), "EPSG:4527"))[0]
    assert east == pytest.approx(39_500_000, abs=0.001)
    assert 3_874_000 < north < 3_876_000  # the meridian arc to 35° N is 3,874.9 km on GRS 80


def test_shift_over_the_city_is_what_it_should_be() -> None:
    corners = points((117.41, 34.38), (119.20, 34.38), (118.3, 35.3), (117.41, 36.21), (119.20, 36.21))
    moved = shapely.get_coordinates(from_wgs84(corners, "GCJ-02")) - shapely.get_coordinates(corners)
    lat = np.radians(shapely.get_coordinates(corners)[:, 1])
    shift_m = np.hypot(moved[:, 0] * np.cos(lat), moved[:, 1]) / METRE
    assert ((shift_m > 500) & (shift_m < 600)).all()


def test_outside_china_and_missing_shapes_stay() -> None:
    shapes = np.array([shapely.Point(2.35, 48.85), None, shapely.Point()], dtype=object)
    moved = to_wgs84(shapes, "gcj02")
    assert moved[0].equals(shapes[0])
    assert moved[1] is None
    assert moved[2].is_empty


def test_third_dimension_is_dropped() -> None:
    flat = to_wgs84(np.array([shapely.Point(118.3, 35.1, 80.0)], dtype=object), "WGS-84")
    assert not flat[0].has_z


def test_esri_wkt_of_cgcs2000_is_known() -> None:
    wkt = (
        'GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D_China_2000",SPHEROID["CGCS2000",6378137.0,'
        '298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
    )
    assert datum_name(wkt) == "WGS-84"


@pytest.mark.parametrize("datum", ["", "火星", "EPSG:999999", "GCJ", "EPSG:5773"])
def test_unknown_datum_says_what_there_is(datum: str) -> None:
    with pytest.raises(BadInput, match="GCJ-02"):
        datum_name(datum)


def test_old_datums_warn_of_their_accuracy() -> None:
    assert "不公开" in datum_note("EPSG:2437")  # Beijing 1954 / 3-degree CM 120E
    assert datum_note("EPSG:4527") == ""


def test_area_on_the_ellipsoid() -> None:
    """A 1° square at the equator is 12,308.778 km² (WGS-84; GeographicLib Planimeter). Winding and holes count."""
    square = shapely.box(0, 0, 1, 1)
    hole = shapely.Polygon(square.exterior.coords, [shapely.box(0.25, 0.25, 0.75, 0.75).exterior.coords])
    shapes = np.array([square, square.reverse(), hole, shapely.MultiPolygon([square]), None], dtype=object)
    areas = geodesic_area_km2(shapes)
    assert areas[0] == pytest.approx(12_308.778, abs=0.01)
    assert areas[1] == areas[3] == pytest.approx(areas[0])
    assert areas[2] == pytest.approx(areas[0] * 0.75, rel=1e-3)
    assert areas[4] == 0
