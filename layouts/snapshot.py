"""Everything a screen shows when it opens, gathered once from the services, as one frozen value."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from alerts.columns import held_back
from alerts.model import Alert, Level, is_over
from alerts.model_json import alert_to_plain
from alerts.standing import Standing
from dispatch.model import Call, to_plain
from hub.services import Services
from layouts.model import ScreenContext
from layouts.past import calls_at, readings_at
from layouts.situation_data import Gauge, PointCounts, depth_counts, gauges_of, kind_of, rain_rows, river_rows

LIST_LIMIT = 200  # rows of the alert list; the rest is counted, never hidden
TIMELINE_BINS = 96  # 24 h in quarters
RESPONSE_ORDER = ("Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of the city. `mode` is live, replay or exercise."""

    moment: datetime
    now: datetime
    mode: str
    alerts: tuple[Alert, ...]
    alert_total: int
    last_event: int
    counts: Mapping[str, int]
    calls: tuple[Call, ...]
    rivers: tuple[Gauge, ...]
    rain: tuple[Gauge, ...]
    points: PointCounts
    depths: Mapping[str, Gauge]
    newest: datetime | None
    response: str = ""  # level of the worst open incident, Ⅰ–Ⅳ; "" when none is open
    approved: bool = False  # whether the plans that give the level are approved
    standings: Mapping[str, Standing] = field(default_factory=dict)  # of the alerts shown
    guarded: bool = False  # whether silences or inhibitions are in force

    @property
    def worst(self) -> Alert | None:
        """The alert to look at first."""
        return self.alerts[0] if self.alerts else None


def by_urgency(alert: Alert) -> tuple[int, int, float]:
    """Sort key: worst level first, then the not acknowledged, then the newest."""
    return (-int(alert.level), int(alert.acknowledged_at is not None), -alert.fired_at.timestamp())


def take(services: Services, context: ScreenContext, *, frozen: bool = False) -> Snapshot:
    """The snapshot for this screen: live, or as it was at `context.at`. `frozen`: the moment asked for to the second,
    with the readings and calls of that moment too (the report)."""
    last_event = services.last_event()  # before anything else is read: what comes after it is told by the stream
    asked = context.asked if frozen else None
    moment = asked or context.moment
    live = context.at is None and asked is None
    found = services.alerts.open(moment) if live else services.alerts.as_of(moment)
    open_now = sorted((one for one in found if not is_over(one, moment)), key=by_urgency)
    calls = tuple(services.dispatch.active_calls()) if live else calls_at(services, asked) if asked else ()
    latest = services.latest() if live else readings_at(services, asked) if asked else {}
    names = sensor_names(services, latest, {"flow", "rain"})
    depths = gauges_of(latest, "depth", names, moment)
    rivers = gauges_of(latest, "flow", names, moment)
    rain = gauges_of(latest, "rain", names, moment)
    exercise = services.demo or any(one.status == "Exercise" for one in open_now) or any(one.exercise for one in calls)
    return Snapshot(
        moment=moment,
        now=context.now,
        mode="replay" if context.at else "exercise" if exercise else "live",
        alerts=tuple(open_now[:LIST_LIMIT]),
        alert_total=len(open_now),
        last_event=last_event,
        counts={level.name.lower(): sum(one.level == level for one in open_now) for level in reversed(Level)},
        calls=calls,
        rivers=river_rows(rivers),
        rain=rain_rows(rain),
        points=named(services, depth_counts(depths, gauged_points(services))),
        depths={row.sensor: row for row in depths},
        response=response_level(services, context),
        approved=services.dispatch.plans_approved,
        standings=services.alerts.standings(moment, among=open_now),
        guarded=live and services.alerts.guarded(moment),
        newest=max((row.observed_at for row in (*depths, *rivers, *rain) if row.observed_at), default=None),
    )


def response_level(services: Services, context: ScreenContext) -> str:
    """The level of the worst incident open at the moment; "" when none is."""
    found = services.dispatch.incidents("open" if context.at is None else None)
    then = [
        one for one in found
        if one.opened_at <= context.moment and (one.closed_at is None or one.closed_at > context.moment)
    ]  # fmt: skip
    return min((one.level for one in then), key=order_of, default="")


def order_of(level: str) -> int:
    """Ⅰ is the worst; a level nobody knows comes last."""
    return RESPONSE_ORDER.index(level) if level in RESPONSE_ORDER else len(RESPONSE_ORDER)


def sensor_names(services: Services, latest: Mapping[str, Mapping[str, Any]], kinds: Collection[str]) -> dict[str, str]:
    """Names of the sensors that report one of `kinds`; those not in the city's data are left out."""
    names = {}
    for sensor, readings in latest.items():
        if any(kind_of(quantity) in kinds for quantity in readings):
            row = services.city.row("sensors", sensor)
            if row and row.get("name"):
                names[sensor] = str(row["name"])
    return names


def named(services: Services, counts: PointCounts) -> PointCounts:
    """`counts` with the deepest gauge under its name."""
    row = services.city.row("sensors", counts.deepest.sensor) if counts.deepest else None
    if counts.deepest is None or not row or not row.get("name"):
        return counts
    return replace(counts, deepest=replace(counts.deepest, name=str(row["name"])))


def gauged_points(services: Services) -> int:
    """How many waterlogging points have a gauge: those that never reported count as silent."""
    index = services.city.points.get("waterlogging_points")
    column = None if index is None else index.texts.get("sensor_id")
    return 0 if column is None else int((column.codes >= 0).sum())


def timeline_bins(services: Services, shot: Snapshot) -> tuple[tuple[int, int], ...]:
    """The timeline's bins: what is open now and what ended, at most the 500 that ended last."""
    ended = services.alerts.list("ended", 500, now=shot.moment)
    return bins_of([*shot.alerts, *ended], shot.moment)


def bins_of(alerts: Iterable[Alert], moment: datetime) -> tuple[tuple[int, int], ...]:
    """Alerts of the 24 h before `moment` per quarter of an hour: how many began, and the worst level among them."""
    bins = [[0, 0] for _ in range(TIMELINE_BINS)]
    for alert in alerts:
        place = TIMELINE_BINS - 1 - int((moment - alert.fired_at) / timedelta(minutes=15))
        if 0 <= place < TIMELINE_BINS:
            bins[place][0] += 1
            bins[place][1] = max(bins[place][1], int(alert.level))
    return tuple((count, level) for count, level in bins)


def for_browser(shot: Snapshot, **more: Any) -> str:
    """The snapshot as JSON for a `data-` attribute; the browser functions take it from there."""
    body = {
        "moment": shot.moment.isoformat(),
        "server_now": shot.now.isoformat(),
        "mode": shot.mode,
        "alerts": [alert_to_plain(one, shot.moment) for one in shot.alerts],
        "alert_total": shot.alert_total,
        "last_event": shot.last_event,
        "calls": [to_plain(call) for call in shot.calls],
        "depths": {
            key: [row.value, row.observed_at.isoformat(), row.stale]
            for key, row in shot.depths.items()
            if row.observed_at
        },
        "approved": shot.approved,
        "standings": held_back({one.id: shot.standings[one.id] for one in shot.alerts if one.id in shot.standings}),
        "guarded": shot.guarded,
        "newest": shot.newest.isoformat() if shot.newest else None,
        **more,
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
