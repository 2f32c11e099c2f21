"""Files of desktop GIS programs: zipped Shapefile, GeoPackage, GeoParquet."""

import json
import shutil
import tempfile
import warnings
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

from geodata.archives import UNZIP_ERRORS, check_zip, member_name
from geodata.dbf import dbf_encoding
from geodata.errors import BadInput, TooLarge
from geodata.raw_table import MIB, RawTable, Shapes, check_rows, check_size, check_vertices, frame_of
from geodata.wkb import wkb_problem

_NEEDED: Final = (".shp", ".shx", ".dbf")
_WANTED: Final = (*_NEEDED, ".prj", ".cpg")
_GDAL_ERRORS: Final = (DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError, ValueError, OSError)
_NO_PRJ: Final = "压缩包里没有 .prj 文件,坐标系不能猜"


def read_shapefile(path: Path, encoding: str | None) -> RawTable:
    """The one Shapefile in a zip. Text is decoded by `encoding`, or by what .cpg and the bytes themselves agree on."""
    check_size(path, 1024)
    chosen = _one_shapefile(path)
    with tempfile.TemporaryDirectory(prefix="import-") as folder:
        _unpack(path, chosen, Path(folder))
        shp = Path(folder) / "layer.shp"
        cpg = shp.with_suffix(".cpg")
        claimed = cpg.read_text("ascii", "ignore").strip() if cpg.exists() else ""
        text_encoding = encoding or dbf_encoding(shp.with_suffix(".dbf"), claimed)
        return _read_with_gdal(path, shp, None, text_encoding, "" if ".prj" in chosen else _NO_PRJ)


def _unpack(path: Path, chosen: dict[str, zipfile.ZipInfo], folder: Path) -> None:
    """The chosen members as `layer.shp` and so on: no name from the archive ever reaches the file system."""
    try:
        with zipfile.ZipFile(path) as archive:
            for suffix, member in chosen.items():
                with archive.open(member) as source, (folder / f"layer{suffix}").open("wb") as target:
                    shutil.copyfileobj(source, target, MIB)
    except UNZIP_ERRORS as error:
        raise BadInput(f"{path.name} 不是完好的压缩文件:{str(error)[:120]}") from None


def _one_shapefile(path: Path) -> dict[str, zipfile.ZipInfo]:
    """Suffix → member of the only Shapefile in the archive."""
    groups: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for member in check_zip(path):
        name = PurePosixPath(member_name(member).replace("\\", "/"))
        if name.suffix.lower() in _WANTED and "__MACOSX" not in name.parts:
            groups.setdefault(str(name.with_suffix("")), {})[name.suffix.lower()] = member
    layers = {stem: parts for stem, parts in groups.items() if ".shp" in parts}
    if len(layers) != 1:
        what = f"有 {len(layers)} 个 Shapefile({'、'.join(layers)[:200]})" if layers else "没有 .shp 文件"
        raise BadInput(f"{path.name} 里{what};请一个压缩包只放一个 Shapefile(.shp .shx .dbf .prj)")
    parts = next(iter(layers.values()))
    missing = [suffix for suffix in _NEEDED if suffix not in parts]
    if missing:
        raise BadInput(f"{path.name} 里缺少 {'、'.join(missing)};请把 .shp .shx .dbf .prj 一起打包")
    return parts


def read_geopackage(path: Path, layer: str | None) -> RawTable:
    """The only spatial layer of a GeoPackage, or the one called `layer`."""
    check_size(path, 2048)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            names = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
    except _GDAL_ERRORS as error:
        raise BadInput(f"{path.name} 不是能读的 GeoPackage:{str(error)[:160]}") from None
    if len(names) != 1 and layer not in names:
        found = "、".join(names)[:200] or "无"
        raise BadInput(f"{path.name} 有 {len(names)} 个空间图层({found});请只留一个,或把要导入的命名为 {layer}")
    return _read_with_gdal(path, path, layer if layer in names else names[0], None, "文件没有记录坐标系")


def _read_with_gdal(path: Path, source: Path, layer: str | None, text_encoding: str | None, hint: str) -> RawTable:
    """Rows by GDAL. With `text_encoding`, text is taken as raw bytes (Latin-1 keeps them all) and decoded here."""
    raw = "ISO-8859-1" if text_encoding else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check_rows(path, int(pyogrio.read_info(source, layer=layer, encoding=raw)["features"]))
            meta, _, wkb, values = pyogrio.raw.read(source, layer=layer, encoding=raw)
    except _GDAL_ERRORS as error:
        raise BadInput(f"{path.name} 无法读取:{str(error)[:160]}") from None
    if wkb is None:
        raise BadInput(f"{path.name} 没有几何,不能作为图层导入")
    names = [_decoded(name, text_encoding) for name in meta["fields"]]
    columns = {name: _texts(column, text_encoding) for name, column in zip(names, values, strict=True)}
    geometry, problems = _from_wkb(list(wkb))
    check_vertices(path, geometry)
    return RawTable(
        columns=frame_of(columns, len(wkb)),
        geometry=geometry,
        row_numbers=np.arange(1, len(wkb) + 1),
        crs=meta["crs"] or "",
        crs_hint=hint or "坐标系信息读不出来",
        geometry_problems=problems,
    )


def _decoded(text: Any, encoding: str | None) -> str:
    try:
        return str(text).encode("latin-1").decode(encoding, "replace") if encoding else str(text)
    except LookupError:
        raise BadInput(f"不认识文字编码 {encoding!r};可用 --encoding utf-8、gbk、gb18030") from None


def _texts(column: Any, encoding: str | None) -> Any:
    if not encoding or column.dtype != object:
        return column
    decoded = np.empty(len(column), dtype=object)
    decoded[:] = [_decoded(value, encoding) if isinstance(value, str) else value for value in column]
    return decoded


def read_geoparquet(path: Path) -> RawTable:
    """GeoParquet 1.x with WKB geometry. Its CRS is the file's; a missing member means OGC:CRS84 (the standard, 1.1)."""
    check_size(path, 2048)
    try:
        with pq.ParquetFile(path) as file:
            meta = file.metadata
            check_rows(path, meta.num_rows)
            unpacked = sum(meta.row_group(place).total_byte_size for place in range(meta.num_row_groups))
            if unpacked > 8192 * MIB:
                raise TooLarge(
                    f"{path.name} 解压后有 {unpacked / MIB:.0f} MB,上限 8192 MB;请拆分后导入", bytes=unpacked
                )
            geo = json.loads((meta.metadata or {}).get(b"geo", b"null"))
            primary = geo["primary_column"]
            member = geo["columns"][primary]
            table = file.read().replace_schema_metadata(None)
            table.validate(full=True)  # text that is no UTF-8 is found here, not in the middle of the checks
            wkb = table.column(primary).to_pylist()
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path.name} 不是能读的 GeoParquet(要有 geo 元数据和几何列):{str(error)[:120]}") from None
    if member.get("encoding") != "WKB":
        raise BadInput(f"{path.name} 的几何编码是 {member.get('encoding')!r};请用 WKB 编码重新导出")
    geometry, problems = _from_wkb(wkb)
    check_vertices(path, geometry)
    crs = member.get("crs", "OGC:CRS84")
    return RawTable(
        columns=table.drop_columns([primary]).to_pandas(integer_object_nulls=True, ignore_metadata=True),
        geometry=geometry,
        row_numbers=np.arange(1, len(wkb) + 1),
        crs=crs if isinstance(crs, str) else json.dumps(crs) if crs else "",
        crs_hint="文件写明坐标系未知",
        geometry_problems=problems,
    )


def _from_wkb(values: list[Any]) -> tuple[Shapes, dict[int, str]]:
    """WKB → shapes. Nested collections are refused before the parser, whose recursion they could exhaust."""
    problems = {row: problem for row, value in enumerate(values) if (problem := wkb_problem(value))}
    safe = np.empty(len(values), dtype=object)
    safe[:] = [None if row in problems else value for row, value in enumerate(values)]
    shapes: Shapes = shapely.from_wkb(safe, on_invalid="ignore")
    for row in np.flatnonzero(shapely.is_missing(shapes)).tolist():
        problems.setdefault(row, "几何无法读取(例如环没有闭合、点数不足)")
    return shapes, problems
