"""The operator load for others: as plain JSON values and as tables for spreadsheets."""

import csv
import io
from dataclasses import asdict
from datetime import datetime
from typing import Any

from alerts.load import BAND_IDS, BANDS, PRIORITIES, STALE_MOST, Load
from alerts.load_view import LoadView
from alerts.load_words import MEASURES, verdict_words
from alerts.model import Alert, Level
from alerts.model_json import LEVEL_TITLES
from geodata.clock import SHANGHAI

TABLES = ("bins", "top")
_LEVELS = ("blue", "yellow", "orange", "red")
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet would take what begins so for a formula


def load_to_plain(view: LoadView) -> dict[str, Any]:
    """Every number of the page, with the definitions."""
    load = view.load
    return {
        "period": view.period,
        "exercise": view.exercise,
        "start": load.start.isoformat(),
        "end": load.end.isoformat(),
        "recorded_from": load.recorded_from.isoformat() if load.recorded_from else None,
        "verdict": {
            "band": BAND_IDS[load.verdict.band], "title": BANDS[load.verdict.band], "text": verdict_words(load),
            "measure": load.verdict.measure, "value": load.verdict.value, "limit": load.verdict.limit,
        },
        "total": load.total,
        "average_per_10_min": load.average,
        "busiest": _bin(load.busiest) if load.busiest else None,
        "flood_share": load.flood_share,
        "floods": [
            {"begin": one.begin.isoformat(), "end": one.end.isoformat() if one.end else None, "count": one.count,
             "peak": one.peak} for one in load.floods
        ],
        "levels": dict(zip(_LEVELS, load.levels, strict=True)),
        "priorities": priorities(load),
        "top": [_named(one.topic, view) | {"count": one.count, "share": one.share, "level": _level(one.level)}
                for one in load.top],
        "top_share": load.top_share,
        "topics": load.topics,
        "chattering": [
            _named(one.topic, view)
            | {"bursts": one.bursts, "most": one.most, "last_at": one.last_at.isoformat(), "rule": asdict(one.rule)}
            for one in load.chattering
        ],
        "stale": {"count": len(view.stale), "limit": STALE_MOST, "items": [_stale(one) for one in view.stale[:100]]},
        "waits": [asdict(one) | {"level": _level(one.level) if one.level else "all"} for one in load.waits],
        "officers": [asdict(one) for one in view.officers],
        "bins": [_bin(one) for one in load.bins],
        "definitions": [asdict(one) for one in MEASURES],
    }  # fmt: skip


def priorities(load: Load) -> list[dict[str, Any]]:
    """The three priorities with their share of the calls and the share that is advised."""
    return [
        {
            "title": name,
            "share": sum(load.levels[level - 1] for level in levels) / load.total if load.total else None,
            "advised": advised,
        }
        for name, levels, advised in PRIORITIES
    ]


def load_csv(view: LoadView, table: str) -> bytes:
    """UTF-8 with a byte-order mark, for spreadsheets. `bins`: one row a bin; `top`: one row a source, all listed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for row in _bin_rows(view.load) if table == "bins" else _top_rows(view):
        writer.writerow([safe_cell(cell) for cell in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace")


def safe_cell(value: object) -> object:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front; numbers stay numbers."""
    if isinstance(value, str) and value.lstrip(" ").startswith(_RISKY):
        return "'" + value
    return value


def _bin_rows(load: Load) -> list[list[object]]:
    head: list[object] = ["开始(北京时间)", "呼叫", "蓝", "黄", "橙", "红", "洪峰", "已过完"]
    return [head] + [
        [_local(one.begin), one.count, *one.levels, "是" if one.flood else "否", "是" if one.whole else "否"]
        for one in load.bins
    ]


def _top_rows(view: LoadView) -> list[list[object]]:
    head: list[object] = ["名次", "来源", "种类", "位置", "最高级别", "呼叫", "占比%", "最近一条告警"]
    rows = [
        [number, _text(named, "topic"), _text(named, "event"), _text(named, "place"),
         LEVEL_TITLES[Level(one.level)], one.count, round(one.share * 100, 2), _text(named, "alert_id")]
        for number, one in enumerate(view.load.top, 1)
        for named in [_named(one.topic, view)]
    ]  # fmt: skip
    return [head, *rows]


def _text(named: dict[str, Any], name: str) -> str:
    return str(named[name] or "")


def _named(topic: str, view: LoadView) -> dict[str, Any]:
    alert = view.names.get(topic)
    return {
        "topic": topic,
        "event": alert.event if alert else None,
        "place": alert.place if alert else None,
        "rule_id": alert.rule_id if alert else None,
        "sensor": alert.sensor if alert else None,
        "sender": alert.sender if alert else None,
        "alert_id": alert.id if alert else None,
    }


def _stale(alert: Alert) -> dict[str, Any]:
    return {
        "alert_id": alert.id, "headline": alert.headline, "place": alert.place, "level": _level(alert.level),
        "fired_at": alert.fired_at.isoformat(), "acknowledged_by": alert.acknowledged_by,
    }  # fmt: skip


def _bin(one: Any) -> dict[str, Any]:
    return {
        "begin": one.begin.isoformat(), "count": one.count, **dict(zip(_LEVELS, one.levels, strict=True)),
        "flood": one.flood, "whole": one.whole,
    }  # fmt: skip


def _level(level: int) -> str:
    return Level(level).name.lower()


def _local(moment: datetime) -> str:
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
