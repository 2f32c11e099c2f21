"""Graded and classified handling (分级分类处置) as values: the steps of an incident, when each is due, what is late."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dispatch.model import Incident
from geodata.clock import new_id

OPENED = "opened"  # a deadline counted from the opening of the incident


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the book. `within_min` by response level: a level that is not named does not ask for the step."""

    key: str
    title: str
    after: str  # `opened` or the key of an earlier step
    within_min: Mapping[str, int]
    source: str


def at_level(steps: Sequence[Step], level: str) -> tuple[Step, ...]:
    """The steps with only the minutes of `level` left in them."""
    return tuple(
        replace(step, within_min={level: step.within_min[level]}) for step in steps if level in step.within_min
    )


@dataclass(frozen=True, slots=True)
class HandlingBook:
    """The steps by incident type; `otherwise` is the type used for one that is not listed."""

    types: Mapping[str, tuple[Step, ...]]
    otherwise: str
    status: str = "未核定"
    source: str = ""

    def steps(self, type: str, level: str) -> tuple[Step, ...]:
        """What an incident of `type` at `level` asks for, in order."""
        listed = self.types.get(type) or self.types.get(self.otherwise, ())
        return at_level(listed, level)


NO_HANDLING = HandlingBook({}, "")


@dataclass(frozen=True, slots=True)
class Task:
    """One step of one incident. Overdue is not kept: it follows from `due_at`, `done_at` and now."""

    id: str
    incident_id: str
    step_no: int
    key: str
    title: str
    due_at: datetime | None
    done_at: datetime | None = None
    done_by: str | None = None
    note: str = ""
    source: str = ""


def overdue_s(task: Task, now: datetime) -> float:
    """Seconds the step is late at `now` (or was when it was done); nought when it is in time or has no deadline."""
    if task.due_at is None:
        return 0.0
    return max(0.0, ((task.done_at or now) - task.due_at).total_seconds())


def is_overdue(task: Task, now: datetime) -> bool:
    """Whether the step is open and past its time."""
    return task.done_at is None and overdue_s(task, now) > 0


def draft(book: HandlingBook, incident: Incident, present: Sequence[Task], now: datetime) -> tuple[Task, ...]:
    """The tasks the incident shall have: what was done stays whatever the level; open steps follow the book.

    A step that was done stays done under its key; an open one that the level no longer asks for goes, unless somebody
    wrote a note on it or it came from a merged incident: then it stays, without a deadline of the book.
    """
    before = {task.key: task for task in present}
    steps = book.steps(incident.type, incident.level)
    asked = []
    for number, step in enumerate(steps, 1):
        known = before.get(step.key)
        if known is None:
            known = Task(new_id("TSK", now), incident.id, number, step.key, step.title, None, source=step.source)
        known = replace(known, step_no=number)
        asked.append(known if known.done_at else replace(known, title=step.title, source=step.source))
    keys = {step.key for step in steps}
    rest = [task for task in present if task.key not in keys and (task.done_at or task.note or "+" in task.key)]
    rest = [replace(task, step_no=len(steps) + number) for number, task in enumerate(rest, 1)]
    return scheduled(steps, (*asked, *rest), incident.opened_at)


def scheduled(steps: Sequence[Step], tasks: Sequence[Task], opened_at: datetime) -> tuple[Task, ...]:
    """`tasks` with the deadlines of the open ones counted again; a done step keeps the deadline it was measured by."""
    levels = {step.key: step for step in steps}
    found = {task.key: task for task in tasks}
    due: dict[str, datetime] = {}
    for step in steps:
        before = found.get(step.after)
        start = opened_at if before is None else (before.done_at or due.get(step.after, opened_at))
        (minutes,) = step.within_min.values()  # of one level, see `at_level`
        due[step.key] = start + timedelta(minutes=minutes)
    return tuple(
        replace(task, due_at=due[task.key]) if task.key in levels and task.done_at is None else task for task in tasks
    )


def counted(tasks: Sequence[Task], now: datetime) -> dict[str, int]:
    """`{"steps", "done", "overdue"}`."""
    return {
        "steps": len(tasks),
        "done": sum(task.done_at is not None for task in tasks),
        "overdue": sum(is_overdue(task, now) for task in tasks),
    }
