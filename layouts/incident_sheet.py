"""One incident on paper and on screen: facts, alerts, steps with deadlines, people, calls, record, attachments."""

from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from alerts.model import Alert, is_over
from dispatch.handling import Task, is_overdue, overdue_s
from dispatch.incident_held import IncidentFile
from dispatch.model import Call, Incident
from hub.services import Services
from layouts import ids
from layouts.attrs import attrs
from layouts.incident_words import (
    STATUS_WORDS,
    drill_mark,
    late_text,
    left_text,
    minute_text,
    row,
    table,
    type_word,
)  # fmt: skip
from layouts.model import ScreenContext
from layouts.parts import is_sample
from layouts.words import LEVEL_WORDS, NOBODY, PERSON_WORDS, SAMPLE, clock_text, short_clock

CONFIRMED = ("confirmed", "en_route", "on_site")


def sheet_body(services: Services, context: ScreenContext, incident_id: str) -> tuple[list[Component], dict[str, Any]]:
    """The page and what its browser functions need."""
    incident = services.dispatch.incident(incident_id)
    tasks = services.incidents.tasks([incident.id]).get(incident.id, ())
    alerts, calls = services.incidents.alerts(incident), services.dispatch.calls(incident.id)
    files, parts = services.incidents.files.all(incident.id), services.incidents.parts(incident.id)
    others = [one for one in services.dispatch.incidents("open") if one.id != incident.id]
    body = [
        *head(services, context, incident, tasks, calls),
        html.Div(id=ids.INCIDENT_ACTS, className="incident-acts no-print"),
        html.H2("告警"),
        alerts_table(alerts, context),
        html.H2("处置步骤"),
        steps_table(tasks, incident, context, services.incidents.book.source),
        html.H2("人员与叫应"),
        people_table(services.incidents.people(incident.id)),
        calls_table(calls),
        *(merged_lines(parts)),
        html.H2("附件"),
        files_table(incident, files),
        html.H2("经过"),
        timeline_table(services.dispatch.timeline(incident.id)),
        foot(services, context, incident),
    ]
    view = {
        "kind": "sheet",
        "incident": incident,
        "others": [{"id": one.id, "title": one.title, "exercise": one.exercise} for one in others],
        "people": services.incidents.reachable() if context.may_call else [],
        "types": services.incidents.types(),
        "alerts": [{"id": one.id, "headline": one.headline, "source": one.source} for one in alerts],
    }
    return body, view


def head(
    services: Services, context: ScreenContext, incident: Incident, tasks: Sequence[Task], calls: Sequence[Call]
) -> list[Component]:
    """Facts first, then one sentence."""
    marks = drill_mark(incident.exercise)
    marks += [html.Span(SAMPLE, className="mark")] if is_sample(services) else []
    approved = "" if services.dispatch.plans_approved else "(未核定)"
    closed = f" · 结束 {clock_text(incident.closed_at)}:{incident.closed_why or ''}" if incident.closed_at else ""
    facts = (
        f"{incident.id} · {type_word(incident.type)} · {incident.level}级{approved} · "
        f"{STATUS_WORDS.get(incident.status, incident.status)} · {incident.place or '地点未写'} · "
        f"{clock_text(incident.opened_at)} 由 {incident.opened_by} 开立{closed}"
    )
    done, late = sum(task.done_at is not None for task in tasks), sum(is_overdue(task, context.now) for task in tasks)
    rows = [person for call in calls for person in call.rows]
    said = sum(person.state.value in CONFIRMED for person in rows)
    sentence = f"处置步骤 {done}/{len(tasks)}" + (f",超时 {late} 项" if late and incident.status == "open" else "")
    sentence += f";叫应 {said}/{len(rows)} 人已确认。" if rows else ";还没有叫应。"
    return [
        html.Header([html.H1([incident.title, *marks]), html.P(facts)]),
        html.P(sentence, className="summary"),
    ]


def alerts_table(alerts: Sequence[Alert], context: ScreenContext) -> Component:
    """Level as normalised and in the source's own words."""
    rows = []
    for one in alerts:
        over = is_over(one, context.now)
        state = f"{clock_text(one.resolved_at)[5:]} 结束" if over else "进行中"
        level = f"{LEVEL_WORDS[one.level]}({one.native_level})"
        data = attrs({"data-act": "draft", "data-alert": one.id})
        button: Any = (
            html.Button("响应", type="button", className="quiet no-print", **data)
            if context.may_call and one.source == "cap" and not over
            else ""
        )
        cells = (level, one.headline, one.place or NOBODY, minute_text(one.onset_at), state, button)
        rows.append(row(cells, f"at-{one.level.name.lower()}"))
    return table(("级别", "告警", "位置", "开始", "状态", ""), rows, "没有关联的告警", "alert-table")


def steps_table(tasks: Sequence[Task], incident: Incident, context: ScreenContext, source: str) -> Component:
    """Each step with its deadline; late ones say by how much."""
    may = context.may_call and incident.status == "open"
    rows = [step_row(task, context, source, may=may) for task in tasks]
    return table(("步骤", "时限", "完成", "备注", "依据", ""), rows, "没有处置步骤", "step-table")


def step_row(task: Task, context: ScreenContext, source: str, *, may: bool) -> Component:
    late = late_text(overdue_s(task, context.now))
    due: list[Any] = [minute_text(task.due_at)]
    due.append(html.B(f" {late}", className="late") if late else f" {left_text(task.due_at, context.now)}")
    done = f"{minute_text(task.done_at)} {task.done_by}" if task.done_at else "未完成"
    act, word = ("step-undo", "撤销") if task.done_at else ("step-done", "完成")
    data = {"data-task": task.id, "data-title": task.title}
    buttons: list[Component] = [
        html.Button(word, type="button", className="button", **attrs({"data-act": act, **data})),
        html.Button("备注", type="button", className="quiet", **attrs({"data-act": "step-note", **data})),
    ]
    cells = (task.title, due if not task.done_at or late else minute_text(task.due_at), done, task.note,
             task.source or source or "未核定", html.Div(buttons, className="no-print") if may else "")  # fmt: skip
    return row(cells, "is-late" if is_overdue(task, context.now) else "is-done" if task.done_at else "")


def people_table(people: Sequence[dict[str, Any]]) -> Component:
    rows = [
        row((f"{one['unit']} {one['name']}", one["title"], one["role"], minute_text(one["added_at"]),
             minute_text(one["left_at"]) if one["left_at"] else "在"))
        for one in people
    ]  # fmt: skip
    return table(("人员", "职务", "担任", "加入", "离开"), rows, "没有登记处置人员", "people-table")


def calls_table(calls: Sequence[Call]) -> Component:
    rows = []
    for call in calls:
        done = [one for one in call.rows if one.state.value in CONFIRMED]
        rest = [
            f"{one.name}({PERSON_WORDS.get(one.state.value, one.state.value)})" for one in call.rows if one not in done
        ]
        state = "进行中" if call.status == "active" else "已结束"
        cells = (minute_text(call.pressed_at), [*drill_mark(call.exercise), call.pressed_by], state,
                 f"{len(done)}/{len(call.rows)}", "、".join(rest[:15]) or "无", call.message)  # fmt: skip
        rows.append(row(cells))
    return table(("叫应", "发起", "状态", "已确认", "未确认人员", "通知内容"), rows, "还没有叫应", "calls")


def merged_lines(parts: Sequence[Incident]) -> list[Component]:
    """What became part of this one."""
    if not parts:
        return []
    links = [html.Li([html.A(one.title, href=f"/incident/?id={one.id}"), f"({one.id})"]) for one in parts]
    return [html.H2("已并入的事件"), html.Ul(links)]


def files_table(incident: Incident, files: Sequence[IncidentFile]) -> Component:
    """Names lead to downloads; the digest proves the content."""
    rows = [
        row((html.A(one.name, href=f"/api/v1/incidents/{incident.id}/files/{one.id}"), one.note or NOBODY,
             size_text(one.size), minute_text(one.added_at), one.added_by, f"{one.sha256[:12]}…"))
        for one in files
    ]  # fmt: skip
    return table(("名称", "说明", "大小", "时间", "上传", "SHA-256"), rows, "没有附件", "files")


def size_text(size: int) -> str:
    """350 KB, 2.4 MB."""
    return f"{max(1, round(size / 1_000))} KB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def timeline_table(lines: Sequence[dict[str, Any]]) -> Component:
    rows = [
        row((f"{minute_text(one['at'])[:5]} {short_clock(one['at'])}", who_text(one["who"]), one["text"]))
        for one in lines
    ]
    return table(("时间", "谁", "内容"), rows, "还没有记录", "record")


def who_text(who: str) -> str:
    """The system's own names as words."""
    return {"system": "系统", "engine": "系统"}.get(who, "被叫人员" if who.startswith("person:") else who)


def foot(services: Services, context: ScreenContext, incident: Incident) -> Component:
    sample = is_sample(services) or incident.exercise
    words = "本页含演练或示例数据,不得作为正式文件使用。" if sample else ""
    steps = services.incidents.book.source or "未核定"
    made = f"制作 {context.name or context.username},{clock_text(context.now)}(北京时间)。"
    return html.Footer(f"{words}{made}来源:本系统事件记录、告警与叫应台账;处置步骤依据:{steps}。")
