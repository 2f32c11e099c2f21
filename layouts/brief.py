"""值班快报: the leader's page. Frozen data with age and source, A4, everything drawn on the server."""

from datetime import datetime

from dash import html
from dash.development.base_component import Component

from alerts.model import Alert, Level
from dispatch.model import Call
from hub.services import Services
from layouts import ids
from layouts.attrs import attrs
from layouts.brief_map import picture
from layouts.model import ScreenContext
from layouts.parts import DIGITS, boot, is_sample, short_name
from layouts.snapshot import Snapshot, take
from layouts.words import LEVEL_WORDS, NOBODY, PERSON_WORDS, SAMPLE, age_text, clock_text, number_text, short_clock

ROWS = 20
CONFIRMED = ("confirmed", "en_route", "on_site")


def layout(services: Services, context: ScreenContext) -> Component:
    """The page; `data-ready` appears when it is drawn, for whoever takes its picture."""
    shot = take(services, context, frozen=True)
    sample = is_sample(services)
    return html.Div(
        [
            *boot("brief", services, shot, context),
            *([] if "at" in (context.query or {}) else [tools()]),
            html.Article(
                [
                    head(services, shot, context, sample),
                    summary(shot),
                    html.Div([map_block(services, shot), numbers(shot)], className="two"),
                    alerts_table(shot),
                    calls_table(shot, frozen=context.asked is not None),
                    foot(shot, sample),
                ],
                id=ids.BRIEF,
                className="page",
            ),
        ],
        className="brief",
    )


def tools() -> Component:
    """Print and download; left out of a page that is asked for as of a moment, since that one is for the camera."""
    return html.Nav(
        [
            html.Button("打印", type="button", className="button", **attrs({"data-act": "print"})),
            html.A("下载 PDF", href="/api/v1/brief.pdf", className="button quiet"),
            html.A("下载图片", href="/api/v1/brief.png", className="button quiet"),
        ],
        className="brief-tools no-print",
    )


def head(services: Services, shot: Snapshot, context: ScreenContext, sample: bool) -> Component:
    marks = [html.Span(SAMPLE, className="mark")] if sample else []
    marks += [html.Span("演练", className="mark")] if shot.mode == "exercise" else []
    marks += [html.Span("历史回放", className="mark")] if shot.mode == "replay" else []
    who = context.name or context.username
    return html.Header(
        [
            html.H1([f"{services.city_name}值班快报", *marks]),
            html.P(f"数据截至 {seconds_text(shot.moment)}(北京时间) · 制作 {who} · 制作时刻 {clock_text(context.now)}"),
        ]
    )


def cut(text: str, most: int = 48) -> str:
    """`text`, shortened with an ellipsis: one long title must not push the numbers off the page."""
    return text if len(text) <= most else text[: most - 1] + "…"


def seconds_text(moment: datetime) -> str:
    """The moment of the report, to the second."""
    return f"{clock_text(moment)[:11]}{short_clock(moment)}"


def summary(shot: Snapshot) -> Component:
    """One sentence that stands for the page."""
    words = [f"{LEVEL_WORDS[level]} {shot.counts[level.name.lower()]} 条" for level in reversed(Level) if level]
    worst = (
        f"最高:{cut(shot.worst.headline)}({cut(shot.worst.place, 30) or '位置未知'})。"
        if shot.worst
        else "目前没有未结束的告警。"
    )
    return html.P(f"未结束告警 {shot.alert_total} 条:{'、'.join(words)}。{worst}", className="summary")


def map_block(services: Services, shot: Snapshot) -> Component:
    source = picture(services, shot.alerts[:ROWS])
    caption = html.Figcaption("告警位置示意图,编号同下表;底图为示意")
    return html.Figure([html.Img(src=source, alt="告警位置示意图"), caption], className="map-picture")


def numbers(shot: Snapshot) -> Component:
    """Situation numbers with age and source; a stale one says so."""
    points = shot.points
    rows = [
        html.Tr(
            [html.Th("积水封路"), html.Td(f"{points.closed} 处"), html.Td(age_text(points.observed_at, shot.moment))]
        ),
        html.Tr(
            [html.Th("积水慢行"), html.Td(f"{points.slow} 处"), html.Td(age_text(points.observed_at, shot.moment))]
        ),
        html.Tr([html.Th("水尺无数据"), html.Td(f"{points.silent} 处"), html.Td("不作无积水论")]),
    ]
    for row in (*shot.rivers[:6], *shot.rain[:2]):
        word = "流量" if row.kind == "flow" else "雨强"
        age = age_text(row.observed_at, shot.moment)
        figure = f"{number_text(row.value, DIGITS[row.kind])} {row.unit}"
        rows.append(
            html.Tr(
                [
                    html.Th(f"{short_name(row.name)} {word}"),
                    html.Td(figure),
                    html.Td(f"过期,{age}" if row.stale else age),
                ]
            )
        )
    title = html.Caption("态势数据(来源:本系统接入的监测站)")
    return html.Table(
        [title, html.Thead(html.Tr([html.Th("项目"), html.Th("数值"), html.Th("数据时间")])), html.Tbody(rows)]
    )


def alerts_table(shot: Snapshot) -> Component:
    """The open alerts, worst first; what does not fit is counted."""
    rows = [alert_row(number, one) for number, one in enumerate(shot.alerts[:ROWS], 1)]
    more = shot.alert_total - len(rows)
    note = f"另有 {more} 条未列出" if more > 0 else ""
    heads = ("编号", "级别", "告警", "位置", "开始", "状态")
    body = rows or [html.Tr(html.Td("目前没有未结束的告警", colSpan=len(heads)))]
    return html.Section(
        [
            html.H2("未结束告警"),
            html.Table([html.Thead(html.Tr([html.Th(word) for word in heads])), html.Tbody(body)], className="alerts"),
            html.P(note, className="note"),
        ]
    )


def alert_row(number: int, alert: Alert) -> Component:
    level = f"{LEVEL_WORDS[alert.level]}" + (f"({alert.native_level})" if alert.native_level else "")
    state = f"{alert.acknowledged_by} 已确认" if alert.acknowledged_at else "未确认"
    drill = "【演练】" if alert.status == "Exercise" else ""
    cells = (
        str(number),
        level,
        drill + cut(alert.headline),
        cut(alert.place, 30) or NOBODY,
        clock_text(alert.onset_at)[5:],
        state,
    )
    return html.Tr([html.Td(cell) for cell in cells], className=f"at-{alert.level.name.lower()}")


def calls_table(shot: Snapshot, *, frozen: bool) -> Component:
    """Calls under way: how many of how many confirmed, and who has not."""
    rows = [call_row(call, shot.moment) for call in shot.calls[:ROWS]]
    body = rows or [html.Tr(html.Td("目前没有进行中的呼叫", colSpan=4))]
    heads = html.Tr([html.Th(word) for word in ("时间", "发起", "已确认 / 应到", "未确认人员")])
    note = "按截至时刻统计:此后才变化的人员记为当时未确认" if frozen and rows else ""
    table = html.Table([html.Thead(heads), html.Tbody(body)])
    return html.Section([html.H2("叫应情况"), table, html.P(note, className="note")])


def call_row(call: Call, moment: datetime) -> Component:
    """Who had confirmed by `moment`; a state that came later is not told as if it had been there."""
    done = [row for row in call.rows if row.state.value in CONFIRMED and row.since <= moment]
    rest = [
        f"{row.name}({PERSON_WORDS.get(row.state.value, row.state.value) if row.since <= moment else '当时未确认'})"
        for row in call.rows
        if row not in done
    ]
    drill = "【演练】" if call.exercise else ""
    cells = (
        clock_text(call.pressed_at)[5:],
        drill + call.pressed_by,
        f"{len(done)} / {len(call.rows)}",
        "、".join(rest[:12]) or "无",
    )
    return html.Tr([html.Td(cell) for cell in cells])


def foot(shot: Snapshot, sample: bool) -> Component:
    words = "本页为演练或示例数据,不得作为正式文件使用。" if sample or shot.mode == "exercise" else ""
    return html.Footer(f"{words}除制作时刻外,本页数字均截至所写时刻。警戒流量等阈值见系统设置;未核定项不在本页列出。")
