"""What every reader hands over: the rows of a file as they came, before anything was judged, and the limits on size."""

import codecs
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geodata.errors import BadInput, TooLarge

MIB: Final = 1024 * 1024
MAX_ROWS: Final = 5_000_000
MAX_VERTICES: Final = 10_000_000
Shapes = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class RawTable:
    """n rows: attribute columns, (n,) shapely geometries or None, and what is known of both.

    `geometry_problems`: row index → why there is no geometry. `unreadable`: (row number, text) of lines that could not
    even be parted into columns. `crs`: the file's own, "" when it says nothing. `exact_below`: whole numbers from there
    on have lost digits. `geometry_columns` were read as geometry and are no attributes.
    """

    columns: pd.DataFrame
    geometry: Shapes
    row_numbers: NDArray[np.int64]
    crs: str = ""
    crs_hint: str = ""
    geometry_problems: dict[int, str] = field(default_factory=dict)
    geometry_columns: tuple[str, ...] = ()
    unreadable: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    exact_below: float = 2.0**53


def frame_of(columns: dict[str, Any], rows: int) -> pd.DataFrame:
    """Columns as a frame of `rows` rows, also when there is no column at all."""
    return pd.DataFrame(columns, index=pd.RangeIndex(rows))


def check_size(path: Path, limit_mib: int) -> None:
    """`TooLarge` before anything is read when the file is over `limit_mib`."""
    size = path.stat().st_size
    if size > limit_mib * MIB:
        raise TooLarge(f"{path.name} 有 {size / MIB:.0f} MB,上限 {limit_mib} MB;请按区县拆分后分别导入", bytes=size)


def check_rows(path: Path, rows: int) -> None:
    """`TooLarge` when there are more rows than one import takes."""
    if rows > MAX_ROWS:
        raise TooLarge(f"{path.name} 有 {rows} 行,一次最多 {MAX_ROWS} 行;请拆分后分别导入", rows=rows)


def check_vertices(path: Path, geometry: Shapes) -> None:
    """`TooLarge` when the shapes hold more vertices than one import takes."""
    vertices = int(shapely.get_num_coordinates(geometry).sum())
    if vertices > MAX_VERTICES:
        raise TooLarge(f"{path.name} 有 {vertices} 个顶点,一次最多 {MAX_VERTICES} 个;请拆分或先简化", vertices=vertices)


def utf8_text(data: bytes, encoding: str | None, name: str) -> str:
    """`data` as text: the encoding given, a BOM, UTF-8, then GB18030 (which holds GBK); `BadInput` when none fits."""
    if encoding:
        return _decoded(data, encoding, name)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decoded(data, "utf-16", name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _decoded(data, "gb18030", name)


def _decoded(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise BadInput(f"不认识文字编码 {encoding!r};可用 --encoding utf-8、gbk、gb18030") from None
    except (UnicodeDecodeError, UnicodeError) as error:
        where = f"第 {error.start} 字节" if isinstance(error, UnicodeDecodeError) else "文件中"
        raise BadInput(f"{name} 的文字不是 {encoding} 编码({where}无法解码);用 --encoding 说明编码") from None
