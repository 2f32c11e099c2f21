"""CSV and XLSX with longitude and latitude columns, or with a WKT column for lines and polygons."""

import csv
import io
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import ParseError

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import shapely
from numpy.typing import NDArray
from openpyxl.utils.exceptions import InvalidFileException

from geodata.archives import UNZIP_ERRORS, check_zip
from geodata.errors import BadInput
from geodata.raw_table import RawTable, Shapes, check_rows, check_size, check_vertices, frame_of, utf8_text

LON_NAMES: Final = ("lon", "lng", "long", "longitude", "经度", "东经", "x", "x坐标", "coordx", "point_x")
LAT_NAMES: Final = ("lat", "latitude", "纬度", "北纬", "y", "y坐标", "coordy", "point_y")
WKT_NAMES: Final = ("geometry", "geom", "wkt", "the_geom", "几何", "空间数据")
EXACT_BELOW_IN_SHEETS: Final = 1e15  # spreadsheets keep 15 digits of a number
_CRS_HINT: Final = "表格里没有坐标系信息,国内表格常用 GCJ-02(高德、腾讯)或 BD-09(百度),差约 500 米"
_MAX_COLUMNS: Final = 500
_XLSX_ERRORS: Final = (
    *UNZIP_ERRORS, InvalidFileException, ParseError, LookupError, ValueError, TypeError, AttributeError,
)  # fmt: skip


def read_csv(path: Path, encoding: str | None) -> RawTable:
    """Rows of a CSV (comma, semicolon or tab; UTF-8, UTF-16 with BOM, GBK). All values stay text."""
    check_size(path, 512)
    text = utf8_text(path.read_bytes(), encoding, path.name)
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    names = _header(next(csv.reader(io.StringIO(text[:100_000]), delimiter=delimiter), []), path.name)
    unreadable: list[tuple[int, str]] = []
    table = _parsed(text, names, delimiter, unreadable, path.name)
    del text
    total = table.num_rows + len(unreadable)
    lost = np.array([number - 2 for number, _ in unreadable], np.int64)
    numbers = np.delete(np.arange(2, total + 2), lost)
    frame = table.to_pandas()
    empty = (frame == "").all(axis=1).to_numpy(bool)
    return _as_table(frame[~empty].reset_index(drop=True), numbers[~empty], tuple(unreadable), path, ())


def _parsed(text: str, names: list[str], delimiter: str, unreadable: list[tuple[int, str]], name: str) -> pa.Table:
    def keep(row: Any) -> str:
        unreadable.append((row.number, row.text))
        return "skip"

    try:
        return pyarrow.csv.read_csv(
            pa.BufferReader(text.encode("utf-8", "replace")),
            pyarrow.csv.ReadOptions(use_threads=False, column_names=names, skip_rows_after_names=1, block_size=8 << 20),
            pyarrow.csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=keep
            ),
            pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return pa.table({column: pa.array([], pa.string()) for column in names})
        raise BadInput(f"{name} 不是正确的 CSV:{str(error)[:160]}") from None


def read_xlsx(path: Path, encoding: str | None) -> RawTable:  # noqa: ARG001 - XLSX is always UTF-8 inside
    """Rows of the first sheet. Values keep their kind, since a code stored as a number has lost its last digits."""
    check_size(path, 200)
    check_zip(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            try:
                sheet = book.worksheets[0]
                sheet.reset_dimensions()
                names, columns, numbers = _sheet(sheet.iter_rows(values_only=True), path)
                others = book.sheetnames[1:]
            finally:
                book.close()
    except BadInput:
        raise
    except _XLSX_ERRORS as error:
        raise BadInput(f"{path.name} 不是能读的 XLSX:{str(error)[:160]}") from None
    frame = frame_of({name: pd.Series(column, dtype=object) for name, column in zip(names, columns, strict=True)},
                     len(numbers))  # fmt: skip
    notes = (f"只读第一张工作表;未读:{'、'.join(others)[:200]}",) if others else ()
    return _as_table(frame, np.array(numbers, np.int64), (), path, notes)


def _sheet(rows: Iterable[tuple[Any, ...]], path: Path) -> tuple[list[str], list[list[Any]], list[int]]:
    cells = iter(rows)
    header = list(next(cells, ()))
    while header and header[-1] in (None, ""):
        header.pop()
    names = _header(["" if value is None else str(value) for value in header], path.name)
    columns: list[list[Any]] = [[] for _ in names]
    numbers: list[int] = []
    for number, row in enumerate(cells, start=2):
        if all(value is None or value == "" for value in row):
            continue
        numbers.append(number)
        for place, column in enumerate(columns):
            column.append(row[place] if place < len(row) else None)
        if number % 500_000 == 0:
            check_rows(path, number)
    return names, columns, numbers


def _header(raw: list[str], name: str) -> list[str]:
    names = [text.strip() or f"第{place}列" for place, text in enumerate(raw, start=1)]
    if not any(text.strip() for text in raw):
        raise BadInput(f"{name} 没有表头;第一行应是列名")
    if len(names) > _MAX_COLUMNS:
        raise BadInput(f"{name} 有 {len(names)} 列,最多 {_MAX_COLUMNS} 列")
    twice = sorted({text for text in names if names.count(text) > 1})
    if twice:
        raise BadInput(f"{name} 的列名重复:{'、'.join(twice)};请改名后再导入")
    return names


def _as_table(
    frame: pd.DataFrame,
    numbers: NDArray[np.int64],
    unreadable: tuple[tuple[int, str], ...],
    path: Path,
    notes: tuple[str, ...],
) -> RawTable:
    check_rows(path, len(frame))
    geometry, problems, used = _geometry(frame, path.name)
    check_vertices(path, geometry)
    return RawTable(
        columns=frame,
        geometry=geometry,
        row_numbers=numbers,
        crs_hint=_CRS_HINT,
        geometry_problems=problems,
        geometry_columns=used,
        unreadable=unreadable,
        notes=notes,
        exact_below=EXACT_BELOW_IN_SHEETS,
    )


def _geometry(frame: pd.DataFrame, name: str) -> tuple[Shapes, dict[int, str], tuple[str, ...]]:
    by_name = {str(column).lower(): str(column) for column in frame.columns}
    lon, lat, wkt = (
        next((by_name[n] for n in names if n in by_name), "") for names in (LON_NAMES, LAT_NAMES, WKT_NAMES)
    )
    if lon and lat:
        return (*_points(frame[lon], frame[lat]), (lon, lat))
    if wkt:
        return (*_from_wkt(frame[wkt]), (wkt,))
    raise BadInput(
        f"{name} 里没有坐标列;要有经度和纬度两列(lon/lng/经度/x 与 lat/纬度/y),或一列 WKT(geometry)。"
        f"现有列:{'、'.join(map(str, frame.columns))[:400]}"
    )


def _points(lon: "pd.Series[Any]", lat: "pd.Series[Any]") -> tuple[Shapes, dict[int, str]]:
    x = pd.to_numeric(lon, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    y = pd.to_numeric(lat, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    bad = ~(np.isfinite(x) & np.isfinite(y))
    shapes: Shapes = np.empty(len(x), dtype=object)
    shapes[~bad] = shapely.points(x[~bad], y[~bad])
    rows = np.flatnonzero(bad)
    pairs = zip(rows.tolist(), lon.iloc[rows], lat.iloc[rows], strict=True)
    return shapes, {row: f"坐标不是有限的数:{str(a)[:40]!r}, {str(b)[:40]!r}" for row, a, b in pairs}


def _from_wkt(column: "pd.Series[Any]") -> tuple[Shapes, dict[int, str]]:
    """Collections are refused unread: they cannot be imported anyway, and nested ones could exhaust the parser."""
    shapes: Shapes = np.empty(len(column), dtype=object)
    problems: dict[int, str] = {}
    for row, value in enumerate(column):
        if not isinstance(value, str) or not value.strip():
            problems[row] = "没有几何"
        elif "COLLECTION" in value.upper():
            problems[row] = "几何集合(GeometryCollection)不能导入,请拆成单一类型"
        else:
            shapes[row] = shapely.from_wkt(value, on_invalid="ignore")
            if shapes[row] is None:
                problems[row] = f"WKT 无法读取:{value[:60]!r}"
    return shapes, problems
