"""Steps of the handling: what a type and level ask for, when each is due, what survives a change of level."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.handling import Task, counted, draft, is_overdue, overdue_s
from dispatch.handling_read import load_handling, parse_handling
from dispatch.model import Incident
from dispatch.plan_book import RESPONSE_LEVELS
from dispatch.plans import load_plans
from geodata.errors import BadInput
from tests.dispatch.house import ROOT, T0, later

BOOK = parse_handling("""
version: 1
otherwise: general
types:
  general:
    - {key: verify, title: 核实, within_min: {Ⅳ: 30, Ⅰ: 10}, source: 示例文号}
    - {key: arrive, title: 到场, after: verify, within_min: {Ⅳ: 60, Ⅰ: 20}}
    - {key: report, title: 报告, after: opened, within_min: {Ⅰ: 5}}
""")

A = "- {key: a, title: 甲, within_min: {Ⅳ: 3}}"


def incident(level: str = "Ⅳ", type: str = "general") -> Incident:
    return Incident("INC-1", "示例", type, level, "open", None, None, "", T0, "duty", False)


def due(tasks: tuple[Task, ...]) -> dict[str, float | None]:
    """Key → minutes from the opening."""
    return {task.key: None if task.due_at is None else (task.due_at - T0) / timedelta(minutes=1) for task in tasks}


@pytest.mark.parametrize(
    ("level", "expected"),
    [("Ⅳ", {"verify": 30, "arrive": 90}), ("Ⅰ", {"verify": 10, "arrive": 30, "report": 5}), ("Ⅱ", {})],
)
def test_deadlines_by_level(level: str, expected: dict[str, float]) -> None:
    assert due(draft(BOOK, incident(level), (), T0)) == expected


def test_an_unlisted_type_takes_the_general_steps() -> None:
    assert [task.key for task in draft(BOOK, incident(type="none"), (), T0)] == ["verify", "arrive"]


def test_a_step_counts_from_when_the_one_before_was_done() -> None:
    first, second = draft(BOOK, incident(), (), T0)
    done = replace(first, done_at=later(600), done_by="duty")
    assert due(draft(BOOK, incident(), (done, second), later(600))) == {"verify": 30, "arrive": 70}
    late = replace(first, done_at=later(3_600), done_by="duty")
    assert due(draft(BOOK, incident(), (late, second), later(3_600)))["arrive"] == 120


@pytest.mark.parametrize(
    ("done_s", "now_s", "late_s", "is_late"),
    [
        (None, 1_799, 0, False),
        (None, 1_800, 0, False),
        (None, 1_801, 1, True),
        (1_000, 9_999, 0, False),
        (2_000, 9_999, 200, False),
    ],
)
def test_overdue_follows_from_now(done_s: float | None, now_s: float, late_s: float, is_late: bool) -> None:
    task = replace(draft(BOOK, incident(), (), T0)[0], done_at=None if done_s is None else later(done_s))
    assert overdue_s(task, later(now_s)) == late_s
    assert is_overdue(task, later(now_s)) is is_late


@given(st.lists(st.tuples(st.sampled_from(RESPONSE_LEVELS), st.integers(0, 7), st.booleans()), max_size=12))
def test_no_change_of_level_loses_what_was_done(moves: list[tuple[str, int, bool]]) -> None:
    book = load_handling(ROOT / "dispatch/handling.yaml")
    one = incident("Ⅰ", "waterlogging")
    tasks, done = draft(book, one, (), T0), {}
    for number, (level, place, finish) in enumerate(moves):
        now = later(60 * (number + 1))
        one = replace(one, level=level)
        tasks = draft(book, one, tasks, now)
        if finish:
            task = tasks[place % len(tasks)]
            if task.done_at is None:
                task = replace(task, done_at=now, done_by="duty", note="做完")
                tasks = tuple(task if item.id == task.id else item for item in tasks)
            done[task.id] = task
    kept = {task.id: task for task in draft(book, one, tasks, later(9_999))}
    for task_id, task in done.items():
        assert (kept[task_id].done_at, kept[task_id].done_by, kept[task_id].note) == (task.done_at, "duty", "做完")
        assert kept[task_id].due_at == task.due_at
    keys = [task.key for task in kept.values()]
    assert len(keys) == len(set(keys))
    assert {step.key for step in book.steps("waterlogging", one.level)} <= set(keys)
    assert counted(tuple(kept.values()), later(9_999))["done"] == len(done)


def test_the_book_covers_every_plan_and_level() -> None:
    book, plans = load_handling(ROOT / "dispatch/handling.yaml"), load_plans(ROOT / "dispatch/plans.yaml")
    assert book.source == "", "no published source: 未核定"
    for kind in plans.plans:
        assert kind in book.types
        for level in RESPONSE_LEVELS:
            steps = book.steps(kind, level)
            assert {"verify", "call", "close"} <= {step.key for step in steps}, (kind, level)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("- {key: a, title: 甲, within_min: {五: 3}}", "第 5 行:响应级别 五"),
        ("- {key: a, title: 甲, within_min: {Ⅳ: 0}}", "第 5 行:Ⅳ 级的分钟数"),
        ("- {key: a, title: 甲, within_min: {}}", "第 5 行:within_min 至少"),
        ("- {key: a, title: 甲}", "第 5 行:步骤缺 within_min"),
        ("- {key: a, title: 甲, after: b, within_min: {Ⅳ: 3}}", "第 5 行:after 应为"),
        ("- {key: 甲, title: 甲, within_min: {Ⅳ: 3}}", "第 5 行:key 只能"),
        ("- {key: a, titel: 甲, within_min: {Ⅳ: 3}}", "第 5 行:步骤里没有 titel"),
        (f"{A}\n    - {{key: a, title: 乙, within_min: {{Ⅳ: 3}}}}", "第 6 行:步骤 a 写了两次"),
        (f"{A}\n    - {{key: b, title: 乙, after: a, within_min: {{Ⅰ: 3}}}}", "第 6 行:Ⅰ 级没有前一步"),
    ],
)
def test_errors_name_their_line(line: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        parse_handling(f"version: 1\notherwise: general\ntypes:\n  general:\n    {line}\n")
