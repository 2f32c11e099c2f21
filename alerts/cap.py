"""Warnings in and out as CAP 1.2 (and in: the China profile). Reading is in `cap_read`, the rules in `cap_check`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element, tostring

from cap_tools.models import Alert as CapAlert
from cap_tools.models import Info
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig
from xsdata.formats.dataclass.serializers import XmlSerializer

from alerts.cap_check import problems_of
from alerts.cap_geometry import area_of, centre_of
from alerts.cap_out import cap_xml
from alerts.cap_read import CAP_NS, CapInvalid, read_tree, tree_of_json
from alerts.model import Alert, Level
from alerts.native_levels import schemes
from geodata.clock import new_id
from geodata.errors import BadInput

__all__ = ["CapInvalid", "CapMessage", "cap_xml", "document_bytes", "parse_cap", "parse_json", "to_alerts"]
# names of the China profile's event codes that we have a source for; others are shown as they came
EVENT_NAMES = {"11B01": "台风", "11B03": "暴雨"}


@dataclass(frozen=True, slots=True)
class CapMessage:
    """A valid message. `alert` is cap_tools' object in CAP 1.2 terms (severity words, kilometres); `china` tells that
    it came in the China profile. `references` are (sender, identifier)."""

    alert: CapAlert
    china: bool
    identifier: str
    sender: str
    sent: datetime
    status: str
    msg_type: str
    references: tuple[tuple[str, str], ...]


def parse_cap(body: bytes, now: datetime) -> CapMessage:
    """The message in `body`. Raises `CapInvalid` with every problem, or `BadInput` when it is no CAP document."""
    root, china = read_tree(body)
    return _message(root, china, now)


def parse_json(payload: object, now: datetime) -> CapMessage:
    """A warning in JSON with CAP's field names, held to the same rules (the order of fields is free)."""
    root = tree_of_json(payload)
    return _message(_in_order(root), False, now)


def _message(root: Element, china: bool, now: datetime) -> CapMessage:
    problems = problems_of(root, china)
    if not problems and (sent := root.findtext("sent")) and (datetime.fromisoformat(sent) - now).total_seconds() > 3600:
        problems = [f"alert:sent {sent} 在未来(超过 1 小时);请检查发布方时钟"]
    if problems:
        raise CapInvalid(problems)
    if china:
        _to_standard(root)
    document = _named(_in_order(root))
    try:
        parsed = XmlParser(config=ParserConfig(fail_on_unknown_properties=False)).from_bytes(
            tostring(document, encoding="utf-8"), CapAlert
        )
    except (ValueError, TypeError) as error:  # what our rules let through and the library does not
        raise BadInput(f"CAP 报文读不出来:{error}") from error
    return CapMessage(
        parsed,
        china,
        parsed.identifier,
        parsed.sender,
        datetime.fromisoformat(root.findtext("sent") or ""),
        parsed.status.value,
        parsed.msg_type.value,
        tuple((one.split(",")[0], one.split(",")[1]) for one in (parsed.references or "").split()),
    )


def document_bytes(message: CapMessage) -> bytes:
    """The message as one CAP 1.2 document: of the China profile too, its colours and metres in the standard's terms."""
    return XmlSerializer().render(message.alert, ns_map={None: CAP_NS}).encode()


def _to_standard(root: Element) -> None:
    """The China profile's colours as CAP severities, its metres as kilometres."""
    for severity in root.iter("severity"):
        colour = schemes()["cap-colour"].of(severity.text or "")
        severity.text = colour.severity if colour else "Unknown"
    for circle in root.iter("circle"):
        point, radius_m = (circle.text or "").split()
        circle.text = f"{point} {float(radius_m) / 1000:g}"


def _in_order(element: Element) -> Element:
    """Children in the schema's order, which the China profile and JSON need not keep."""
    from alerts.cap_check import ALERT, AREA, INFO, PAIR, RESOURCE

    shapes = {"alert": ALERT, "info": INFO, "area": AREA, "resource": RESOURCE}
    order = list(shapes.get(element.tag, PAIR))
    copy = Element(element.tag)
    copy.text = element.text
    children = sorted(element, key=lambda child: order.index(child.tag) if child.tag in order else len(order))
    copy.extend(_in_order(child) for child in children)
    return copy


def _named(element: Element) -> Element:
    copy = Element(f"{{{CAP_NS}}}{element.tag}")
    copy.text = element.text
    copy.extend(_named(child) for child in element)
    return copy


def to_alerts(message: CapMessage, now: datetime) -> list[Alert]:
    """One alert for each info of the message in the language an officer reads (Chinese if there is one)."""
    return [
        _alert(message, info, f"cap:{message.sender},{message.identifier}" + (f"#{number}" if number else ""), now)
        for number, info in enumerate(_readable(message.alert.infos))
    ]


def _readable(infos: list[Info]) -> list[Info]:
    chinese = [info for info in infos if info.get_language().lower().startswith("zh")]
    if chinese or not infos:
        return chinese
    return [info for info in infos if info.get_language() == infos[0].get_language()]


def _alert(message: CapMessage, info: Info, key: str, now: datetime) -> Alert:
    area = area_of(info.areas)
    centre = centre_of(area)
    severity = info.severity.value
    event = EVENT_NAMES.get(info.event, info.event)
    known = schemes()["cap-severity"].of(severity)
    level = known.level if known else Level.NONE
    colour = schemes()["cap-colour"].at(level)
    native = f"{colour.title if colour else '未知'}预警" if message.china else severity
    onset = _moment(info.onset) or _moment(info.effective) or message.sent
    return Alert(
        id=new_id("AL", now),
        dedup_key=key,
        source="cap",
        event=event,
        headline=info.headline or f"{event} {native}",
        level=level,
        native_level=native,
        status=message.status,
        onset_at=onset,
        fired_at=now,
        updated_at=now,
        severity=severity,
        urgency=info.urgency.value,
        certainty=info.certainty.value,
        description="\n".join(filter(None, (info.description, info.instruction))),
        identifier=message.identifier,
        lon=centre[0] if centre else None,
        lat=centre[1] if centre else None,
        area=area,
        place="、".join(one.area_desc for one in info.areas),
        sender=message.sender,
        expires_at=_moment(info.expires),
        sent_at=message.sent,
    )


def _moment(text: Any) -> datetime | None:
    return None if text is None else datetime.fromisoformat(str(text))
