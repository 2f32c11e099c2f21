"""The list of incidents: open ones worst first, what seems to belong together, warnings and their responses."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from alerts.model import Alert
from dispatch.model import Incident
from dispatch.responses import Response
from dispatch.suggest import Suggestion
from hub.services import Services
from layouts.attrs import attrs
from layouts.incident_words import (
    RESPONSE_WORDS,
    drill_mark,
    minute_text,
    row,
    table,
    type_word,
)  # fmt: skip
from layouts.model import ScreenContext
from layouts.snapshot import order_of
from layouts.words import LEVEL_WORDS, clock_text

RECENT = 20
SHOWN = 300
HINTS = 20


def list_body(services: Services, context: ScreenContext) -> tuple[list[Component], dict[str, Any]]:
    """The page and what its browser functions need."""
    found = services.dispatch.incidents("open", SHOWN)
    past = services.dispatch.incidents("closed", RECENT)
    counts = services.incidents.counts([one.id for one in (*found, *past)], context.now)
    ranked = sorted(found, key=lambda one: (order_of(one.level), -counts[one.id]["overdue"], one.opened_at, one.id))
    late = sum(counts[one.id]["overdue"] for one in found)
    hints = services.incidents.suggestions(context.now)
    heads = ("级别", "事件", "类型", "地点", "开立", "步骤", "告警")
    body = [
        html.H1(f"{services.city_name}事件处置"),
        html.P(f"截至 {clock_text(context.now)} · 处置中 {len(found)} 起 · 超时步骤 {late} 项", className="summary"),
        html.H2("处置中"),
        table(heads, [incident_row(one, counts[one.id]) for one in ranked], "目前没有处置中的事件", "incidents"),
        html.H2("并案建议(按地点、时间、成因,仅供参考)"),
        table(("建议", "告警", "理由", ""), hint_rows(hints, context), "目前没有建议", "hints"),
        html.H2("预警响应"),
        table(("预警", "级别", "响应", ""), warning_rows(services, context), "目前没有可起草响应的预警", "warnings"),
        html.H2(f"最近结束({len(past)})"),
        table(heads, [incident_row(one, counts[one.id]) for one in past], "没有", "incidents"),
        html.Footer("步骤时限出自处置步骤文件,未核定的以“未核定”标出;超时按打开页面的时刻计算。"),
    ]
    view = {"kind": "list", "hints": hints[:HINTS]}
    return body, view


def incident_row(one: Incident, counts: dict[str, int]) -> Component:
    """One incident; late steps are said in words."""
    late = counts["overdue"] if one.status == "open" else 0
    steps: list[Any] = [f"{counts['done']}/{counts['steps']}"]
    steps += [html.B(f" 超时 {late}", className="late")] if late else []
    link = html.A(one.title, href=f"/incident/?id={one.id}")
    where = f"并入 {one.merged_into}" if one.merged_into else one.place
    cells = (
        f"{one.level}级", [*drill_mark(one.exercise), link], type_word(one.type), where or "—",
        minute_text(one.opened_at), steps, str(len(one.alert_ids)),
    )  # fmt: skip
    return row(cells, "is-late" if late else "")


def hint_rows(hints: list[Suggestion], context: ScreenContext) -> list[Component]:
    """Suggestions; whoever may call can take one up."""
    rows = []
    for number, hint in enumerate(hints[:HINTS]):
        what = "并入事件 " if hint.incident_id else "合并开立:"
        word = "并入" if hint.incident_id else "合并开立"
        data = attrs({"data-act": "hint", "data-hint": str(number)})
        button: Any = html.Button(word, type="button", className="button no-print", **data) if context.may_call else ""
        reasons = html.Ul([html.Li(reason) for reason in hint.reasons[:3]])
        rows.append(
            row(([*drill_mark(hint.exercise), f"{what}{hint.title}"], f"{len(hint.alert_ids)} 条", reasons, button))
        )
    return rows


def warning_rows(services: Services, context: ScreenContext) -> list[Component]:
    """Open warnings of others, each with its response."""
    known: dict[str, Response] = {}
    for one in services.responses.list(None, SHOWN):
        if one.status != "withdrawn":
            known.setdefault(one.alert_id, one)
    warnings = [one for one in services.alerts.open(context.now) if one.source == "cap"][:RECENT]
    shown = {one.id for one in warnings}
    rows = [warning_row(one, known.get(one.id), context) for one in warnings]
    return rows + [over_row(one) for one in known.values() if one.alert_id not in shown][:RECENT]


def warning_row(alert: Alert, response: Response | None, context: ScreenContext) -> Component:
    level = f"{LEVEL_WORDS[alert.level]}({alert.native_level})"
    headline = [*drill_mark(alert.status != "Actual"), alert.headline]
    if response is not None:
        words = f"{RESPONSE_WORDS[response.status]} · {response.level + '级' if response.level else '级别未核定'}"
        return row((headline, level, words, html.A("打开", href=f"/incident/?response={response.id}")))
    data = attrs({"data-act": "draft", "data-alert": alert.id})
    button: Any = (
        html.Button("起草响应", type="button", className="button no-print", **data) if context.may_call else ""
    )
    return row((headline, level, "没有", button), f"at-{alert.level.name.lower()}")


def over_row(response: Response) -> Component:
    words = f"{RESPONSE_WORDS[response.status]} · {response.level + '级' if response.level else '级别未核定'}"
    link = html.A("打开", href=f"/incident/?response={response.id}")
    return row((response.title, "预警已结束", words, link))
