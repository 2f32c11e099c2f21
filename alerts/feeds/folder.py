"""Files put into a folder: readings as CSV or JSON, warnings as CAP XML. What a file holds; moving it is hub/feeds'."""

import csv
import io
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from alerts.feeds.model import Feed, Row
from alerts.feeds.nodes import FeedNode
from alerts.feeds.payloads import document, observation_rows
from geodata.errors import BadInput

MAX_BYTES = 16_000_000
ROWS_MAX = 200_000
COLUMNS = {
    "sensor": ("sensor", "传感器", "传感器编号", "测站编码"),
    "quantity": ("quantity", "观测量"),
    "value": ("value", "读数", "值"),
    "observed_at": ("observed_at", "观测时间", "时间"),
}
_PACKED = {b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"\x1f\x8b": "gzip", b"7z\xbc\xaf": "7z", b"Rar!": "rar",
           b"BZh": "bzip2", b"\xfd7zXZ": "xz"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FolderSpec:
    """`path` is watched; a file is taken when its size has not changed for `settle_s`. `quantity` stands for rows of a
    CSV without that column; `sensors` maps foreign ids to ours; `done_days` is how long taken files are kept."""

    path: str
    settle_s: float = 2.0
    every_s: float = 1.0
    max_bytes: int = MAX_BYTES
    quantity: str = ""
    sensors: Mapping[str, str] = field(default_factory=dict)
    done_days: float = 30.0


@dataclass(frozen=True, slots=True)
class FileContent:
    """Either readings or, when `is_warning`, a CAP message to be read by the desk."""

    rows: tuple[Row, ...] = ()
    exercise: str = ""
    is_warning: bool = False


def content_of(spec: FolderSpec, name: str, body: bytes) -> FileContent:
    """What a file says; `BadInput` when it cannot be used as a whole. Decided by what stands in it, not by its name."""
    for mark, kind in _PACKED.items():
        if body.startswith(mark):
            raise BadInput(f"压缩文件({kind})不接收:请解开后再放入")
    if not body.strip():
        raise BadInput("文件是空的")
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<":
        return FileContent(is_warning=True)
    if start in (b"{", b"["):
        found = document(body)
        parsed = observation_rows({"observations": found} if isinstance(found, list) else found, ROWS_MAX)
        return FileContent(tuple(_mapped(spec, row) for row in parsed.rows), parsed.exercise)
    if name.lower().endswith(".json"):
        raise BadInput("不是合法的 JSON")
    return FileContent(tuple(_csv_rows(spec, body)))


def _csv_rows(spec: FolderSpec, body: bytes) -> list[Row]:
    reader = csv.reader(io.StringIO(_text(body), newline=""), strict=True)
    try:
        head = [cell.strip().lower() for cell in next(reader, [])]
        places = {key: next((head.index(word) for word in words if word in head), -1) for key, words in COLUMNS.items()}
        if spec.quantity and places["quantity"] < 0:
            places["quantity"] = -2
        missing = [words[0] for key, words in COLUMNS.items() if places[key] == -1]
        if missing:
            raise BadInput(f"CSV 第一行缺少列 {'、'.join(missing)}")
        rows: list[Row] = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(rows) >= ROWS_MAX:
                raise BadInput(f"一个文件最多 {ROWS_MAX} 条读数")
            rows.append(_mapped(spec, _row(spec, cells, places)))
    except csv.Error as problem:
        raise BadInput(f"CSV 第 {reader.line_num} 行不能读:{problem}") from None
    if not rows:
        raise BadInput("CSV 里没有读数")
    return rows


def _row(spec: FolderSpec, cells: list[str], places: Mapping[str, int]) -> Row:
    def cell(key: str) -> str | None:
        place = places[key]
        return cells[place].strip() if 0 <= place < len(cells) and cells[place].strip() else None

    value: str | float | None = cell("value")
    if isinstance(value, str):
        with suppress(ValueError):  # the check names the row
            value = float(value)
    quantity = cell("quantity") or spec.quantity or None
    return {"sensor": cell("sensor"), "quantity": quantity, "value": value, "observed_at": cell("observed_at")}


def _mapped(spec: FolderSpec, row: Row) -> Row:
    if not isinstance(row, dict) or not isinstance(row.get("sensor"), str):
        return row
    return row | {"sensor": spec.sensors.get(row["sensor"], row["sensor"])}


def _text(body: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadInput("文件不是 UTF-8 或 GB18030 文本")


def read_folder(node: FeedNode) -> FolderSpec:
    """The folder from the feeds file."""
    path = node.text("path", required=True)
    if path and not path.startswith("/"):
        node.problem("path", "path 必须是绝对路径")
    return FolderSpec(
        path=path, settle_s=node.number("settle_s", 2.0, 0.1, 3_600), every_s=node.number("every_s", 1.0, 0.1, 3_600),
        max_bytes=node.whole("max_bytes", MAX_BYTES, 100, 200_000_000),
        quantity=node.choice_of_quantity("quantity") if node.has("quantity") else "", sensors=node.table("sensors"),
        done_days=node.number("done_days", 30.0, 0.01, 3_650),
    )  # fmt: skip


FOLDER = Feed(
    kind="folder",
    title="文件夹(CSV、JSON、CAP)",
    transport="folder",
    carries="both",
    how="在接入文件里写文件夹路径;把写完的文件移进去",
    fields=("path", "settle_s", "every_s", "max_bytes", "quantity", "sensors", "done_days"),
    read=read_folder,
)
