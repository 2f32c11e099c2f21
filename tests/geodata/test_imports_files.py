"""Files that cannot be used: refused whole, in one clear sentence, before they cost memory; nothing is changed."""

import json
import struct
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geodata.catalog import Catalog
from geodata.errors import BadInput, CityError, NotFound, TooLarge
from geodata.imports import ImportOptions, import_file
from geodata.wkb import wkb_problem

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
FRAME = gpd.GeoDataFrame({"id": ["W1"], "name": ["仓库"]}, geometry=[shapely.Point(118.3, 35.1)], crs="EPSG:4326")


def refused(path: Path, error: type[CityError], *words: str, layer: str = "warehouses", **options: object) -> None:
    catalog = Catalog(path.parent / "data")
    with pytest.raises(error) as caught:
        import_file(path, layer, catalog, ImportOptions(**options), NOW)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert not catalog.exists(layer) if layer == "warehouses" else True


def shapefile(folder: Path, keep: Callable[[str], bool], prefix: str = "") -> Path:
    parts = folder / "parts"
    parts.mkdir()
    FRAME.to_file(parts / "a.shp", driver="ESRI Shapefile", encoding="utf-8")
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(parts.iterdir()):
            if keep(part.suffix):
                archive.writestr(f"{prefix}{part.name}", part.read_bytes())
    return folder / "a.zip"


def test_shapefile_without_prj_is_never_guessed(tmp_path: Path) -> None:
    path = shapefile(tmp_path, lambda suffix: suffix != ".prj")
    refused(path, BadInput, ".prj", "--crs", "CGCS2000", "GCJ-02", "BD-09")
    assert import_file(path, "warehouses", Catalog(tmp_path), ImportOptions(crs="CGCS2000"), NOW).stored == 1


@pytest.mark.parametrize("missing", [".shp", ".shx", ".dbf"])
def test_shapefile_with_a_part_missing(missing: str, tmp_path: Path) -> None:
    refused(shapefile(tmp_path, lambda suffix: suffix != missing), BadInput, missing)


@pytest.mark.parametrize("prefix", ["../", "/etc/", "a/../../", "..\\", "C:\\x\\"])
def test_archive_members_that_leave_the_folder(prefix: str, tmp_path: Path) -> None:
    refused(shapefile(tmp_path, lambda _: True, prefix), BadInput, "压缩包之外")


def test_archive_with_two_layers_names_them(tmp_path: Path) -> None:
    path = shapefile(tmp_path, lambda _: True)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("道路.shp", b"")
    refused(path, BadInput, "道路", "一个压缩包只放一个")


@pytest.mark.parametrize("suffix", [".zip", ".xlsx"])
def test_bombs_are_known_by_their_directory(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"bomb{suffix}"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.shp", "w") as member:
        for _ in range(80):
            member.write(bytes(1 << 20))
    refused(path, TooLarge, "压缩炸弹", crs="wgs84")


def test_archive_of_very_many_members(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(2001):
            archive.writestr(f"{number}.txt", b"")
    refused(path, TooLarge, "2001")


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".zip", ".csv", ".xlsx", ".parquet"])
@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04broken", b"\xff\xfe\x00", b"SQLite format 3\x00" + bytes(100), b"PAR1"]
)
def test_broken_files_of_every_kind(suffix: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(data)
    refused(path, BadInput, crs="wgs84")


@pytest.mark.parametrize("suffix", [".gpkg", ".zip", ".xlsx", ".parquet"])
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1, exclude_max=True), junk=st.binary(min_size=1, max_size=40))
def test_damage_anywhere_is_an_error_we_name_or_counts_that_add_up(
    suffix: str, at: float, junk: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    path = folder / f"a{suffix}"
    if suffix == ".zip":
        shapefile(folder, lambda _: True)
    elif suffix == ".xlsx":
        FRAME.drop(columns="geometry").assign(lon=118.3, lat=35.1).to_excel(path, index=False)
    elif suffix == ".gpkg":
        FRAME.to_file(path, driver="GPKG")
    else:
        FRAME.to_parquet(path)
    data = bytearray(path.read_bytes())
    place = int(at * len(data))
    data[place : place + len(junk)] = junk
    path.write_bytes(bytes(data))
    try:
        report = import_file(path, "warehouses", Catalog(folder), ImportOptions(crs="wgs84"), NOW)
    except CityError:
        return
    assert report.read == report.stored + report.unchanged + report.rejected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"type": "FeatureCollection", "features": [', ("JSON", "行")),
        ("[" * 200_000, ("JSON",)),
        ('{"a": ' * 200_000, ("JSON",)),
        ("[NaN," + "[" * 200_000, ("JSON", "嵌套")),
        ('{"type": "FeatureCollection", "features": {}}', ("features",)),
        ('{"type": "Topology"}', ("FeatureCollection",)),
        ("[]", ("FeatureCollection",)),
        ("42", ("FeatureCollection",)),
        ('{"type": []}', ("FeatureCollection",)),
    ],
)
def test_json_that_is_no_geojson(text: str, words: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(text, encoding="utf-8")
    refused(path, BadInput, *words)


def test_a_depth_bomb_inside_one_feature(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    deep = "[" * 900 + "]" * 900
    path.write_text(
        '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"1","name":"a"},'
        f'"geometry":{{"type":"Polygon","coordinates":{deep}}}}}]}}',
        encoding="utf-8",
    )
    report = import_file(path, "warehouses", Catalog(tmp_path), ImportOptions(), NOW)
    assert (report.read, report.rejected) == (1, 1)


def test_too_many_vertices_are_counted_before_parsing(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_bytes(b'{"type":"LineString","coordinates":[' + b"[0,0]," * 20_000_001 + b"[0,0]]}")
    refused(path, TooLarge, "10000000")


def test_size_is_looked_at_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    with path.open("wb") as file:
        file.truncate(513 << 20)  # sparse: takes no room on the disk
    refused(path, TooLarge, "513 MB")


@pytest.mark.parametrize(
    ("name", "words"),
    [("a.shp", (".zip",)), ("a.xls", (".xlsx",)), ("a.dwg", (".dwg", "GeoPackage")), ("a", ("无后缀",))],
)
def test_other_file_types(name: str, words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    refused(tmp_path / name, BadInput, *words)


def test_no_file_and_no_layer(tmp_path: Path) -> None:
    refused(tmp_path / "none.csv", NotFound, "none.csv")
    refused(tmp_path / "none.csv", NotFound, "volcanoes", layer="volcanoes")


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("id,name,lon,lat\n1,a,118,35\n", {}, ("--crs", "GCJ-02")),
        ("id,name,lon,lat\n1,a,118,35\n", {"crs": "火星坐标"}, ("火星坐标", "GCJ-02")),
        ("id,name,lon,lat\n1,a,118,35\n", {"crs": "wgs84", "encoding": "klingon"}, ("klingon",)),
        ("id,name,lon,lat\n1,a,118,35\n", {"crs": "wgs84", "mapping": {"nom": "name"}}, ("nom", "name")),
        ("id,name,lon,lat\n1,a,118,35\n", {"crs": "wgs84", "mapping": {"name": "称呼"}}, ("称呼", "现有列")),
        ("牌号,name,lon,lat\n1,a,118,35\n", {"crs": "wgs84"}, ("id", "牌号", "--map")),
        ("id,外号,lon,lat\n1,a,118,35\n", {"crs": "wgs84"}, ("name(名称)", "外号")),
        ("id,name,east,north\n1,a,118,35\n", {"crs": "wgs84"}, ("坐标列", "east", "经度")),
        ("id,name,name,lon,lat\n", {"crs": "wgs84"}, ("列名重复", "name")),
        (",,\n1,a,b\n", {"crs": "wgs84"}, ("没有表头",)),
    ],
)
def test_tables(text: str, options: dict[str, object], words: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    refused(path, BadInput, *words, **options)


def test_text_in_no_known_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("id,名称\n".encode() + b"\xff\xff\x80\n")
    refused(tmp_path / "a.csv", BadInput, "--encoding", crs="wgs84")


def test_geopackage_with_several_layers(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    FRAME.to_file(path, layer="甲", driver="GPKG")
    FRAME.to_file(path, layer="乙", driver="GPKG")
    refused(path, BadInput, "甲", "乙", "warehouses")
    FRAME.to_file(path, layer="warehouses", driver="GPKG")
    assert import_file(path, "warehouses", Catalog(tmp_path), ImportOptions(), NOW).stored == 1


def test_unknown_crs_inside_a_file_is_not_guessed(tmp_path: Path) -> None:
    for suffix in (".gpkg", ".parquet"):
        path = tmp_path / f"a{suffix}"
        bare = FRAME.set_crs(None, allow_override=True)
        if suffix == ".parquet":
            bare.to_parquet(path)
        else:
            with pytest.warns(UserWarning, match="crs"):
                bare.to_file(path, driver="GPKG")
        refused(path, BadInput, "--crs")


def nested_wkb(code: int, depth: int) -> bytes:
    return struct.pack("<BII", 1, code, 1) * depth + struct.pack("<BIdd", 1, 1, 118.3, 35.1)


@pytest.mark.parametrize("code", [4, 6, 7, 1007, 0x80000006])
def test_nested_wkb_never_reaches_the_parser(code: int, tmp_path: Path) -> None:
    """GEOS follows nested geometries until its stack ends; a hundred thousand levels stop the process."""
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB"}}}
    table = pa.table({"id": ["1", "2"], "name": ["a", "b"],
                      "geometry": [nested_wkb(code, 100_000), shapely.to_wkb(shapely.Point(118.3, 35.1))]})  # fmt: skip
    path = tmp_path / "a.parquet"
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    report = import_file(path, "warehouses", Catalog(tmp_path), ImportOptions(), NOW)
    assert (report.stored, report.rejected) == (1, 1)


@pytest.mark.parametrize("flavor", ["iso", "extended"])
@pytest.mark.parametrize("byte_order", [0, 1])
@pytest.mark.parametrize(
    "wkt",
    ["POINT (1 2)", "POINT Z (1 2 3)", "MULTIPOINT ((1 2), (3 4))", "LINESTRING Z (1 2 3, 4 5 6)",
     "MULTILINESTRING ((1 2, 3 4), (5 6, 7 8))", "POLYGON ((0 0, 1 0, 1 1, 0 0))", "MULTIPOLYGON EMPTY",
     "MULTIPOLYGON Z (((0 0 1, 1 0 1, 1 1 1, 0 0 1)), ((5 5 1, 9 5 1, 9 9 1, 5 5 1), (7 6 1, 8 6 1, 8 7 1, 7 6 1)))"],
)  # fmt: skip
def test_proper_wkb_passes(wkt: str, byte_order: int, flavor: str) -> None:
    shape = shapely.from_wkt(wkt)
    assert wkb_problem(shapely.to_wkb(shape, byte_order=byte_order, flavor=flavor)) == ""
    assert wkb_problem(shapely.to_wkb(shapely.set_srid(shape, 4490), flavor="extended", include_srid=True)) == ""


@settings(max_examples=200)
@given(data=st.binary(max_size=60))
def test_wkb_look_survives_anything(data: bytes) -> None:
    assert isinstance(wkb_problem(data), str)
