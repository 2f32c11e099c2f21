"""A drafted response: the warning, the texts, what is missing, every earlier version. The editor is in the browser."""

from datetime import datetime
from typing import Any

from dash import html
from dash.development.base_component import Component

from geodata.errors import NotFound
from hub.services import Services
from layouts import ids
from layouts.incident_words import RESPONSE_WORDS, drill_mark, minute_text, row, table
from layouts.words import LEVEL_WORDS, clock_text

VERSIONS = ("版", "时间", "谁", "级别", "短信", "通知全文")


def response_body(services: Services, response_id: str) -> tuple[list[Component], dict[str, Any]]:
    """The page and what its browser functions need."""
    response = services.responses.get(response_id)
    view = services.responses.view(response)
    body = [
        html.Header(
            [
                html.H1(["预警响应", *drill_mark(response.exercise)]),
                html.P(f"{response.id} · {RESPONSE_WORDS[response.status]} · 第 {response.version} 版 · "
                       f"{clock_text(response.updated_at)} {response.updated_by}"),
            ]
        ),
        *warning_lines(services, response.alert_id),
        html.Div(id=ids.RESPONSE_EDITOR, className="response-editor"),
        html.H2("以前各版"),
        table(VERSIONS, history_rows(view["history"]), "这是第一版", "versions"),
        html.Footer(
            f"模板 {response.template},依据:{response.template_source or '未核定'};"
            "响应级别在没有公布依据时留空,由人填写并签发。签发后由值班人员一键叫应时发出,本页不自动发送。"
        ),
    ]  # fmt: skip
    return body, {"kind": "response", "response": view}


def warning_lines(services: Services, alert_id: str) -> list[Component]:
    try:
        alert = services.alerts.get(alert_id)
    except NotFound:
        return [html.P("预警已查不到", className="summary")]
    level = f"{LEVEL_WORDS[alert.level]}({alert.native_level})"
    where = f" · {alert.place}" if alert.place else ""
    until = f" · 有效至 {clock_text(alert.expires_at)}" if alert.expires_at else ""
    return [
        html.P(f"{level} {alert.headline}{where} · 发布 {clock_text(alert.sent_at or alert.fired_at)}{until}",
               className=f"summary at-{alert.level.name.lower()}"),
        html.P(alert.description, className="warning-text"),
    ]  # fmt: skip


def history_rows(history: list[dict[str, Any]]) -> list[Component]:
    return [
        row((str(one["version"]), minute_text(datetime.fromisoformat(one["updated_at"])), one["updated_by"],
             one["level"] or "空", one["short"], html.Details([html.Summary("全文"), html.Pre(one["long"])])))
        for one in reversed(history)
    ]  # fmt: skip
