"""One way into every format: the suffix names the reader."""

from pathlib import Path

from geodata.errors import BadInput, NotFound
from geodata.raw_table import RawTable
from geodata.readers_geojson import read_geojson
from geodata.readers_gis import read_geopackage, read_geoparquet, read_shapefile
from geodata.readers_table import read_csv, read_xlsx

FORMATS = (
    "GeoJSON(.geojson .json)、GeoPackage(.gpkg)、Shapefile 压缩包(.zip)、CSV(.csv)、Excel(.xlsx)、GeoParquet(.parquet)"
)


def read_source(path: Path, layer: str, encoding: str | None) -> RawTable:
    """All rows of the file at `path`. `layer` picks one of several layers of a GeoPackage by name.

    Raises `NotFound` without a file, `TooLarge` over a limit, `BadInput` for what is no such file.
    """
    if not path.is_file():
        raise NotFound(f"没有文件 {path};请检查路径")
    suffix = path.suffix.lower()
    if suffix in (".geojson", ".json"):
        return read_geojson(path, encoding)
    if suffix in (".csv", ".txt", ".tsv"):
        return read_csv(path, encoding)
    if suffix == ".xlsx":
        return read_xlsx(path, encoding)
    if suffix == ".zip":
        return read_shapefile(path, encoding)
    if suffix == ".gpkg":
        return read_geopackage(path, layer)
    if suffix in (".parquet", ".geoparquet"):
        return read_geoparquet(path)
    if suffix == ".shp":
        raise BadInput(f"{path.name} 只是 Shapefile 的一部分;请把 .shp .shx .dbf .prj 打成一个 .zip 再导入")
    if suffix == ".xls":
        raise BadInput(f"{path.name} 是旧版 Excel;请另存为 .xlsx 或 UTF-8 的 .csv 再导入")
    raise BadInput(f"不认识文件类型 {suffix or '(无后缀)'};可用:{FORMATS}")
