"""The last 24 hours as a strip: how many alerts began in each quarter of an hour, and how bad. Press to go there."""

from datetime import timedelta

from dash import html
from dash.development.base_component import Component

from alerts.model import Level
from hub.services import Services
from layouts import ids
from layouts.attrs import attrs
from layouts.model import ScreenContext
from layouts.snapshot import TIMELINE_BINS, Snapshot, timeline_bins
from layouts.words import short_clock


def timeline(services: Services, shot: Snapshot, context: ScreenContext, path: str) -> Component:
    """One link a bin (to `?at=` its end), a way back to live, and the hours below."""
    bins = [bin_link(shot, place, one, path) for place, one in enumerate(timeline_bins(services, shot))]
    hours = [
        html.Span(short_clock(shot.moment - timedelta(hours=back))[:5], className="hour num")
        for back in (24, 18, 12, 6, 0)
    ]
    live = (
        html.A("返回实时", href=path, className="button back") if context.at else html.Span("近 24 小时", className="t")
    )
    strip = html.Div([html.Div(bins, className="bins"), html.Div(hours, className="hours")], className="strip")
    return html.Nav(
        [live, strip], id=ids.TIMELINE, className="timeline", **attrs({"aria-label": "近 24 小时告警时间轴"})
    )


def bin_link(shot: Snapshot, place: int, found: tuple[int, int], path: str) -> Component:
    """A bar whose height class is its count and whose colour class is its worst level."""
    count, level = found
    end = shot.moment - timedelta(minutes=15 * (TIMELINE_BINS - 1 - place))
    height = 0 if not count else 1 if count < 3 else 2 if count < 10 else 3 if count < 30 else 4
    return html.A(
        html.Span(className=f"h{height} at-{Level(level).name.lower()}"),
        href=f"{path}?at={end.strftime('%Y-%m-%dT%H:%M:%SZ')}",
        className="bin",
        title=f"{short_clock(end)[:5]} · {count} 条告警",
        tabIndex="-1",
    )
