"""Warnings given out: what another sent is passed on unchanged, what is ours is told in our own name. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from alerts.cap_out import ATOM, SENDER, cap_xml, clean, iso_time
from alerts.model import Alert

CANCELS_FOR = timedelta(hours=24)  # how long the end of an alert stays in the feed
Originals = Mapping[tuple[str, str], bytes]  # (sender, identifier) → the message as it came, in CAP 1.2 terms


@dataclass(frozen=True, slots=True)
class Published:
    """One entry of the feed: the alert it stands for (the first, when a message made several) and its document."""

    alert: Alert
    document: bytes


def message_key(alert: Alert, cancelled_by: str | None = None) -> tuple[str, str]:
    """The message a received warning stands for now: its newest, or the one that cancelled it."""
    return alert.sender or "", cancelled_by or alert.identifier or ""


def document_of(alert: Alert, originals: Originals, cancelled_by: str | None = None) -> bytes:
    """The CAP document of one alert. A received one without its original (from before they were kept) is told anew."""
    found = originals.get(message_key(alert, cancelled_by)) if alert.source == "cap" else None
    return found or cap_xml(alert)


def published(
    standing: Iterable[Alert], ended: Iterable[Alert], cancels: Mapping[str, str], originals: Originals
) -> list[Published]:
    """Every open alert, and the Cancel of every one that `ended`: ours, and those whose sender cancelled them
    (`cancels`: alert id → identifier of that Cancel). A received warning that only expired, or that was closed here,
    gets none: its own end stands in it, and nobody cancels in another's name. Messages stand once each."""
    rows = [Published(alert, document_of(alert, originals)) for alert in standing]
    for alert in ended:
        if alert.source != "cap":
            rows.append(Published(alert, cap_xml(alert)))
        elif (message_key(alert, cancels.get(alert.id))) in originals and alert.id in cancels:
            rows.append(Published(alert, document_of(alert, originals, cancels[alert.id])))
    first: dict[bytes, Published] = {}
    for row in rows:
        first.setdefault(row.document, row)
    return list(first.values())


def atom_feed(rows: Iterable[Published], base_url: str, sender: str = SENDER) -> bytes:
    """An Atom feed (RFC 4287) with each CAP document inside its entry and at an address of its own. The same rows give
    the same bytes."""
    listed = list(rows)
    feed = Element(f"{{{ATOM}}}feed")
    newest = max((row.alert.updated_at for row in listed), default=datetime.fromisoformat("1970-01-01T00:00:00+00:00"))
    _texts(feed, {"id": f"urn:citybrain:{sender}:alerts", "title": "临沂城市大脑 预警", "updated": iso_time(newest)})
    SubElement(feed, f"{{{ATOM}}}link", {"rel": "self", "href": f"{base_url}/api/v1/alerts.cap"})
    _texts(SubElement(feed, f"{{{ATOM}}}author"), {"name": sender})
    for row in listed:
        alert = row.alert
        entry = SubElement(feed, f"{{{ATOM}}}entry")
        title = clean(alert.headline) or clean(alert.event) or alert.id
        _texts(entry, {"id": f"urn:citybrain:{alert.id}", "title": title, "updated": iso_time(alert.updated_at)})
        address = f"{base_url}/api/v1/alerts/{alert.id}.cap"
        SubElement(entry, f"{{{ATOM}}}link", {"rel": "alternate", "type": "application/cap+xml", "href": address})
        content = SubElement(entry, f"{{{ATOM}}}content", {"type": "application/cap+xml"})
        content.append(fromstring(row.document))  # noqa: S314  (our own document, or one that was checked when it came)
    return tostring(feed, encoding="utf-8", xml_declaration=True)


def _texts(element: Element, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        SubElement(element, f"{{{ATOM}}}{name}").text = text
