"""Every format in, the same rows out: text, numbers and places survive the way through a file and the catalogue."""

import csv
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geodata.catalog import Catalog
from geodata.crs import from_wgs84
from geodata.imports import ImportOptions, import_file

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "linyi_counties_gcj02.geojson"
FORMATS = [".geojson", ".gpkg", ".zip", ".csv", ".xlsx", ".parquet"]

WORDS = (
    st.text(st.sampled_from("沂蒙山河东罗庄abcXYZ01,;'\"-()() "), min_size=1, max_size=12).map(str.strip).filter(bool)
)
ROWS = st.lists(
    st.tuples(WORDS, st.floats(117.5, 119.1), st.floats(34.5, 36.1), st.integers(0, 400) | st.none()),
    min_size=1,
    max_size=8,
)


def frame_of(rows: list[tuple[str, float, float, int | None]], crs: str = "EPSG:4490") -> gpd.GeoDataFrame:
    """Teams by their Chinese and English column names, at places in `crs` (shifted datums carry EPSG:4326)."""
    places = shapely.points([(lon, lat) for _, lon, lat, _ in rows])
    columns = {
        "编号": [f"T{number:03d}" for number in range(len(rows))],
        "name": [row[0] for row in rows],
        "kind": ["排水"] * len(rows),
        "capa": ["pump,drain"] * len(rows),
        "members": np.array([np.nan if row[3] is None else row[3] for row in rows], np.float64),
    }
    return gpd.GeoDataFrame(columns, geometry=from_wgs84(places, crs), crs="EPSG:4326").set_crs(
        crs if crs.startswith("EPSG") else "EPSG:4326", allow_override=True
    )


def save(frame: gpd.GeoDataFrame, path: Path) -> Path:
    """The frame as the format that the suffix of `path` names."""
    if path.suffix == ".zip":
        folder = path.with_suffix(".parts")
        folder.mkdir(exist_ok=True)
        frame.to_file(folder / "队伍.shp", driver="ESRI Shapefile", encoding="utf-8")
        with zipfile.ZipFile(path, "w") as archive:
            for part in sorted(folder.iterdir()):
                archive.write(part, f"图层/{part.name}")
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix in (".csv", ".xlsx"):
        header = [*frame.columns.drop("geometry"), "经度", "纬度"]
        cells = frame.drop(columns="geometry").astype(object).to_numpy()
        rows = [
            [*(None if value != value else value for value in row), shape.x, shape.y]
            for row, shape in zip(cells, frame.geometry, strict=True)
        ]
        write_csv(path, header, rows) if path.suffix == ".csv" else write_xlsx(path, header, rows)
    else:
        frame.to_file(path, driver={".geojson": "GeoJSON", ".gpkg": "GPKG"}[path.suffix])
    return path


def write_csv(path: Path, header: list[str], rows: list[list[object]], encoding: str = "utf-8") -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_xlsx(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    for row in [header, *rows]:
        book.worksheets[0].append(row)
    book.save(path)
    return path


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_round_trip(suffix: str, rows: list, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("round")
    frame = frame_of(rows)
    path = save(frame.to_crs("OGC:CRS84") if suffix == ".geojson" else frame, folder / f"teams{suffix}")
    options = ImportOptions(
        mapping={"id": "编号", "capabilities": "capa"}, crs="CGCS2000" if suffix in (".csv", ".xlsx") else None
    )
    catalog = Catalog(folder)
    report = import_file(path, "teams", catalog, options, NOW)
    assert (report.read, report.stored, report.unchanged, report.rejected) == (len(rows), len(rows), 0, 0)
    back = catalog.read("teams")
    assert back["id"].tolist() == frame["编号"].tolist()
    assert back["name"].tolist() == frame["name"].tolist()
    assert [None if value != value else value for value in back["members"].astype(float)] == [row[3] for row in rows]
    wanted = np.array([(lon, lat) for _, lon, lat, _ in rows])
    assert np.abs(shapely.get_coordinates(back.geometry.array) - wanted).max() < 1e-6
    again = import_file(path, "teams", catalog, options, NOW)
    assert (again.stored, again.unchanged, again.rejected) == (0, len(rows), 0)


@pytest.mark.parametrize("crs", ["EPSG:4527", "EPSG:4548", "EPSG:3857"])
@pytest.mark.parametrize("suffix", [".gpkg", ".zip", ".parquet"])
def test_the_files_own_projection_is_used(suffix: str, crs: str, tmp_path: Path) -> None:
    path = save(frame_of([("河东泵车队", 118.4, 35.1, 12)], crs), tmp_path / f"teams{suffix}")
    catalog = Catalog(tmp_path)
    report = import_file(path, "teams", catalog, ImportOptions(mapping={"capabilities": "capa"}), NOW)
    assert (report.stored, report.flagged) == (1, 0)
    assert catalog.read("teams").geometry[0].distance(shapely.Point(118.4, 35.1)) < 1e-7


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("datum", ["GCJ-02", "bd09"])
def test_given_datum_beats_the_files_own(suffix: str, datum: str, tmp_path: Path) -> None:
    path = save(frame_of([("河东泵车队", 118.4, 35.1, 12)], datum), tmp_path / f"teams{suffix}")
    catalog = Catalog(tmp_path)
    import_file(path, "teams", catalog, ImportOptions(crs=datum, mapping={"capabilities": "capa"}), NOW)
    assert catalog.read("teams").geometry[0].distance(shapely.Point(118.4, 35.1)) < 1e-6


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_csv_encodings_are_recognised(encoding: str, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", ["编号", "名称", "物资", "lng", "lat"],
                     [["W1", "沂河仓库", "编织袋,水泵", 118.3, 35.1]], encoding)  # fmt: skip
    catalog = Catalog(tmp_path)
    assert import_file(path, "warehouses", catalog, ImportOptions(crs="wgs84"), NOW).stored == 1
    assert catalog.read("warehouses")[["name", "items"]].to_numpy().tolist() == [["沂河仓库", "编织袋,水泵"]]


class GbkNamed(zipfile.ZipInfo):
    """A member as Chinese Windows names it: GBK bytes, and no flag that says so."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("gbk"), self.flag_bits


def shapefile_zip(folder: Path, name: str, encoding: str, cpg: str | None, drop: tuple[str, ...] = ()) -> Path:
    """A Shapefile as Chinese desktop programs ship it: field names and text in `encoding`, member names in GBK."""
    frame = gpd.GeoDataFrame(
        {"编号": ["W1", "W2"], "名称": ["沂蒙山应急物资储备库", "罗庄"], "物资": ["帐篷", "水泵"]},
        geometry=shapely.points([(118.3, 35.1), (118.2, 34.9)]),
        crs="EPSG:4490",
    )
    parts = folder / "parts"
    parts.mkdir()
    frame.to_file(parts / "layer.shp", driver="ESRI Shapefile", encoding=encoding)
    (parts / "layer.cpg").unlink()
    if cpg:
        (parts / "layer.cpg").write_text(cpg)
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for part in sorted(parts.iterdir()):
            if part.suffix not in drop:
                archive.writestr(GbkNamed(f"仓库{part.suffix}"), part.read_bytes())
    return path


@pytest.mark.parametrize(
    ("encoding", "cpg"),
    [("gbk", None), ("gbk", "GBK"), ("gbk", "UTF-8"), ("gbk", "936"), ("utf-8", None), ("utf-8", "UTF-8"),
     ("utf-8", "GBK")],
)  # fmt: skip
def test_shapefile_text_whatever_its_cpg_says(encoding: str, cpg: str | None, tmp_path: Path) -> None:
    path = shapefile_zip(tmp_path, "仓库.zip", encoding, cpg)
    catalog = Catalog(tmp_path)
    assert import_file(path, "warehouses", catalog, ImportOptions(), NOW).stored == 2
    back = catalog.read("warehouses")
    assert back["name"].tolist() == ["沂蒙山应急物资储备库", "罗庄"]
    assert back["items"].tolist() == ["帐篷", "水泵"]


def test_geojson_old_crs_member_and_feature_ids(tmp_path: Path) -> None:
    east, north = shapely.get_coordinates(from_wgs84(np.array([shapely.Point(118.4, 35.1)]), "EPSG:4548"))[0]
    feature = {"type": "Feature", "id": 7, "properties": {"name": "仓库"},
               "geometry": {"type": "Point", "coordinates": [east, north, 66.0]}}  # fmt: skip
    document = {"type": "FeatureCollection", "features": [feature],
                "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4548"}}}  # fmt: skip
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(document), encoding="utf-8")
    catalog = Catalog(tmp_path)
    report = import_file(path, "warehouses", catalog, ImportOptions(), NOW)
    back = catalog.read("warehouses")
    assert back["id"].tolist() == ["7"]
    assert back.geometry[0].distance(shapely.Point(118.4, 35.1)) < 1e-7
    assert not back.geometry[0].has_z
    assert any("高程" in note for note in report.notes)


def test_wkt_column_holds_lines(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "roads.csv", ["id", "road_class", "限速", "oneway", "geometry"],
                     [["1", "国道", "80", "是", "LINESTRING (118.3 35.1, 118.4 35.2)"],
                      ["2", "primary", "60", "", "MULTILINESTRING ((118.3 35.1, 118.4 35.2))"],
                      ["3", "primary", "60", "否", "LINESTRING (118.3 35.1, 118.3 35.1)"]])  # fmt: skip
    catalog = Catalog(tmp_path)
    report = import_file(path, "roads", catalog, ImportOptions(crs="CGCS2000"), NOW)
    assert (report.stored, report.rejected) == (2, 1)
    back = catalog.read("roads")
    assert back["road_class"].tolist() == ["trunk", "primary"]
    assert back["oneway"].tolist() == [True, False]
    assert back.geom_type.tolist() == ["LineString", "LineString"]


@pytest.mark.skipif(not SHARED.exists(), reason="the shared GCJ-02 county file is not on this machine")
def test_the_twelve_counties(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)
    first = import_file(SHARED, "counties", catalog, ImportOptions(crs="GCJ-02"), NOW)
    assert (first.read, first.stored, first.flagged) == (12, 12, 0)
    assert first.area_km2 == pytest.approx(17_191, rel=0.005)
    version = catalog.version("counties")
    second = import_file(SHARED, "counties", catalog, ImportOptions(crs="GCJ-02"), NOW)
    assert (second.stored, second.unchanged) == (0, 12)
    assert catalog.version("counties") == version
