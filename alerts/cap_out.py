"""Our alerts as CAP 1.2 for others."""

from datetime import datetime

from cap_tools.models import (
    Alert as CapAlert,
)
from cap_tools.models import (
    Area,
    Category,
    Certainty,
    Info,
    MsgType,
    Parameter,
    Scope,
    Severity,
    Status,
    Urgency,
    Value,
    ValueName,
)
from xsdata.formats.dataclass.serializers import XmlSerializer
from xsdata.models.datatype import XmlDateTime

from alerts.cap_geometry import polygons_of
from alerts.cap_read import CAP_NS, NOT_XML
from alerts.model import Alert, Level
from alerts.native_levels import severity_of
from geodata.clock import SHANGHAI

SENDER = "citybrain@linyi"
ATOM = "http://www.w3.org/2005/Atom"
_CATEGORY = {
    "积水": Category.INFRA,
    "洪水": Category.MET,
    "暴雨": Category.MET,
    "台风": Category.MET,
    "可燃气体泄漏": Category.SAFETY,
}


def cap_xml(alert: Alert, sender: str = SENDER) -> bytes:
    """The alert as one CAP 1.2 document. An ended alert is a Cancel that refers to the alert it ends."""
    return XmlSerializer().render(cap_message(alert, sender), ns_map={None: CAP_NS}).encode()


def cap_message(alert: Alert, sender: str = SENDER) -> CapAlert:
    """The alert as cap_tools' object; its identifier is ours, the source's stands among the parameters."""
    ended = alert.resolved_at is not None
    later = ended or alert.version > 1
    kind = MsgType.CANCEL if ended else MsgType.UPDATE if later else MsgType.ALERT
    return CapAlert(
        identifier=f"{alert.id}.{alert.version}" if later else alert.id,
        sender=sender,
        sent=_time(alert.updated_at),
        status=Status(alert.status),
        msg_type=kind,
        scope=Scope.PUBLIC,
        references=f"{sender},{alert.id},{_time(alert.fired_at)}" if later else None,
        infos=[_info(alert)],
    )


def _info(alert: Alert) -> Info:
    given = {"native_level": alert.native_level, "rule": alert.rule_id, "sensor": alert.sensor}
    given |= {"source_identifier": alert.identifier, "source_sender": alert.sender}
    parameters = [
        Parameter(value_name=ValueName(value=name), value=Value(value=clean(text)))
        for name, text in given.items()
        if text
    ]
    return Info(
        language="zh-CN",
        categories=[_CATEGORY.get(alert.event, Category.OTHER)],
        event=clean(alert.event) or "未说明",
        urgency=Urgency(alert.urgency),
        severity=Severity(alert.severity if alert.severity != "Unknown" else severity_of(Level(alert.level))),
        certainty=Certainty(alert.certainty),
        onset=_time(alert.onset_at),
        expires=_time(alert.expires_at) if alert.expires_at else None,
        headline=clean(alert.headline) or None,
        description=clean(alert.description) or None,
        parameters=parameters,
        areas=_areas(alert),
    )


def _areas(alert: Alert) -> list[Area]:
    polygons = polygons_of(alert.area)
    circles = [] if polygons or alert.lon is None else [f"{alert.lat:.6f},{alert.lon:.6f} 0"]
    if not polygons and not circles and not alert.place:
        return []
    return [Area(area_desc=clean(alert.place) or "未说明", polygons=polygons, circles=circles)]


def iso_time(moment: datetime) -> str:
    """In Asia/Shanghai with its offset, whole seconds, as CAP asks."""
    return moment.astimezone(SHANGHAI).replace(microsecond=0).isoformat()


def _time(moment: datetime) -> XmlDateTime:
    return XmlDateTime.from_string(iso_time(moment))


def clean(text: str) -> str:
    """Without characters that XML 1.0 cannot hold."""
    return NOT_XML.sub("", text)
