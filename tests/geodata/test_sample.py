"""The sample city: facts kept, codes well formed, everything connected, the same every time."""

import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod

from geodata.catalog import Catalog
from geodata.datasets import DATASETS, dataset
from geodata.errors import BadInput
from geodata.roads import RoadGraph
from geodata.sample.allocation import DEMO_UNDERPASSES
from geodata.sample.build import build
from geodata.sample.facts import COUNTIES, RIVER_GAUGES

GEOD = Geod(ellps="WGS84")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalog, dict[str, int], list[tuple[str, float]]]:
    catalog, steps = Catalog(tmp_path_factory.mktemp("sample")), []
    counts = build(catalog, "small", lambda name, share: steps.append((name, share)))
    return catalog, counts, steps


def test_every_dataset_is_written_and_counted(city) -> None:
    catalog, counts, steps = city
    assert set(counts) == {spec.id for spec in DATASETS}
    assert {name: len(catalog.read(name)) for name in counts} == counts
    assert counts["waterlogging_points"] == 600
    assert counts["city_components"] == 20_000
    assert counts["cameras"] == counts["sensors"] == counts["forest_grid"] == 2_000
    assert 7_000 <= counts["roads"] <= 9_500
    assert [share for _, share in steps] == sorted(share for _, share in steps)
    assert steps[-1][1] == 1.0


@pytest.mark.parametrize("spec", DATASETS, ids=lambda spec: spec.id)
def test_rows_follow_the_dataset(city, spec) -> None:
    frame = city[0].read(spec.id)
    assert frame["id"].is_unique
    assert frame["id"].str.fullmatch(spec.id_pattern).all()
    assert frame["sample"].all()
    assert frame.geometry.is_valid.all()
    assert not frame.geometry.is_empty.any()
    for field in spec.fields:
        if field.required:
            assert frame[field.name].notna().all()
            assert (frame[field.name].astype(str).str.len() > 0).all()
        if field.name in spec.labels:
            assert set(frame[field.name].astype(str)) <= set(spec.labels[field.name]), field.name


def test_the_same_scale_gives_equal_frames(city, tmp_path: Path) -> None:
    again = Catalog(tmp_path)
    build(again, "small", lambda *_: None)
    for spec in DATASETS:
        assert city[0].path(spec.id).read_bytes() == again.path(spec.id).read_bytes(), spec.id


def test_counties_hold_their_seats_and_the_published_area(city) -> None:
    counties = city[0].read("counties").set_index("id")
    area = sum(abs(GEOD.geometry_area_perimeter(shape)[0]) for shape in counties.geometry) / 1e6
    assert abs(area - 17_191) / 17_191 < 0.10
    for code, name, lon, lat, _ in COUNTIES:
        assert counties.loc[code, "name"] == name
        assert counties.loc[code, "geometry"].contains(shapely.Point(lon, lat)), name
    assert np.allclose(counties.total_bounds, (117.41, 34.38, 119.20, 36.21), atol=0.03)
    assert counties.geometry.union_all().geom_type == "Polygon"
    overlap = sum(a.intersection(b).area for i, a in enumerate(counties.geometry) for b in counties.geometry[:i])
    assert overlap < 1e-6


def test_rivers_run_as_the_facts_say(city) -> None:
    rivers = city[0].read("rivers").set_index("name").geometry
    outline = city[0].read("counties").geometry.union_all()
    for name, line in rivers.items():
        assert line.is_simple, name
        assert outline.covers(line), name
    seats = {name: shapely.Point(lon, lat) for _, name, lon, lat, _ in COUNTIES}
    at_linyi = shapely.intersection(rivers["沂河"], shapely.LineString([(117, 35.062), (120, 35.062)]))
    assert seats["兰山区"].x < at_linyi.x < seats["河东区"].x
    assert rivers["沂河"].coords[0][1] > rivers["沂河"].coords[-1][1]
    assert shapely.Point(rivers["祊河"].coords[-1]).distance(rivers["沂河"]) < 1e-5
    for near, river in (
        ("沂水县", "沂河"),
        ("沂南县", "沂河"),
        ("郯城县", "沂河"),
        ("平邑县", "祊河"),
        ("费县", "祊河"),
    ):
        assert seats[near].distance(rivers[river]) < 0.09, near


def test_roads_are_one_network_that_can_be_reached_and_left(city) -> None:
    roads = city[0].read("roads")
    graph = RoadGraph.from_frame(roads)
    assert len(graph.arrays.main_nodes) == graph.node_count
    assert set(roads["road_class"]) == set(dataset("roads").labels["road_class"])
    places = [(lon, lat) for _, _, lon, lat, _ in COUNTIES]
    for lon, lat in places:
        assert all(travel.seconds is not None for travel in graph.travel_to(lon, lat, places, max_s=4 * 3600))


def test_codes_are_built_as_the_standards_build_them(city) -> None:
    components = city[0].read("city_components")
    built = components["county_code"] + components["class_code"] + components["subclass_code"]
    assert (components["id"].str[:10] == built).all()
    assert 0.93 < (components["state"] == "normal").mean() < 0.97
    cameras = city[0].read("cameras")
    assert (cameras["id"].str[:8] == cameras["county_code"] + "00").all()
    assert (cameras["id"].str[8:10] == "08").all()
    assert set(cameras["id"].str[10:13]) == {"131", "132"}


def test_each_waterlogging_point_has_its_gauge_and_camera(city) -> None:
    catalog = city[0]
    points, sensors = catalog.read("waterlogging_points"), catalog.read("sensors").set_index("id")
    assert (points["kind"] == "underpass").sum() == 120
    assert points.loc[points["kind"] == "underpass", "pump_m3_h"].notna().all()
    gauges = sensors.loc[points["sensor_id"]]
    assert (gauges["quantities"] == "depth_m").all()
    assert (gauges["asset_id"].to_numpy() == points["id"].to_numpy()).all()
    assert points["camera_id"].isin(catalog.read("cameras")["id"]).all()
    assert points["county_code"].isin(["371302", "371311", "371312"]).mean() > 0.5
    demo = points.set_index("id").loc[list(DEMO_UNDERPASSES)]
    assert set(demo["county_code"]) == {"371302"}
    counties = catalog.read("counties").set_index("id")
    assert gpd.GeoSeries(demo.geometry).within(counties.loc["371302", "geometry"]).all()


def test_river_stations_measure_stage_and_flow(city) -> None:
    sensors = city[0].read("sensors").set_index("id")
    for gauge, name, *_ in RIVER_GAUGES:
        assert sensors.loc[gauge, "quantities"] == "stage_m,flow_m3s"
        assert name in sensors.loc[gauge, "name"]


def test_forest_danger_is_smooth_in_space(city) -> None:
    grid = city[0].read("forest_grid")
    assert set(grid["danger_level"]) <= {1, 2, 3, 4, 5}
    levels = dict(zip(grid["id"], grid["danger_level"], strict=True))
    cell = {tuple(map(int, re.findall(r"\d{3}", name))): level for name, level in levels.items()}
    steps = [abs(level - cell[x + 1, y]) for (x, y), level in cell.items() if (x + 1, y) in cell]
    assert np.mean(np.array(steps) <= 1) > 0.99


def test_an_unknown_scale_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="small"):
        build(Catalog(tmp_path), "huge", lambda *_: None)
