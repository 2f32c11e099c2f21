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


BROKEN = {
    "CITYBRAIN_RULES_FILE": ("rules:\n- {id: a, colour: 1}\n", "rules.yaml:2: "),
    "CITYBRAIN_ROUTING_FILE": ("route:\n  colour: duty\n", "routing.yaml:2: "),
    "CITYBRAIN_ALERT_HANDLING_FILE": ("reopen_within_s: many\n", "handling.yaml:1: reopen_within_s 必须是数字"),
    "CITYBRAIN_FEEDS_FILE": ("feeds:\n  - [\n", "feeds.yaml:3: "),
    "CITYBRAIN_HANDLING_FILE": ("version: 1\nversion: [\n", "第 3 行"),
    "CITYBRAIN_CAUSES_FILE": ("kinds:\n  a: {colour: 1}\n", "第 2 行"),
    "CITYBRAIN_RESPONSES_FILE": ("templates:\n\t- [\n", "第 2 行"),
    "CITYBRAIN_PLANS_FILE": ("plans:\n\t- [\n", "第 2 行"),
}


@pytest.mark.parametrize("setting", sorted(BROKEN))
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, setting: str) -> None:
    text, words = BROKEN[setting]
    path = tmp_path / (
        setting.removeprefix("CITYBRAIN_").removesuffix("_FILE").removeprefix("ALERT_").lower() + ".yaml"
    )
    path.write_text(text, encoding="utf-8")
    done = run("check", data=tmp_path / "data", **{setting: str(path)})
    assert done.returncode == 1
    assert done.stderr.count("错误:") == 1
    assert words in done.stderr
    assert str(path) in done.stderr or f"{path.name}:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    missing = run("check", data=tmp_path / "data", CITYBRAIN_RESPONSES_FILE=str(tmp_path / "none.yaml"))
    assert missing.returncode == 1
    assert "none.yaml" in missing.stderr
    assert "读不" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_a_system_with_rules_starts_although_their_file_is_wrong_by_now(tmp_path: Path) -> None:
    assert run("check", data=tmp_path / "data").returncode == 0  # takes the file as the first version
    for setting, words in (("CITYBRAIN_RULES_FILE", "仍按第 1 版规则运行"), ("CITYBRAIN_ROUTING_FILE", "不会通知")):
        path = tmp_path / "wrong.yaml"
        path.write_text("colour: [\n", encoding="utf-8")
        started = run("check", "--start", data=tmp_path / "data", **{setting: str(path)})
        assert started.returncode == 0, started.stderr
        assert words in started.stderr
        assert "wrong.yaml:2: " in started.stderr
        assert run("check", data=tmp_path / "data", **{setting: str(path)}).returncode == 1
