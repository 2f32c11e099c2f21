"""`python app.py import FILE --layer L`: options in, counts and reasons out, in the operator's language."""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TextIO

from geodata.catalog import Catalog
from geodata.crs import CHOICES
from geodata.datasets import DATASETS, dataset
from geodata.errors import BadInput, CityError
from geodata.import_report import ImportOptions, ImportReject, ImportReport
from geodata.imports import import_file
from geodata.readers import FORMATS

_SHOWN = 10
_WIDTH = 24


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `import`, on the sub-parser that app.py made for it."""
    parser.add_argument("file", type=Path, help=FORMATS)
    parser.add_argument("--layer", required=True, help="图层:" + "、".join(f"{s.id}({s.title})" for s in DATASETS))
    parser.add_argument("--crs", help=f"坐标系,优先于文件自带的:{CHOICES}")
    parser.add_argument("--map", nargs="+", action="extend", default=[], metavar="字段=列名", help="字段对应的列名")
    parser.add_argument("--encoding", help="文字编码,例如 utf-8、gbk;不填则自动识别")
    parser.add_argument("--dry-run", action="store_true", help="只检查,不写入")
    parser.add_argument("--sample", action="store_true", help="把导入的数据标为示例数据")


def run(args: argparse.Namespace, catalog: Catalog, now: datetime, keep_rejects: Callable[[ImportReport], None]) -> int:
    """Import and print the outcome: 0, or 1 when nothing could be used. `keep_rejects` gets every real run's report
    that has rejects or flags; a dry run leaves no trace."""
    try:
        options = ImportOptions(args.crs, _mapping(args.map), args.encoding, args.dry_run, args.sample)
        progress = _Progress(sys.stderr)
        try:
            report = import_file(args.file, args.layer, catalog, options, now, progress.show)
        finally:
            progress.end()
    except CityError as error:
        sys.stderr.write(f"导入失败:{' '.join(str(error).split())}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"导入失败:{args.file}:{error.strerror or error}\n")
        return 1
    if not report.dry_run and (report.rejects or report.flags):
        keep_rejects(report)
    sys.stdout.write(outcome_text(report))
    if report.read == report.rejected:
        sys.stderr.write(f"导入失败:{args.file.name} 没有一行可用({report.read} 行,拒收 {report.rejected} 行)\n")
        return 1
    return 0


def _mapping(pairs: list[str]) -> Mapping[str, str]:
    """`field=column` texts as a mapping; `BadInput` for what is none."""
    mapping: dict[str, str] = {}
    for pair in pairs:
        name, sign, column = pair.partition("=")
        if not (sign and name.strip() and column.strip()):
            raise BadInput(f"--map {pair!r} 应写成 字段=列名,例如 --map id=标识码")
        mapping[name.strip()] = column.strip()
    return mapping


def outcome_text(report: ImportReport) -> str:
    """The report as lines: counts, area, notes, the first ten rejects and flags."""
    spec = dataset(report.dataset)
    word = "将写入" if report.dry_run else "写入"
    lines = [
        f"{'试运行(未写入任何数据)' if report.dry_run else '导入完成'}:{spec.title}({spec.id}),{report.seconds:.1f} 秒",
        f"读取 {report.read} = {word} {report.stored} + 未变 {report.unchanged} + 拒收 {report.rejected};"
        f"存疑(已收) {report.flagged}",
    ]
    if report.area_km2 is not None:
        lines.append(f"总面积 {report.area_km2:,.1f} 平方公里")
    lines += [f"注意:{note}" for note in report.notes]
    lines += _shown("拒收", report.rejects) + _shown("存疑", report.flags)
    return "\n".join(lines) + "\n"


def _shown(title: str, rows: tuple[ImportReject, ...]) -> list[str]:
    lines = [f"  {title} 第 {row.row} 行:{row.reason[:300]}" for row in rows[:_SHOWN]]
    return [*lines, f"  …… 另有 {len(rows) - _SHOWN} 行{title}"] if len(rows) > _SHOWN else lines


class _Progress:
    """A bar on a terminal, redrawn in place; plain lines elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._live, self._began = stream, stream.isatty(), time.perf_counter()

    def show(self, stage: str, fraction: float) -> None:
        seconds = time.perf_counter() - self._began
        if self._live:
            full = round(_WIDTH * fraction)
            bar = "█" * full + "░" * (_WIDTH - full)
            self._stream.write(f"\r\033[K{bar} {fraction:4.0%} {stage} {seconds:.0f} 秒")
        else:
            self._stream.write(f"{fraction:4.0%} {stage}\n")
        self._stream.flush()

    def end(self) -> None:
        if self._live:
            self._stream.write("\r\033[K")
            self._stream.flush()
