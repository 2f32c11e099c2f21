"""What a change makes of incidents: merge, split, alerts in and out, type and level, close, reopen, steps. Pure.

Each function is given incidents as a transaction holds them and gives back how they shall be; `hub` locks them
before and writes all of it after, in that one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.model import Alert
from dispatch.handling import HandlingBook, Task, draft
from dispatch.incident_held import Change, Held
from dispatch.model import Incident
from dispatch.plan_book import RESPONSE_LEVELS
from dispatch.stores import LogEntry
from geodata.errors import BadInput, Conflict, NotFound

REASON_CHARS = 500
TITLE_CHARS = 120


@dataclass(frozen=True, slots=True)
class Act:
    """Who changes something, when and why, and the book the steps come from."""

    who: str
    now: datetime
    reason: str
    book: HandlingBook

    def entry(self, kind: str, text: str, **detail: object) -> LogEntry:
        words = f"{text}。理由:{self.reason}" if self.reason else text
        return LogEntry(self.now, self.who, kind, words, {**detail, **({"reason": self.reason} if self.reason else {})})

    def steps(self, incident: Incident, present: Sequence[Task]) -> tuple[Task, ...]:
        return draft(self.book, incident, present, self.now)


def reason_of(text: object) -> str:
    """A reason that says something; `BadInput` when it is missing or too long."""
    words = " ".join(text.split()) if isinstance(text, str) else ""
    if not words or len(words) > REASON_CHARS:
        raise BadInput(f"请写明理由(reason),1–{REASON_CHARS} 个字")
    return words


def revised(held: Held, act: Act, types: Sequence[str], **wanted: str | None) -> list[Change]:
    """A new title, type or level. The open steps follow type and level; what was done stays."""
    incident = opened(held)
    given = {name: value for name, value in wanted.items() if value is not None}
    if not given:
        raise BadInput("没有要改的内容;可改 title、type、level、status")
    if given.get("type", incident.type) not in types:
        raise BadInput(f"没有事件类型 {given['type'][:40]};可用:{'、'.join(types)}")
    if given.get("level", incident.level) not in RESPONSE_LEVELS:
        raise BadInput(f"没有响应级别 {given['level'][:40]};可用:{'、'.join(RESPONSE_LEVELS)}")
    if "title" in given:
        given["title"] = " ".join(given["title"].split())[:TITLE_CHARS]
        if not given["title"]:
            raise BadInput("事件标题不能为空")
    moved = {name: value for name, value in given.items() if value != getattr(incident, name)}
    if not moved:
        return []
    after = replace(incident, **moved, updated_at=act.now)  # type: ignore[arg-type]
    tasks = act.steps(after, held.tasks) if moved.keys() & {"type", "level"} else held.tasks
    words = {"title": "标题", "type": "类型", "level": "级别"}
    text = ";".join(f"{words[name]}由 {getattr(incident, name)} 改为 {value}" for name, value in moved.items())
    return [Change(after, tasks, act.entry("incident.revised", text, **moved))]


def alerts_changed(
    held: Held, act: Act, add: Sequence[Alert], remove: Sequence[str], *, drills_only: bool
) -> list[Change]:
    """Alerts put in or taken out. Drills and the real never mix."""
    incident = opened(held)
    strange = [alert_id for alert_id in remove if alert_id not in incident.alert_ids]
    if strange:
        raise NotFound(f"事件 {incident.id} 里没有告警 {'、'.join(strange)[:200]}")
    new = [alert for alert in add if alert.id not in incident.alert_ids]
    same_kind(incident, [alert.status != "Actual" for alert in new], drills_only=drills_only)
    ids = (set(incident.alert_ids) | {alert.id for alert in new}) - set(remove)
    if ids == set(incident.alert_ids):
        return []
    after = replace(incident, alert_ids=tuple(sorted(ids)), updated_at=act.now)
    parts = [f"并入 {len(new)} 条告警"] if new else []
    parts += [f"移出 {len(remove)} 条告警"] if remove else []
    detail = {"added": [alert.id for alert in new], "removed": list(remove)}
    return [Change(after, held.tasks, act.entry("incident.alerts", ",".join(parts), **detail))]


def same_kind(incident: Incident, drills: Sequence[bool], *, drills_only: bool) -> None:
    """`Conflict` when a drill and the real would be in one incident; in a demonstration all incidents are drills."""
    if any(drill and not incident.exercise for drill in drills):
        raise Conflict("演练告警不能并入真实事件;请为演练另开事件")
    if incident.exercise and not drills_only and any(not drill for drill in drills):
        raise Conflict("真实告警不能并入演练事件;请为它另开事件")


def merged(target: Held, others: Sequence[Held], act: Act) -> list[Change]:
    """The others end and become part of `target`: their alerts and open steps move; files and people go with them."""
    into = opened(target)
    for other in others:
        one = opened(other)
        if one.id == into.id:
            raise BadInput("事件不能并入它自己")
        if one.exercise != into.exercise:
            raise Conflict("演练事件和真实事件不能合并")
    ids = {alert_id for held in (target, *others) for alert_id in held.incident.alert_ids}
    level = max((held.incident.level for held in (target, *others)), key=RESPONSE_LEVELS.index)
    began = min(held.incident.opened_at for held in (target, *others))  # deadlines count from the first of them
    after = replace(into, alert_ids=tuple(sorted(ids)), level=level, opened_at=began, updated_at=act.now)
    asked = {step.key for step in act.book.steps(after.type, after.level)}
    tasks = list(target.tasks)
    for other in others:
        tasks = _with_moved(tasks, other, into.id, asked)
    names = "、".join(f"「{held.incident.title}」" for held in others)
    raised = "" if level == into.level else f",级别升为 {level}"
    detail = {"from": [held.incident.id for held in others], "alert_ids": sorted(ids - set(into.alert_ids))}
    entry = act.entry("incident.merged", f"并入事件 {names}{raised}", **detail)
    sources = tuple(held.incident.id for held in others)
    return [
        Change(after, act.steps(after, tasks), entry, takes_from=sources),
        *(_ended_in(held, into, act) for held in others),
    ]


def _with_moved(tasks: Sequence[Task], other: Held, incident_id: str, asked: set[str]) -> list[Task]:
    """`tasks` with the open ones of `other`. A step both have open is one step; what does not fit in gets a number."""
    kept = {task.key: task for task in tasks}
    for task in other.tasks:
        same = kept.get(task.key)
        if task.done_at is not None:
            continue
        if same is not None and same.done_at is None:
            kept[task.key] = replace(same, note="\n".join(filter(None, (same.note, task.note))))
        elif same is None and task.key in asked:
            kept[task.key] = replace(task, incident_id=incident_id)
        else:
            base = task.key.partition("+")[0]
            key = next(f"{base}+{n}" for n in range(1, 10_000) if f"{base}+{n}" not in kept)
            title = f"{task.title}(并入:{other.incident.title})"[:200]
            kept[key] = replace(task, incident_id=incident_id, key=key, title=title)
    return list(kept.values())


def _ended_in(held: Held, into: Incident, act: Act) -> Change:
    after = replace(
        held.incident,
        status="closed",
        closed_at=act.now,
        closed_why=f"并入 {into.id}:{act.reason}",
        merged_into=into.id,
        updated_at=act.now,
        alert_ids=(),
    )
    entry = act.entry("incident.merged", f"并入事件「{into.title}」", into=into.id, alert_ids=held.incident.alert_ids)
    return Change(after, tuple(task for task in held.tasks if task.done_at), entry, "incident.closed")


def split(held: Held, wanted: Incident, act: Act) -> list[Change]:
    """The alerts of `wanted` leave for the new incident `wanted`; at least one stays behind."""
    incident = opened(held)
    strange = [alert_id for alert_id in wanted.alert_ids if alert_id not in incident.alert_ids]
    if strange:
        raise NotFound(f"事件 {incident.id} 里没有告警 {'、'.join(strange)[:200]}")
    rest = tuple(alert_id for alert_id in incident.alert_ids if alert_id not in wanted.alert_ids)
    if not wanted.alert_ids or not rest:
        raise BadInput("拆分要选出一部分告警:至少一条移走,至少一条留下")
    made = replace(wanted, exercise=incident.exercise)
    left = act.entry("incident.split", f"拆出事件「{made.title}」", to=made.id, alert_ids=list(made.alert_ids))
    born = act.entry("incident.opened", f"由事件「{incident.title}」拆出", split_from=incident.id)
    return [
        Change(replace(incident, alert_ids=rest, updated_at=act.now), held.tasks, left),
        Change(made, act.steps(made, ()), born, "incident.opened"),
    ]


def closed(held: Held, act: Act) -> list[Change]:
    """Ended, with the reason. Again changes nothing."""
    if held.incident.status != "open":
        return []
    why = act.reason or "事件结束"
    after = replace(held.incident, status="closed", closed_at=act.now, closed_why=why, updated_at=act.now)
    undone = sum(task.done_at is None for task in held.tasks)
    text = "事件结束" + (f",尚有 {undone} 步未完成" if undone else "")
    return [Change(after, held.tasks, act.entry("incident.closed", text), "incident.closed")]


def reopened(held: Held, act: Act) -> list[Change]:
    """Open again with the alerts that no other open incident has taken over meanwhile."""
    incident = held.incident
    if incident.merged_into:
        raise Conflict(f"事件已并入 {incident.merged_into},不能重开;请在那个事件里拆分")
    if incident.status == "open":
        return []
    kept = tuple(alert_id for alert_id in incident.alert_ids if alert_id not in held.elsewhere)
    after = replace(incident, status="open", closed_at=None, closed_why=None, updated_at=act.now, alert_ids=kept)
    lost = len(incident.alert_ids) - len(kept)
    text = "重新打开事件" + (f";{lost} 条告警已在别的事件里处置,没有收回" if lost else "")
    return [Change(after, held.tasks, act.entry("incident.reopened", text, elsewhere=dict(held.elsewhere)))]


def opened(held: Held) -> Incident:
    """The incident, which must be open."""
    incident = held.incident
    if incident.merged_into:
        raise Conflict(f"事件已并入 {incident.merged_into};请到那个事件里操作")
    if incident.status != "open":
        raise Conflict("事件已经结束;如需继续处置请先重新打开")
    return incident
