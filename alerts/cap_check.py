"""CAP 1.2's own rules (OASIS CAP-v1.2, section 3 and its schema), every failure listed; and the China profile's."""

import math
import re
from collections.abc import Callable
from datetime import datetime
from xml.etree.ElementTree import Element

from alerts.native_levels import schemes

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)")
_CHINA_ID = re.compile(r"(\d{14})_(\d{14})")

ONE, MAYBE, MANY, SOME = (1, 1), (0, 1), (0, 1_000_000), (1, 1_000_000)
Shape = dict[str, tuple[int, int]]
# in the schema's order: it is a sequence
ALERT: Shape = {
    "identifier": ONE, "sender": ONE, "sent": ONE, "status": ONE, "msgType": ONE, "source": MAYBE, "scope": ONE,
    "restriction": MAYBE, "addresses": MAYBE, "code": MANY, "note": MAYBE, "references": MAYBE, "incidents": MAYBE,
    "info": MANY,
}  # fmt: skip
INFO: Shape = {
    "language": MAYBE, "category": SOME, "event": ONE, "responseType": MANY, "urgency": ONE, "severity": ONE,
    "certainty": ONE, "audience": MAYBE, "eventCode": MANY, "effective": MAYBE, "onset": MAYBE, "expires": MAYBE,
    "senderName": MAYBE, "headline": MAYBE, "description": MAYBE, "instruction": MAYBE, "web": MAYBE,
    "contact": MAYBE, "parameter": MANY, "resource": MANY, "area": MANY,
}  # fmt: skip
RESOURCE: Shape = {
    "resourceDesc": ONE, "mimeType": ONE, "size": MAYBE, "uri": MAYBE, "derefUri": MAYBE, "digest": MAYBE,
}  # fmt: skip
AREA: Shape = {
    "areaDesc": ONE, "polygon": MANY, "circle": MANY, "geocode": MANY, "altitude": MAYBE, "ceiling": MAYBE,
}  # fmt: skip
PAIR: Shape = {"valueName": ONE, "value": ONE}
CHOICES = {
    "status": ("Actual", "Exercise", "System", "Test", "Draft"),
    "msgType": ("Alert", "Update", "Cancel", "Ack", "Error"),
    "scope": ("Public", "Restricted", "Private"),
    "category": (
        "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other",
    ),
    "responseType": (
        "Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None",
    ),
    "urgency": ("Immediate", "Expected", "Future", "Past", "Unknown"),
    "severity": ("Extreme", "Severe", "Moderate", "Minor", "Unknown"),
    "certainty": ("Observed", "Likely", "Possible", "Unlikely", "Unknown"),
}  # fmt: skip
Say = Callable[[str], None]


def problems_of(root: Element, china: bool) -> list[str]:
    """Every rule the message breaks, in Chinese, with where. An empty list: it is valid."""
    found: list[str] = []
    _shape(root, ALERT, "alert", found, ordered=not china)
    _alert_rules(root, found)
    if china:
        _china_rules(root, found)
    for number, info in enumerate(root.findall("info"), 1):
        where = f"info[{number}]"
        _shape(info, INFO, where, found, ordered=not china)
        _info_rules(info, where, found, china)
    return found


def _shape(element: Element, shape: Shape, where: str, found: list[str], ordered: bool) -> None:
    counts: dict[str, int] = {}
    order = list(shape)
    reached = 0
    for child in element:
        if child.tag not in shape:
            found.append(f"{where}:不认识的元素 {child.tag[:80]}")
            continue
        counts[child.tag] = counts.get(child.tag, 0) + 1
        place = order.index(child.tag)
        if ordered and place < reached:
            found.append(f"{where}:{child.tag} 的位置不对(应在 {order[reached]} 之前)")
        reached = max(reached, place)
    for name, (low, high) in shape.items():
        count = counts.get(name, 0)
        empty = low and count and not any((child.text or "").strip() or len(child) for child in element.findall(name))
        if count < low or empty:
            found.append(f"{where}:缺少 {name}")
        elif count > high:
            found.append(f"{where}:{name} 只能有一个,收到 {count} 个")


def _choice(element: Element, name: str, where: str, found: list[str], allowed: tuple[str, ...]) -> None:
    wrong = [child.text for child in element.findall(name) if child.text and child.text not in allowed]
    found += [f"{where}:{name} 不能是 {text[:40]!r};只能是 {'、'.join(allowed)}" for text in wrong]


def bad_time(text: str) -> str:
    """What is wrong with a CAP time, or ""."""
    if not _TIME.fullmatch(text):
        return "时间必须写成 2026-01-31T08:00:00+08:00(带时区偏移,不能用 Z,不能有小数秒)"
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return "时间不存在"
    return ""


def _time(element: Element, name: str, where: str, found: list[str]) -> None:
    text = element.findtext(name) or ""
    if text and (wrong := bad_time(text)):
        found.append(f"{where}:{name} {text[:40]!r}:{wrong}")


def _alert_rules(root: Element, found: list[str]) -> None:
    for name in ("identifier", "sender"):
        text = root.findtext(name) or ""
        if re.search(r"[\s,<&]", text):
            found.append(f"alert:{name} 不能含有空格、逗号、< 或 &")
    _time(root, "sent", "alert", found)
    for name in ("status", "msgType", "scope"):
        _choice(root, name, "alert", found, CHOICES[name])
    scope, kind = root.findtext("scope"), root.findtext("msgType")
    restriction, addresses = root.findtext("restriction"), root.findtext("addresses")
    if scope == "Restricted" and not restriction:
        found.append("alert:scope 为 Restricted 时必须有 restriction")
    if restriction and scope != "Restricted":
        found.append("alert:restriction 只能与 scope Restricted 同用")
    if scope == "Private" and not addresses:
        found.append("alert:scope 为 Private 时必须有 addresses")
    references = root.findtext("references") or ""
    if kind in ("Update", "Cancel", "Ack", "Error") and not references:
        found.append(f"alert:msgType 为 {kind} 时必须有 references")
    for reference in references.split():
        parts = reference.split(",")
        if len(parts) != 3 or not all(parts) or bad_time(parts[2]):
            found.append(f"alert:references 的 {reference[:120]!r} 不是 sender,identifier,sent")
    if kind in ("Alert", "Update") and root.find("info") is None:
        found.append("alert:没有 info,不能成为预警")


def _china_rules(root: Element, found: list[str]) -> None:
    identifier, sender = root.findtext("identifier") or "", root.findtext("sender") or ""
    match = _CHINA_ID.fullmatch(identifier)
    if identifier and not match:
        found.append("alert:国家规范的 identifier 应为 14 位发布单位编码 + _ + YYYYMMDDhhmmss")
    elif match and re.fullmatch(r"\d{14}", sender) and match[1] != sender:
        found.append("alert:identifier 前 14 位与 sender 不一致")


def _info_rules(info: Element, where: str, found: list[str], china: bool) -> None:
    for name in ("category", "responseType", "urgency", "certainty"):
        _choice(info, name, where, found, CHOICES[name])
    colours = tuple(one.native for one in schemes()["cap-colour"].levels)
    severities = (*colours, "Unknown") if china else CHOICES["severity"]
    _choice(info, "severity", where, found, severities)
    for name in ("effective", "onset", "expires"):
        _time(info, name, where, found)
    for name in ("eventCode", "parameter"):
        for number, pair in enumerate(info.findall(name), 1):
            _pair(pair, f"{where}.{name}[{number}]", found)
    for number, resource in enumerate(info.findall("resource"), 1):
        place = f"{where}.resource[{number}]"
        _shape(resource, RESOURCE, place, found, ordered=not china)
        if (size := resource.findtext("size")) and not re.fullmatch(r"[-+]?\d{1,18}", size):
            found.append(f"{place}:size 必须是整数(字节)")
    for number, area in enumerate(info.findall("area"), 1):
        place = f"{where}.area[{number}]"
        _shape(area, AREA, place, found, ordered=not china)
        _area_rules(area, place, found)


def _pair(pair: Element, where: str, found: list[str]) -> None:
    if pair.find("valueName") is None or pair.find("value") is None or len(pair) != 2:
        found.append(f"{where}:必须恰有 valueName 和 value")


def _area_rules(area: Element, where: str, found: list[str]) -> None:
    for number, polygon in enumerate(area.findall("polygon"), 1):
        found += [f"{where}.polygon[{number}]:{wrong}" for wrong in polygon_problems(polygon.text or "")]
    for number, circle in enumerate(area.findall("circle"), 1):
        parts = (circle.text or "").split()
        if len(parts) != 2 or point_of(parts[0]) is None or not _NUMBER.fullmatch(parts[1]) or float(parts[1]) < 0:
            found.append(f"{where}.circle[{number}]:必须是“纬度,经度 半径”,半径不为负")
    for number, pair in enumerate(area.findall("geocode"), 1):
        _pair(pair, f"{where}.geocode[{number}]", found)
    for name in ("altitude", "ceiling"):
        if (text := area.findtext(name)) and not _NUMBER.fullmatch(text):
            found.append(f"{where}:{name} 必须是数字")
    if area.findtext("ceiling") and not area.findtext("altitude"):
        found.append(f"{where}:有 ceiling 时必须有 altitude")


def point_of(text: str) -> tuple[float, float] | None:
    """(lon, lat) of CAP's "lat,lon", None when it is none on the WGS-84 globe."""
    parts = text.split(",")
    if len(parts) != 2 or not all(_NUMBER.fullmatch(part) and len(part) <= 32 for part in parts):
        return None
    lat, lon = float(parts[0]), float(parts[1])
    return (lon, lat) if math.isfinite(lat) and abs(lat) <= 90 and abs(lon) <= 180 else None


def polygon_problems(text: str) -> list[str]:
    """What is wrong with a CAP polygon: "lat,lon lat,lon …", closed, at least four pairs."""
    pairs = text.split()
    wrong = []
    bad = [pair for pair in pairs if point_of(pair) is None]
    if bad:
        wrong.append(f"{bad[0][:40]!r} 不是“纬度,经度”(纬度在前;经纬度可能写反)")
    if len(pairs) < 4:
        wrong.append(f"至少要 4 个点,只有 {len(pairs)} 个")
    if pairs and not bad and point_of(pairs[0]) != point_of(pairs[-1]):
        wrong.append("首尾两点必须相同(闭合)")
    return wrong
