"""Steps of the handling: done, taken back, with a note. Pure; the deadlines that follow from them move along."""

from dataclasses import replace
from datetime import datetime

from dispatch.handling import Task, overdue_s, scheduled
from dispatch.incident_changes import Act, opened
from dispatch.incident_held import Change, Held
from geodata.errors import BadInput, Conflict, NotFound

NOTE_CHARS = 2_000
ACTIONS = ("done", "undo", "note")


def stepped(held: Held, task_id: str, action: str, note: str, act: Act) -> list[Change]:
    """`action`: done, undo (with a note that says why) or note. Done again changes nothing."""
    incident = opened(held)
    task = next((item for item in held.tasks if item.id == task_id), None)
    if task is None:
        raise NotFound(f"事件 {incident.id} 里没有步骤 {task_id[:40]};级别变更后步骤会重排,请刷新")
    words = " ".join(note.split())
    if len(words) > NOTE_CHARS:
        raise BadInput(f"备注最多 {NOTE_CHARS} 个字")
    after, text = _moved(task, action, words, act.who, act.now)
    if after is None:
        return []
    tasks = tuple(after if item.id == task_id else item for item in held.tasks)
    tasks = scheduled(act.book.steps(incident.type, incident.level), tasks, incident.opened_at)
    detail = {"task": task.key, "note": words}
    entry = act.entry(f"task.{action}", text + (f":{words}" if words else ""), **detail)
    return [Change(replace(incident, updated_at=act.now), tasks, entry)]


def _moved(task: Task, action: str, words: str, who: str, now: datetime) -> tuple[Task | None, str]:
    note = "\n".join(filter(None, (task.note, words)))
    if action == "done":
        if task.done_at is not None:
            return None, ""
        late = overdue_s(task, now)
        after = replace(task, done_at=now, done_by=who, note=note)
        return after, f"完成步骤「{task.title}」" + (f"(超时 {minutes_text(late)})" if late else "")
    if action == "undo":
        if task.done_at is None:
            raise Conflict(f"步骤「{task.title}」还没有完成,不用撤销")
        if not words:
            raise BadInput("撤销已完成的步骤要写明原因(note)")
        return replace(task, done_at=None, done_by=None, note=note), f"撤销步骤「{task.title}」的完成"
    if action == "note":
        if not words:
            raise BadInput("备注不能为空(note)")
        return replace(task, note=note), f"步骤「{task.title}」备注"
    raise BadInput(f"没有操作 {action[:20]};可用:{'、'.join(ACTIONS)}")


def minutes_text(seconds: float) -> str:
    """How late, as an officer says it."""
    minutes = max(1, round(seconds / 60))
    return f"{minutes} 分钟" if minutes < 120 else f"{minutes // 60} 小时 {minutes % 60} 分钟"
