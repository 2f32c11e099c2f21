"""Files into the city's datasets: read, convert, check, upsert by id; the same file twice changes nothing."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from geodata.catalog import Catalog
from geodata.clock import require_aware
from geodata.crs import CHOICES, datum_name, datum_note, geodesic_area_km2
from geodata.datasets import DatasetSpec
from geodata.errors import BadInput
from geodata.import_checks import checked_geometry
from geodata.import_names import columns_for
from geodata.import_report import ImportOptions, ImportReject, ImportReport
from geodata.import_upsert import upsert
from geodata.import_values import field_values
from geodata.import_verdict import Verdict
from geodata.raw_table import RawTable, Shapes
from geodata.readers import read_source

__all__ = ["ImportOptions", "ImportReject", "ImportReport", "import_file", "layer_lock"]


def _silent(stage: str, fraction: float) -> None:
    """No progress is shown."""


def import_file(
    path: Path,
    dataset_id: str,
    catalog: Catalog,
    options: ImportOptions,
    now: datetime,
    progress: Callable[[str, float], None] = _silent,
) -> ImportReport:
    """Upsert the rows of `path` into `dataset_id`; the report's counts add up (read = stored + unchanged + rejected).

    A file that cannot be used at all raises `BadInput`, `TooLarge` or `NotFound` and changes nothing. `progress` is
    told a stage in Chinese and how far the whole is, 0 to 1.
    """
    spec, began, at = catalog.spec(dataset_id), time.perf_counter(), require_aware(now)
    progress("读取文件", 0.0)
    table = read_source(path, spec.id, options.encoding)
    datum = _datum(path, table, options)
    chosen = columns_for(spec, _attributes(table), options.mapping)
    progress("换算坐标", 0.4)
    verdict = Verdict(len(table.row_numbers))
    shapes, notes = checked_geometry(table, spec, datum, verdict)
    progress("检查属性", 0.6)
    values = field_values(table, spec, chosen, verdict)
    _refuse_repeats(values["id"], table, verdict)
    rows = values[verdict.ok].assign(sample=options.sample).reset_index(drop=True)
    progress("写入图层", 0.8)
    stored, unchanged, samples = _store(catalog, spec, rows, shapes[verdict.ok], options)
    rejects, flags = verdict.rejects(table), verdict.flags(table)
    progress("完成", 1.0)
    return ImportReport(
        dataset=spec.id,
        read=len(table.row_numbers) + len(table.unreadable),
        stored=stored,
        unchanged=unchanged,
        rejected=len(rejects),
        flagged=len(flags),
        rejects=rejects,
        flags=flags,
        dry_run=options.dry_run,
        seconds=time.perf_counter() - began,
        at=at,
        notes=(*table.notes, *notes, *_remarks(table, chosen, datum, samples)),
        area_km2=float(geodesic_area_km2(shapes[verdict.ok]).sum()) if spec.geometry == "polygon" else None,
    )


@contextmanager
def layer_lock(catalog: Catalog, dataset_id: str) -> Iterator[None]:
    """One writer a layer at a time, over processes and threads; whoever reads, changes and writes a layer holds it."""
    catalog.folder.mkdir(parents=True, exist_ok=True)
    with (catalog.folder / f".{catalog.spec(dataset_id).id}.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


def _attributes(table: RawTable) -> list[str]:
    return [str(column) for column in table.columns.columns if str(column) not in table.geometry_columns]


def _datum(path: Path, table: RawTable, options: ImportOptions) -> str:
    """`--crs`, else the file's own; without either `BadInput`, since a guess could be half a kilometre off."""
    given = options.crs or table.crs
    if not given:
        raise BadInput(f"{path.name}:{table.crs_hint};用 --crs 说明坐标系:{CHOICES}")
    return datum_name(given)


def _refuse_repeats(ids: "pd.Series[Any]", table: RawTable, verdict: Verdict) -> None:
    """Of several good rows with one id the first counts; the later ones name it."""
    names = ids.tolist()
    first: dict[str, int] = {}
    repeated = np.zeros(len(names), dtype=bool)
    for row in np.flatnonzero(verdict.ok).tolist():
        repeated[row] = first.setdefault(names[row], row) != row
    verdict.reject(repeated, lambda row: f"id {names[row]!r} 与第 {table.row_numbers[first[names[row]]]} 行重复")


def _store(
    catalog: Catalog, spec: DatasetSpec, rows: pd.DataFrame, shapes: Shapes, options: ImportOptions
) -> tuple[int, int, int]:
    """(stored, unchanged, sample rows in the layer afterwards); read, merge and write under one lock."""
    with nullcontext() if options.dry_run else layer_lock(catalog, spec.id):
        existing = catalog.read(spec.id) if catalog.exists(spec.id) else None
        merged, changed = upsert(spec, existing, rows, shapes)
        if changed and not options.dry_run:
            catalog.write(spec.id, merged)
    return changed, len(rows) - changed, int(merged["sample"].sum())


def _remarks(table: RawTable, chosen: dict[str, str], datum: str, samples: int) -> list[str]:
    unused = [column for column in _attributes(table) if column not in chosen.values()]
    remarks = [
        f"未导入的列:{'、'.join(unused)[:300]}" if unused else "",
        datum_note(datum),
        f"图层中有 {samples} 条示例数据" if samples else "",
    ]
    return [remark for remark in remarks if remark]
