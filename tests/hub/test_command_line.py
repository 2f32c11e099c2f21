"""The command line as an operator meets it: one clear line for what can be mended, and nothing half-done."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import ROOT


def run(*arguments: str, data: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("CITYBRAIN_")}
    environment = {**clean, "CITYBRAIN_DATA_DIR": str(data), **settings}
    command = [sys.executable, str(ROOT / "app.py"), *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        (("audit",), {"CITYBRAIN_PORT": "99999"}, "CITYBRAIN_PORT"),
        (("audit",), {"CITYBRAIN_DATABASE_URL": "nonsense"}, "CITYBRAIN_DATABASE_URL"),
        (("audit",), {"CITYBRAIN_DATABASE_URL": "postgresql+psycopg://x@127.0.0.1:1/x"}, "数据库连不上"),
        (("serve",), {"CITYBRAIN_HOST": "0.0.0.0"}, "CITYBRAIN_PUBLIC_URL"),
        (("web",), {"CITYBRAIN_PORT": "0"}, "CITYBRAIN_REDIS_URL"),
        (("drill", "storm-2020-08-14"), {}, "sample"),
        (("people", "/nowhere.csv"), {}, "没有文件"),
    ],
)
def test_what_can_be_mended_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], settings: dict[str, str], words: str
) -> None:
    done = run(*arguments, data=tmp_path, **settings)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("错误:")]
    assert len(lines) == 1
    assert words in lines[0]
    assert "Traceback" not in done.stderr


def test_help_and_unknown_commands(tmp_path: Path) -> None:
    assert run("--help", data=tmp_path).returncode == 0
    unknown = run("fly", data=tmp_path)
    assert unknown.returncode == 2
    assert "serve" in unknown.stderr


def test_people_go_in_and_refused_rows_are_said(tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    table.write_text(
        "编号,姓名,单位,单位代码,角色\nP1,示例-甲,示例单位,371302,城管\n,无编号,x,371302,城管\n", encoding="utf-8"
    )
    tried = run("people", str(table), "--dry-run", data=tmp_path)
    assert "读取 2 = 写入 1 + 拒收 1" in tried.stdout
    done = run("people", str(table), data=tmp_path)
    assert done.returncode == 0
    assert "编号为空" in done.stdout
    assert run("audit", data=tmp_path).returncode == 0
