"""The rules' versions on both databases: file, page, going back, two at once, and what a broken text cannot do."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from geodata.errors import BadInput, Conflict, NotFound
from hub.audit import AuditLog
from hub.database import Database
from hub.rule_book import RuleBook
from hub.rule_versions import RuleVersions
from hub.tables.alerts import RULE_VERSIONS
from hub.tables.hub import AUDIT

NOW = datetime(2026, 8, 14, 3, 0, tzinfo=UTC)
RULE = """rules:
  - id: underpass
    title: 下穿立交积水
    event: 积水
    quantity: depth_m
    sensors: {all: true}
    levels: [{level: red, at: AT, native: 封闭}]
    source: 公开资料
"""


def text(at: str = "0.27") -> str:
    return RULE.replace("AT", at)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "rules.yaml"
    made.write_text(text(), encoding="utf-8")
    return made


def book(database: Database, path: Path) -> RuleBook:
    versions = RuleVersions(database, AuditLog(database))
    return RuleBook(versions, path, path.with_name("rules.last-good.yaml"), lambda: NOW)


def limit(one: RuleBook) -> float:
    return one.rules().rules[0].levels[0].at


def listed(one: RuleBook) -> list[tuple[int, str, str]]:
    return [(version.no, version.origin, version.author) for version in one.versions.latest(10)]


def test_the_file_is_the_first_version_and_is_taken_once(room_database: Database, path: Path) -> None:
    first = book(room_database, path)
    assert limit(first) == 0.27
    assert not first.changed()
    assert limit(book(room_database, path)) == 0.27  # another process, the same file
    assert listed(first) == [(1, "file", "rules.yaml")]
    path.write_text(text("0.30"), encoding="utf-8")
    assert first.changed()
    assert (limit(first), first.version_no) == (0.30, 2)
    assert not first.changed()


def test_an_edit_on_the_page_stays_until_the_file_changes(room_database: Database, path: Path) -> None:
    engine, web = book(room_database, path), book(room_database, path)
    engine.rules()
    saved = web.save(text("0.35"), 1, "  汛期\n提高 ", "duty", NOW)
    assert (saved.no, saved.origin, saved.author, saved.why) == (2, "page", "duty", "汛期 提高")
    assert engine.changed()
    assert limit(engine) == 0.35
    assert limit(book(room_database, path)) == 0.35  # a restart does not go back to the file
    path.write_text(text("0.40"), encoding="utf-8")
    assert engine.changed()
    assert limit(engine) == 0.40
    back = web.restore(2, 3, "误改", "admin", NOW)
    assert (back.no, back.origin, back.why) == (4, "restore", "恢复自第 2 版:误改")
    assert engine.changed()
    assert limit(engine) == 0.35
    assert listed(engine) == [(4, "restore", "admin"), (3, "file", "rules.yaml"), (2, "page", "duty"),
                              (1, "file", "rules.yaml")]  # fmt: skip


def test_the_same_rules_again_begin_nothing_again(room_database: Database, path: Path) -> None:
    engine = book(room_database, path)
    before = engine.rules()
    engine.save(text("0.5"), 1, "试", "duty", NOW)
    engine.restore(1, 2, "回", "duty", NOW)
    assert not engine.changed()
    assert engine.rules() is before
    assert engine.version_no == 3


@pytest.mark.parametrize("broken", ["rules:\n  - id: [", text("viel"), "\udcff", None])
def test_a_broken_file_takes_nothing_out_of_force(room_database: Database, path: Path, broken: str | None) -> None:
    engine = book(room_database, path)
    engine.rules()
    engine.save(text("0.35"), 1, "提高", "duty", NOW)
    engine.rules()
    path.unlink()
    if broken is not None:
        path.write_bytes(broken.encode(errors="surrogateescape"))
    with capture_logs() as said:
        assert not engine.changed()
        assert not engine.changed()
        assert limit(engine) == 0.35
        assert engine.problem
        anew = book(room_database, path)
        assert limit(anew) == 0.35
        assert anew.problem == engine.problem
    assert [line["event"] for line in said] == ["rules.not-taken"] * 2  # once each process
    path.write_text(text(), encoding="utf-8")
    assert not engine.changed()  # the file as it was taken before is nothing new
    assert (engine.problem, limit(engine)) == ("", 0.35)


def test_every_wrong_line_is_in_the_problem(room_database: Database, path: Path) -> None:
    path.write_text(text("viel").replace("depth_m", "tiefe"), encoding="utf-8")
    engine = book(room_database, path)
    with pytest.raises(BadInput, match=r"rules\.yaml:5: quantity") as raised:
        engine.rules()
    assert "rules.yaml:7: at" in str(raised.value)


def test_the_copy_of_an_older_program_stands_in_for_a_broken_file(room_database: Database, path: Path) -> None:
    path.with_name("rules.last-good.yaml").write_text(text("0.33"), encoding="utf-8")
    path.write_text("rules: [", encoding="utf-8")
    engine = book(room_database, path)
    assert limit(engine) == 0.33
    assert engine.problem.startswith("rules.yaml:1:")


def test_a_version_this_program_cannot_read_is_said_and_the_one_before_stays(
    room_database: Database, path: Path
) -> None:
    engine = book(room_database, path)
    engine.rules()
    engine.save(text("0.35"), 1, "提高", "duty", NOW)
    with room_database.write() as connection:
        connection.execute(RULE_VERSIONS.update().where(RULE_VERSIONS.c.no == 2).values(text="rules: 7"))
    anew = book(room_database, path)
    assert limit(anew) == 0.27
    assert "第 2 版" in anew.problem


@pytest.mark.parametrize("wrong", ["", " \n ", "x" * 301, "a\x00b", "\ud800"])
def test_a_reason_is_a_line_of_text(room_database: Database, path: Path, wrong: str) -> None:
    one = book(room_database, path)
    one.rules()
    with pytest.raises(BadInput, match="理由"):
        one.save(text("0.5"), 1, wrong, "duty", NOW)
    with pytest.raises(BadInput, match="理由"):
        one.restore(1, 1, wrong, "duty", NOW)


def test_wrong_rules_are_not_saved_and_unknown_versions_not_found(room_database: Database, path: Path) -> None:
    one = book(room_database, path)
    one.rules()
    with pytest.raises(BadInput) as raised:
        one.save(text("viel"), 1, "试", "duty", NOW)
    assert raised.value.where["problems"]
    for no in (0, -1, 2, 2**31, 2**70):
        with pytest.raises(NotFound):
            one.restore(no, 1, "回", "duty", NOW)
    with pytest.raises(Conflict, match="完全相同"):
        one.save(text(), 1, "不变", "duty", NOW)
    assert listed(one) == [(1, "file", "rules.yaml")]


def test_of_many_writers_at_once_one_wins_and_the_others_hear_who(room_database: Database, path: Path) -> None:
    book(room_database, path).rules()
    start = threading.Barrier(8)

    def write(number: int) -> str:
        one = book(room_database, path)
        start.wait()
        try:
            return f"saved {one.save(text(f'0.{30 + number}'), 1, f'改 {number}', f'u{number}', NOW).no}"
        except Conflict as conflict:
            current = conflict.where["current"]
            told = isinstance(current, dict) and current["no"] == 2 and current["author"] in str(conflict)
            return "told who" if told else str(conflict)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(write, range(8))) == ["saved 2"] + ["told who"] * 7


def test_many_processes_take_a_new_file_once(room_database: Database, path: Path) -> None:
    books = [book(room_database, path) for _ in range(6)]
    start = threading.Barrier(6)

    def look(one: RuleBook) -> float:
        start.wait()
        one.changed()
        return limit(one)

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(look, books)) == {0.27}
    assert listed(books[0]) == [(1, "file", "rules.yaml")]


def test_two_hosts_with_different_files_do_not_take_turns(room_database: Database, path: Path) -> None:
    other = path.with_name("other.yaml")
    other.write_text(text("0.50"), encoding="utf-8")
    here, there = book(room_database, path), book(room_database, other)
    for _ in range(3):
        here.changed()
        there.changed()
    assert [no for no, _, _ in listed(here)] == [2, 1]
    assert limit(here) == limit(there) == 0.50


def test_a_version_and_its_audit_entry_stand_or_fall_together(
    room_database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = book(room_database, path)
    one.rules()

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(AuditLog, "append", dies)  # killed between the version and its entry
        with pytest.raises(KeyboardInterrupt):
            one.save(text("0.5"), 1, "试", "duty", NOW)
    assert [no for no, _, _ in listed(one)] == [1]
    saved = one.save(text("0.5"), 1, "试", "duty", NOW + timedelta(minutes=1))
    with room_database.read() as connection:
        rows = connection.execute(sa.select(AUDIT.c.who, AUDIT.c.action, AUDIT.c.object, AUDIT.c.detail)).all()
    assert [(row.who, row.action) for row in rows] == [("rules.yaml", "rules.file"), ("duty", "rules.page")]
    assert saved.digest.encode() in rows[-1].detail
    assert AuditLog(room_database).verify() is None


def test_a_database_that_is_away_leaves_the_rules_in_force(room_database: Database, path: Path) -> None:
    one = book(room_database, path)
    one.rules()

    def away(*_: object) -> int:
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    one.versions.newest_no = away  # type: ignore[method-assign]
    assert not one.changed()
    assert limit(one) == 0.27
