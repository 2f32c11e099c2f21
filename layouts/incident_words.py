"""Words and small tables the incident pages share."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from dash import html
from dash.development.base_component import Component

from dispatch.incident_steps import minutes_text
from geodata.clock import SHANGHAI

TYPE_WORDS = {
    "waterlogging": "城市内涝",
    "flood": "防汛抗洪",
    "forest_fire": "森林火灾",
    "safety": "生产安全",
    "general": "突发事件",
}
STATUS_WORDS = {"open": "处置中", "closed": "已结束"}
RESPONSE_WORDS = {"draft": "草稿", "signed": "已签发", "withdrawn": "已撤回"}


def type_word(kind: str) -> str:
    """城市内涝; an unknown type stands as it is."""
    return TYPE_WORDS.get(kind, kind)


def minute_text(moment: datetime | None) -> str:
    """`08-14 10:05`, a dash when there is none."""
    return "—" if moment is None else f"{moment.astimezone(SHANGHAI):%m-%d %H:%M}"


def late_text(late_s: float) -> str:
    """`超时 12 分钟`, or nothing."""
    return f"超时 {minutes_text(late_s)}" if late_s > 0 else ""


def left_text(due_at: datetime | None, now: datetime) -> str:
    """How long there is left."""
    if due_at is None or due_at <= now:
        return ""
    return f"还有 {minutes_text(max(60.0, (due_at - now) / timedelta(seconds=1)))}"


def table(heads: Sequence[str], rows: Sequence[Component], empty: str, name: str = "") -> Component:
    """A table; an empty one says what that means."""
    body = list(rows) or [html.Tr(html.Td(empty, colSpan=len(heads), className="empty"))]
    head = html.Thead(html.Tr([html.Th(word) for word in heads]))
    return html.Table([head, html.Tbody(body)], className=name)


def row(cells: Sequence[Any], name: str = "") -> Component:
    """A row of cells."""
    return html.Tr([html.Td(cell) for cell in cells], className=name)


def drill_mark(drill: bool) -> list[Component]:
    """演练, when it is one."""
    return [html.Span("演练", className="mark")] if drill else []
