"""Row by row: what is refused, what is taken with a remark, and that the counts add up whatever comes."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest
import shapely
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from geodata.catalog import Catalog
from geodata.imports import ImportOptions, ImportReport, import_file

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
CODE = "3713020102000001"
HEADER = ["标识码", "名称", "大类", "小类", "状态", "lon", "lat"]
GOOD = [CODE, "污水井盖", "01", "02", "normal", "118.35", "35.10"]


def csv_report(folder: Path, rows: list[list[str]], **options: object) -> ImportReport:
    path = folder / "parts.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return import_file(path, "city_components", Catalog(folder), ImportOptions(crs="CGCS2000", **options), NOW)


def with_value(column: str, value: str) -> list[str]:
    return [value if name == column else old for name, old in zip(HEADER, GOOD, strict=True)]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("标识码", "", "缺少 id"),
        ("标识码", "123", "16 位部件标识码"),
        ("标识码", "3.71302E+15", "已丢失末位"),
        ("名称", "  ", "必填的 name"),
        ("名称", "井" * 2001, "超过 2000 字"),
        ("名称", "井\x00盖", "控制字符"),
        ("lon", "", "坐标不是有限的数"),
        ("lon", "abc", "坐标不是有限的数"),
        ("lon", "nan", "坐标不是有限的数"),
        ("lat", "inf", "坐标不是有限的数"),
        ("lon", "999", "超出经纬度的范围"),
    ],
)
def test_refused(column: str, value: str, reason: str, tmp_path: Path) -> None:
    report = csv_report(tmp_path, [GOOD, with_value(column, value)])
    assert (report.read, report.stored, report.rejected) == (2, 1, 1)
    assert report.rejects[0].row == 3, "the row a spreadsheet shows"
    assert reason in report.rejects[0].reason
    assert json.loads(report.rejects[0].original)["小类"] == "02" or len(report.rejects[0].original) == 4000


@pytest.mark.parametrize(
    ("column", "value", "reason", "field", "stored"),
    [
        ("名称", "<img src=x onerror=alert(1)>", "HTML", "name", "<img src=x onerror=alert(1)>"),
        ("名称", "井&#60;script&#62;", "HTML", "name", "井&#60;script&#62;"),
        ("大类", "99", "不在码表", "class_code", "99"),
        ("lon", "116.40", "临沂市范围之外", "name", "污水井盖"),
    ],
)
def test_taken_with_a_remark(column: str, value: str, reason: str, field: str, stored: str, tmp_path: Path) -> None:
    report = csv_report(tmp_path, [with_value(column, value)])
    assert (report.stored, report.rejected, report.flagged) == (1, 0, 1)
    assert reason in report.flags[0].reason
    assert Catalog(tmp_path).read("city_components")[field][0] == stored


def test_plain_text_with_signs_is_no_html(tmp_path: Path) -> None:
    assert csv_report(tmp_path, [with_value("名称", "水位 < 3 米 & 流量 > 2: A")]).flagged == 0


def test_code_tables_know_words_and_eaten_zeros(tmp_path: Path) -> None:
    row = with_value("大类", "2")
    row[HEADER.index("状态")] = "破损"
    assert csv_report(tmp_path, [row]).flagged == 0
    back = Catalog(tmp_path).read("city_components")
    assert (back["class_code"][0], back["state"][0]) == ("02", "damaged")


@pytest.mark.parametrize(
    ("crs", "x", "y"),
    [
        ("WGS-84", "35.10", "118.35"),
        ("GCJ-02", "35.10", "118.35"),
        ("EPSG:4527", "3886000", "39623000"),  # surveyors write north first
        ("WGS-84", "39.90", "116.40"),  # elsewhere in China, exchanged as well
    ],
)
def test_exchanged_axes_are_refused(crs: str, x: str, y: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"id,name,x,y\nW1,仓库,{x},{y}\n", encoding="utf-8")
    report = import_file(path, "warehouses", Catalog(tmp_path), ImportOptions(crs=crs), NOW)
    assert report.rejects[0].reason == "经纬度疑似颠倒"
    assert not Catalog(tmp_path).exists("warehouses")


def test_later_repeats_name_the_first_good_row(tmp_path: Path) -> None:
    bad_first = with_value("lon", "x")
    report = csv_report(tmp_path, [bad_first, GOOD, with_value("名称", "雨水井盖"), GOOD])
    assert (report.stored, report.rejected) == (1, 3)
    assert [reject.row for reject in report.rejects] == [2, 4, 5]
    assert "与第 3 行重复" in report.rejects[1].reason
    assert Catalog(tmp_path).read("city_components")["name"].tolist() == ["污水井盖"]


def test_lines_with_too_many_cells_are_kept_as_rejects(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        'id,name,lon,lat\n1,"甲\n乙",118.3,35.1\n2,丙,118.3,35.1,x\n\n,,,\n3,丁,118.3,35.1\n', encoding="utf-8"
    )
    report = import_file(path, "warehouses", Catalog(tmp_path), ImportOptions(crs="wgs84"), NOW)
    assert (report.read, report.stored, report.rejected) == (3, 2, 1)
    assert (report.rejects[0].row, json.loads(report.rejects[0].original)) == (3, {"line": "2,丙,118.3,35.1,x"})


def test_spreadsheet_numbers_as_codes(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [["adcode", "name", "geometry"],
                [371302.0, "兰山区", "POLYGON ((118.2 35, 118.4 35, 118.4 35.2, 118.2 35))"],
                ["371311", "罗庄区", "POLYGON ((118.2 34.8, 118.4 34.8, 118.4 34.9, 118.2 34.8))"]]:  # fmt: skip
        book.worksheets[0].append(row)
    book.save(tmp_path / "counties.xlsx")
    catalog = Catalog(tmp_path)
    import_file(tmp_path / "counties.xlsx", "counties", catalog, ImportOptions(crs="wgs84"), NOW)
    assert catalog.read("counties")["id"].tolist() == ["371302", "371311"]


@pytest.mark.parametrize("code", [3713020102000001, 3713020102000001.0, 3.7130200001310000e19])
def test_long_codes_as_numbers_have_lost_their_last_digits(code: float, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [HEADER, [code, *GOOD[1:5], 118.35, 35.1], [CODE, *GOOD[1:5], 118.35, 35.1]]:
        book.worksheets[0].append(row)
    book.save(tmp_path / "a.xlsx")
    report = import_file(
        tmp_path / "a.xlsx", "city_components", Catalog(tmp_path), ImportOptions(crs="wgs84", dry_run=True), NOW
    )
    assert (report.stored, report.rejected) == (1, 1)
    assert "编码被表格软件存成数字,已丢失末位" in report.rejects[0].reason
    assert report.rejects[0].row == 2


POLYGONS = {
    "good": [[[118.1, 35.1], [118.2, 35.1], [118.2, 35.2], [118.1, 35.1]]],
    "bowtie": [[[118.1, 35.1], [118.2, 35.2], [118.2, 35.1], [118.1, 35.2], [118.1, 35.1]]],
    "flat": [[[118.1, 35.1], [118.2, 35.1], [118.1, 35.1], [118.1, 35.1]]],
    "twice round": [[[118.1, 35.1], [118.3, 35.1], [118.3, 35.3], [118.1, 35.3], [118.1, 35.1],
                     [118.12, 35.12], [118.28, 35.12], [118.28, 35.28], [118.12, 35.28], [118.12, 35.12],
                     [118.1, 35.1]]],
}  # fmt: skip


@pytest.mark.parametrize(
    ("geometry", "outcome", "reason"),
    [
        ({"type": "Polygon", "coordinates": POLYGONS["good"]}, "stored", ""),
        ({"type": "MultiPolygon", "coordinates": [POLYGONS["good"]]}, "stored", ""),
        ({"type": "Polygon", "coordinates": POLYGONS["bowtie"]}, "flagged", "已自动修复"),
        ({"type": "Polygon", "coordinates": POLYGONS["flat"]}, "rejected", "无法可靠修复"),
        ({"type": "Polygon", "coordinates": POLYGONS["twice round"]}, "rejected", "无法可靠修复"),
        ({"type": "Polygon", "coordinates": []}, "rejected", "几何是空的"),
        ({"type": "Polygon", "coordinates": [[[118.1, 35.1], [118.2, 35.1]]]}, "rejected", "无法读取"),
        ({"type": "Polygon", "coordinates": "x"}, "rejected", "无法读取"),
        ({"type": "Polygon"}, "rejected", "无法读取"),
        ({"type": "Point", "coordinates": [118.1, 35.1]}, "rejected", "要的是面"),
        ({"type": "Point", "coordinates": [float("nan"), 35.1]}, "rejected", "不是有限的数"),
        ({"type": "GeometryCollection", "geometries": []}, "rejected", "几何集合"),
        ({"type": "Blob", "coordinates": []}, "rejected", "不是 GeoJSON 的类型"),
        ([1, 2], "rejected", "不是 GeoJSON 的类型"),
        (None, "rejected", "没有几何"),
    ],
)
def test_polygons(geometry: object, outcome: str, reason: str, tmp_path: Path) -> None:
    feature = {"type": "Feature", "properties": {"adcode": 371302, "name": "兰山区"}, "geometry": geometry}
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    report = import_file(path, "counties", Catalog(tmp_path), ImportOptions(), NOW)
    assert (report.stored, report.rejected, report.flagged) == {
        "stored": (1, 0, 0), "flagged": (1, 0, 1), "rejected": (0, 1, 0)
    }[outcome]  # fmt: skip
    if reason:
        assert reason in (report.rejects + report.flags)[0].reason
    if outcome == "flagged":
        shape = Catalog(tmp_path).read("counties").geometry[0]
        assert shape.is_valid
        assert shape.area == pytest.approx(0.005, rel=1e-6)  # two triangles of a 0.1° square, cut at its middle


@pytest.mark.parametrize(("value", "good"), [("3", True), ("3.0", True), ("", True), ("3.5", False), ("三", False),
                                             ("1e400", False), ("-inf", False)])  # fmt: skip
def test_whole_numbers(value: str, good: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'id,name,rank,geometry\nR1,沂河,{value},"LINESTRING (118.3 35.1, 118.4 35)"\n', encoding="utf-8")
    report = import_file(path, "rivers", Catalog(tmp_path), ImportOptions(crs="wgs84"), NOW)
    assert report.stored == good
    assert good or "rank(级别)不是整数" in report.rejects[0].reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
PAIR = st.lists(st.floats(-200, 200) | st.integers() | JSON, max_size=4)
SHAPE = st.fixed_dictionaries(
    {"type": st.sampled_from(["Point", "Polygon", "MultiPolygon", "LineString", "MultiPoint", "x"]) | JSON,
     "coordinates": PAIR | st.lists(PAIR, max_size=5) | st.lists(st.lists(PAIR, max_size=6), max_size=2) | JSON}
)  # fmt: skip
FEATURE = (
    st.fixed_dictionaries(
        {"properties": st.fixed_dictionaries({"adcode": JSON | st.integers(371300, 371399), "name": JSON}) | JSON,
         "geometry": SHAPE | JSON}
    )
    | JSON
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(features=st.lists(FEATURE, max_size=6))
@example(
    features=[{"properties": {"adcode": 371302, "name": 1}, "geometry": {"type": "Point", "coordinates": [2**70, 1]}}]
)
def test_counts_add_up_for_any_features(features: list, tmp_path: Path) -> None:
    first = {"properties": {"adcode": "371301", "name": "甲"},
             "geometry": {"type": "Polygon", "coordinates": POLYGONS["good"]}}  # fmt: skip
    path = tmp_path / "any.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [first, *features]}), encoding="utf-8")
    report = import_file(path, "counties", Catalog(tmp_path), ImportOptions(), NOW)
    check_counts(report, len(features) + 1)
    assert report.stored + report.unchanged >= 1


CELL = st.text(max_size=10) | st.sampled_from(["118.35", "35.1", CODE, "<b>", "nan", "-", "=1+1", "01", "1e999", '"'])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELL, min_size=5, max_size=9), max_size=6))
def test_counts_add_up_for_any_cells(rows: list[list[str]], tmp_path: Path) -> None:
    rows = [[cell.encode("utf-8", "ignore").decode() for cell in row] for row in rows]
    report = csv_report(tmp_path, [GOOD, *rows])
    check_counts(report, None)
    assert report.read <= len(rows) + 1
    assert report.stored + report.unchanged >= 1


def check_counts(report: ImportReport, read: int | None) -> None:
    assert report.read == report.stored + report.unchanged + report.rejected
    assert read is None or report.read == read
    assert (report.rejected, report.flagged) == (len(report.rejects), len(report.flags))
    assert all(len(row.original) <= 4000 and row.reason and row.row >= 1 for row in report.rejects + report.flags)
    assert len({row.row for row in report.rejects}) == report.rejected


def test_originals_of_great_shapes_stay_short(tmp_path: Path) -> None:
    ring = shapely.Point(10, 10).buffer(1, quad_segs=2000)
    feature = {
        "type": "Feature",
        "properties": {"adcode": "x", "name": "远"},
        "geometry": shapely.geometry.mapping(ring),
    }
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    report = import_file(path, "counties", Catalog(tmp_path), ImportOptions(), NOW)
    assert json.loads(report.rejects[0].original)["geometry"].startswith("Polygon(")
