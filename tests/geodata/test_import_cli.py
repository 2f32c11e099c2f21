"""The import command as an operator meets it: counts, reasons, exit codes, and one line when nothing went in."""

import argparse
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from geodata.catalog import Catalog
from geodata.import_cli import _Progress, add_arguments, run
from geodata.imports import ImportReport

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SQUARE = "POLYGON ((118 35, 118.1 35, 118.1 35.1, 118 35.1, 118 35))"


def command(folder: Path, *words: str) -> tuple[int, list[ImportReport]]:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    kept: list[ImportReport] = []
    return run(parser.parse_args([str(word) for word in words]), Catalog(folder), NOW, kept.append), kept


def table(folder: Path, *rows: str) -> Path:
    path = folder / "a.csv"
    path.write_text("\n".join(["编号,名称,lon,lat", *rows, ""]), encoding="utf-8")
    return path


def test_counts_and_first_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["W1,仓库,118.3,35.1", "W2,<b>仓库</b>,118.3,35.1", *(f"B{n},坏,x,35.1" for n in range(12))]
    code, kept = command(tmp_path, table(tmp_path, *rows), "--layer", "warehouses", "--crs", "wgs84")
    out, err = capsys.readouterr()
    assert code == 0
    assert "读取 14 = 写入 2 + 未变 0 + 拒收 12" in out
    assert "拒收 第 4 行:坐标不是有限的数" in out
    assert out.count("拒收 第") == 10
    assert "另有 2 行拒收" in out
    assert "存疑 第 3 行:name 含有 HTML 标记" in out
    assert err.splitlines() == ["  0% 读取文件", " 40% 换算坐标", " 60% 检查属性", " 80% 写入图层", "100% 完成"]
    assert [report.rejected for report in kept] == [12]


def test_area_of_polygons_and_mapping(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'代号,称呼,wkt\n371302,兰山区,"{SQUARE}"\n', encoding="utf-8")
    words = (path, "--layer", "counties", "--crs", "CGCS2000", "--map", "id=代号", "name=称呼")
    assert command(tmp_path, *words) == (0, [])
    assert "总面积 101.2 平方公里" in capsys.readouterr().out  # 0.1° by 0.1° at 35.05° N
    assert command(tmp_path, *words) == (0, [])
    assert "读取 1 = 写入 0 + 未变 1 + 拒收 0" in capsys.readouterr().out


def test_dry_run_writes_and_keeps_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path, "W1,仓库,118.3,35.1", "W2,仓库,x,35.1")
    assert command(tmp_path, path, "--layer", "warehouses", "--crs", "wgs84", "--dry-run") == (0, [])
    assert "试运行(未写入任何数据)" in capsys.readouterr().out
    assert not Catalog(tmp_path).exists("warehouses")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--layer", "warehouses"), "--crs"),
        (("--layer", "warehouses", "--crs", "mars"), "不认识坐标系"),
        (("--layer", "moons", "--crs", "wgs84"), "没有图层"),
        (("--layer", "warehouses", "--crs", "wgs84", "--map", "name"), "字段=列名"),
        (("--layer", "counties", "--crs", "wgs84"), "没有一行可用(1 行,拒收 1 行)"),
    ],
)
def test_one_line_when_nothing_can_be_used(
    words: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = table(tmp_path, "W1,仓库,118.3,35.1")
    code, _ = command(tmp_path, path, *words)
    failure = [line for line in capsys.readouterr().err.splitlines() if line.startswith("导入失败:")]
    assert code == 1
    assert len(failure) == 1
    assert told in failure[0]


def test_an_empty_table_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _ = command(tmp_path, table(tmp_path), "--layer", "warehouses", "--crs", "wgs84")
    assert code == 1
    assert "没有一行可用" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bar_is_drawn_in_place_and_cleared() -> None:
    terminal = Terminal()
    progress = _Progress(terminal)
    progress.show("换算坐标", 0.5)
    progress.end()
    assert "█" * 12 + "░" * 12 + "  50% 换算坐标" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\033[K")
    assert "\n" not in terminal.getvalue()
