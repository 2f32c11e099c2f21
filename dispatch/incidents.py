"""Opening incidents: type, level, place and title from the alerts, or from what the officer gives."""

import math
from collections.abc import Sequence
from datetime import datetime

from alerts.model import Alert, Level
from dispatch.model import Incident
from dispatch.plan_book import RESPONSE_LEVELS, PlanBook
from geodata.clock import new_id
from geodata.errors import BadInput, Conflict

_WORDS = {Level.BLUE: "蓝色", Level.YELLOW: "黄色", Level.ORANGE: "橙色", Level.RED: "红色"}


def new_incident(
    alerts: Sequence[Alert],
    plans: PlanBook,
    who: str,
    now: datetime,
    *,
    title: str | None = None,
    type: str | None = None,
    level: str | None = None,
    lon: float | None = None,
    lat: float | None = None,
    exercise: bool = False,
) -> Incident:
    """An incident of `alerts` (worst first decides), what is given by hand winning. `BadInput` says what is missing."""
    _check(alerts, plans, title, type, level, lon, lat)
    worst = max(alerts, key=lambda alert: alert.level, default=None)
    kind = type or (plans.type_of(worst) if worst else plans.otherwise)
    if worst is not None and lon is None:
        placed = worst if worst.lon is not None else next((item for item in alerts if item.lon is not None), worst)
        lon, lat = placed.lon, placed.lat
    place = (worst.place if worst else "") or (f"东经 {lon:.4f}° 北纬 {lat:.4f}°" if lon is not None else "")
    return Incident(
        id=new_id("INC", now),
        title=" ".join((title or _title(worst, place, plans.plans[kind].title)).split())[:120],
        type=kind,
        level=level or plans.level_of(worst.level if worst else Level.NONE),
        status="open",
        lon=lon,
        lat=lat,
        place=place,
        opened_at=now,
        opened_by=who,
        exercise=exercise or any(alert.status != "Actual" for alert in alerts),
        alert_ids=tuple(sorted({alert.id for alert in alerts})),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check(
    alerts: Sequence[Alert],
    plans: PlanBook,
    title: str | None,
    type: str | None,
    level: str | None,
    lon: float | None,
    lat: float | None,
) -> None:
    if not alerts and (type is None or lon is None or lat is None):
        raise BadInput("没有告警的事件要写明类型和地点(type、lon、lat)")
    if (lon is None) != (lat is None):
        raise BadInput("经度和纬度要一起给")
    if any(value is not None and not _is_number(value) for value in (lon, lat)):
        raise BadInput("经度和纬度要写成数字,例如 118.35、35.10")
    if lon is not None and lat is not None and not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise BadInput(f"坐标 {lon}, {lat} 不在地球上;经度在前,纬度在后")
    if any(value is not None and not isinstance(value, str) for value in (title, type, level)):
        raise BadInput("title、type、level 要写成文字")
    if type is not None and type not in plans.plans:
        raise BadInput(f"没有事件类型 {type};可用:{'、'.join(plans.plans)}")
    if level is not None and level not in RESPONSE_LEVELS:
        raise BadInput(f"没有响应级别 {level};可用:{'、'.join(RESPONSE_LEVELS)}")
    if len({alert.status != "Actual" for alert in alerts}) > 1:
        raise Conflict("演练告警和真实告警不能并在一个事件里;请分别开立")


def _title(alert: Alert | None, place: str, plan_title: str) -> str:
    if alert is None:
        return f"{place} {plan_title}"
    event = alert.event.removesuffix("预警")
    word = "预警" if alert.source == "cap" else "告警"  # only a published warning is one
    return f"{alert.place} {event}{_WORDS.get(alert.level, '')}{word}" if alert.place else alert.headline
