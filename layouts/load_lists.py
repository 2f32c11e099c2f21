"""The lists of the load page: who calls most, what never ends, what chatters, how long people took."""

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from alerts.load_lists import Wait
from alerts.load_out import priorities
from alerts.load_view import LoadView
from alerts.load_words import MEASURE, seconds_words
from alerts.model import Alert, Level
from layouts.words import LEVEL_WORDS, NOBODY, age_text

ROWS = 10


def section(
    measure_id: str, rows: Sequence[Component], heads: tuple[str, ...], empty: str, note: str = ""
) -> Component:
    """A titled table, or the sentence that says there is nothing."""
    measure = MEASURE[measure_id]
    definition = f"{measure.means}。限值:{measure.limit}。出处:{measure.source}"
    parts: list[Component] = [html.H3(measure.title, title=definition)]
    if rows:
        table = [html.Thead(html.Tr([html.Th(word) for word in heads])), html.Tbody(list(rows))]
        parts.append(html.Table(table))
    else:
        parts.append(html.P(empty, className="empty"))
    parts += [html.P(note, className="note")] if note else []
    return html.Section(parts, className=f"panel list-{measure_id}")


def top_list(view: LoadView) -> Component:
    """The ten that call most, each leading to its newest alert."""
    load = view.load
    most = str(load.top[0].count) if load.top else "1"
    rows = [
        html.Tr(
            [
                html.Td(str(number), className="num"),
                html.Td(name_of(one.topic, view.names.get(one.topic))),
                html.Td(LEVEL_WORDS[Level(one.level)], className="level"),
                html.Td(f"{one.count:,}", className="num"),
                html.Td([html.Progress(value=str(one.count), max=most, className="bar"), f"{one.share:.1%}"],
                        className="num share"),
            ],
            className=f"at-{Level(one.level).name.lower()}",
        )
        for number, one in enumerate(load.top, 1)
    ]  # fmt: skip
    note = f"共 {load.topics:,} 个来源,前十占 {load.top_share:.0%}" if load.topics else ""
    return section("top", rows, ("", "来源", "最高", "次数", "占比"), "本时段没有告警呼叫", note)


def name_of(topic: str, alert: Alert | None) -> Component:
    """What calls and where, as a link to its newest alert on the desk."""
    if alert is None:
        return html.Span(topic, className="name")
    where = alert.place or alert.sensor or alert.sender or ""
    return html.A(
        [html.B(alert.event), html.Span(f" {where}")], href=f"/desk/#alert={alert.id}", className="name", title=topic
    )


def stale_list(view: LoadView) -> Component:
    rows = [
        html.Tr(
            [
                html.Td(html.A(one.headline, href=f"/desk/#alert={one.id}", className="name", title=one.headline)),
                html.Td(LEVEL_WORDS[one.level], className="level"),
                html.Td(age_text(one.fired_at, view.load.end), className="num"),
            ],
            className=f"at-{one.level.name.lower()}",
        )
        for one in view.stale[:ROWS]
    ]
    more = len(view.stale) - len(rows)
    note = f"另有 {more:,} 条" if more else ""
    return section("stale", rows, ("告警", "级别", "产生"), "没有超过 24 小时未结束的告警", note)


def chatter_list(view: LoadView) -> Component:
    found = view.load.chattering
    rows = [
        html.Tr(
            [
                html.Td(name_of(one.topic, view.names.get(one.topic))),
                html.Td(f"{one.bursts:,}", className="num"),
                html.Td(f"{one.most} 次 / {one.rule.within_s:g} 秒", className="num"),
                html.Td(one.rule.source),
            ]
        )
        for one in found[:ROWS]
    ]
    note = f"另有 {len(found) - len(rows):,} 行" if len(found) > len(rows) else ""
    return section("chatter", rows, ("来源", "阵次", "最密", "判据"), "没有抖动的来源", note)


def wait_list(view: LoadView) -> Component:
    waits = view.load.waits
    rows = [wait_row(one) for one in waits] if any(one.answered or one.unseen or one.waiting for one in waits) else []
    heads = ("级别", "已确认", "中位", "九成内", "未确认已结束", "等待中")
    return section("wait", rows, heads, "本时段没有等人确认的告警")


def wait_row(one: Wait) -> Component:
    level = Level(one.level)
    return html.Tr(
        [
            html.Td(LEVEL_WORDS[level] if one.level else "全部", className="level"),
            html.Td(f"{one.answered:,}", className="num"),
            html.Td(seconds_words(one.median_s), className="num"),
            html.Td(seconds_words(one.p90_s), className="num"),
            html.Td(f"{one.unseen:,}", className="num"),
            html.Td(f"{one.waiting:,}", className="num"),
        ],
        className=f"at-{level.name.lower()}",
    )


def level_list(view: LoadView) -> Component:
    """The three priorities of the standard, with the city's levels that stand for them."""
    red, orange, yellow, blue = reversed(view.load.levels)
    counts = {"高": f"红 {red:,}", "中": f"橙 {orange:,}", "低": f"黄 {yellow:,}、蓝 {blue:,}"}
    rows = [
        html.Tr(
            [
                html.Td(one["title"]),
                html.Td(counts[one["title"]]),
                html.Td(NOBODY if one["share"] is None else f"{one['share']:.0%}", className="num"),
                html.Td(f"约 {one['advised']:.0%}", className="num"),
            ]
        )
        for one in priorities(view.load)
    ]
    return section("levels", rows if view.load.total else [], ("优先级", "次数", "占比", "建议"), "本时段没有告警呼叫")


def officer_list(view: LoadView) -> Component:
    rows = [
        html.Tr(
            [html.Td(one.who), html.Td(f"{one.count:,}", className="num"), html.Td(str(one.busiest), className="num")]
        )
        for one in view.officers[:ROWS]
    ]
    return section("officers", rows, ("谁", "确认", "最忙 10 分钟"), "本时段没有人确认过告警")
