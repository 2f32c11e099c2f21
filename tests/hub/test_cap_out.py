"""CAP in → stored → CAP out → read by cap_tools: equal. And what we say ourselves, held by a reader of its own."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

import pytest
from cap_tools.models import Alert as CapAlert
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig

from alerts.cap_publish import atom_feed, message_key, published
from alerts.desk import AlertDesk
from alerts.feeds.cap_poll import read_index
from alerts.model import AlertChange, Level, revised
from geodata.clock import SHANGHAI
from hub.alert_store import DbAlertStore
from hub.cap_store import CapShelf
from hub.database import Database
from hub.reject_store import DbRejectStore
from tests.screen_services import alert

NS = "urn:oasis:names:tc:emergency:cap:1.2"
NOW = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
NUMBERS = count()
# the sequences of the schema (OASIS CAP-v1.2, section 3.4), written down here on their own
SEQUENCES = {
    "alert": "identifier sender sent status msgType source scope restriction addresses code note references incidents"
             " info",
    "info": "language category event responseType urgency severity certainty audience eventCode effective onset expires"
            " senderName headline description instruction web contact parameter resource area",
    "resource": "resourceDesc mimeType size uri derefUri digest",
    "area": "areaDesc polygon circle geocode altitude ceiling",
    "eventCode": "valueName value", "parameter": "valueName value", "geocode": "valueName value",
}  # fmt: skip
REQUIRED = {
    "alert": {"identifier", "sender", "sent", "status", "msgType", "scope"},
    "info": {"category", "event", "urgency", "severity", "certainty"},
    "resource": {"resourceDesc", "mimeType"}, "area": {"areaDesc"},
}  # fmt: skip
MANY = {"code", "info", "category", "responseType", "eventCode", "parameter", "resource", "area", "polygon", "circle",
        "geocode"}  # fmt: skip


def read(document: bytes) -> CapAlert:
    """By cap_tools, refusing anything that the standard does not know."""
    return XmlParser(config=ParserConfig(fail_on_unknown_properties=True)).from_bytes(document, CapAlert)


def faults(element: Element) -> list[str]:
    """What a second reader, that knows only the table above, finds wrong."""
    found = []
    name = element.tag.removeprefix(f"{{{NS}}}")
    if name in SEQUENCES:
        order = SEQUENCES[name].split()
        children = [child.tag.removeprefix(f"{{{NS}}}") for child in element]
        found += [f"{name}: {child} is not of CAP 1.2" for child in children if child not in order]
        places = [order.index(child) for child in children if child in order]
        found += [f"{name}: out of order: {children}"] if places != sorted(places) else []
        found += [f"{name}: no {one}" for one in REQUIRED.get(name, set()) - set(children)]
        found += [f"{name}: {one} twice" for one in set(children) - MANY if children.count(one) > 1]
        found += [
            f"{name}: {child.tag} is empty" for child in element if not len(child) and not (child.text or "").strip()
        ]
    if name in ("sent", "effective", "onset", "expires"):
        moment = datetime.fromisoformat(element.text or "")
        found += [f"{name}: {element.text}"] if (element.text or "").endswith("Z") or moment.tzinfo is None else []
    for child in element:
        found += faults(child)
    return found


class House:
    """Desk, store and shelf on one database."""

    def __init__(self, database: Database) -> None:
        self.store, self.shelf = DbAlertStore(database), CapShelf(database)
        self.desk = AlertDesk(self.store, DbRejectStore(database), lambda: NOW, originals=self.shelf)

    def feed(self, now: datetime) -> list[bytes]:
        """The documents of our feed as another city's poller reads them."""
        since = now - timedelta(hours=24)
        standing, ended, cancels = self.desk.open(now), self.shelf.ended_since(since), self.shelf.cancels(since)
        names = [message_key(one, cancels.get(one.id)) for one in (*standing, *ended)]
        body = atom_feed(published(standing, ended, cancels, self.shelf.originals(names)), "http://127.0.0.1")
        return [entry.document for entry in read_index(body, "http://127.0.0.1")]


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


def clean_text(most: int = 30) -> st.SearchStrategy[str]:
    allowed = st.characters(
        blacklist_categories=("Cs", "Cc", "Cn", "Zl", "Zp", "Zs"), blacklist_characters="\ufffe\uffff"
    )
    return st.text(allowed | st.sampled_from("暴雨 <&>\"'"), min_size=1, max_size=most).map(str.strip).filter(bool)


def word() -> st.SearchStrategy[str]:
    return st.text(st.sampled_from("abcXYZ0123456789.-_@中"), min_size=1, max_size=30)


def moments() -> st.SearchStrategy[str]:
    near = st.integers(-100_000, 0).map(lambda s: (NOW + timedelta(seconds=s)).astimezone(SHANGHAI))
    return near.map(lambda moment: moment.replace(microsecond=0).isoformat())


def put(parent: Element, name: str, text: object) -> Element:
    child = SubElement(parent, f"{{{NS}}}{name}")
    child.text = str(text)
    return child


@st.composite
def infos(draw: st.DrawFn, parent: Element) -> None:
    info = SubElement(parent, f"{{{NS}}}info")
    one = lambda *words: draw(st.sampled_from(words))  # noqa: E731

    def maybe(name: str, what: st.SearchStrategy[Any]) -> None:
        if draw(st.booleans()):
            put(info, name, draw(what))

    def pairs(where: Element, name: str) -> None:
        for _ in range(draw(st.integers(0, 2))):
            pair = SubElement(where, f"{{{NS}}}{name}")
            put(pair, "valueName", draw(clean_text()))
            put(pair, "value", draw(clean_text()))

    put(info, "language", one("zh-CN", "zh", "en-US"))
    for category in draw(
        st.lists(st.sampled_from(["Met", "Geo", "Fire", "CBRNE", "Other"]), min_size=1, max_size=3, unique=True)
    ):
        put(info, "category", category)
    put(info, "event", draw(clean_text()))
    for answer in draw(st.lists(st.sampled_from(["Shelter", "Evacuate", "AllClear", "None"]), max_size=2, unique=True)):
        put(info, "responseType", answer)
    put(info, "urgency", one("Immediate", "Expected", "Future", "Past", "Unknown"))
    put(info, "severity", one("Extreme", "Severe", "Moderate", "Minor", "Unknown"))
    put(info, "certainty", one("Observed", "Likely", "Possible", "Unlikely", "Unknown"))
    maybe("audience", clean_text())
    pairs(info, "eventCode")
    maybe("effective", moments())
    maybe("onset", moments())
    if draw(st.booleans()):
        put(info, "expires", (NOW + timedelta(hours=draw(st.integers(1, 99)))).astimezone(SHANGHAI).isoformat())
    for name in ("senderName", "headline", "description", "instruction"):
        maybe(name, clean_text(80))
    maybe("web", st.just("https://met.example/a?b=1&c=2"))
    maybe("contact", clean_text())
    pairs(info, "parameter")
    for _ in range(draw(st.integers(0, 2))):
        resource = SubElement(info, f"{{{NS}}}resource")
        put(resource, "resourceDesc", draw(clean_text()))
        put(resource, "mimeType", "image/png")
        put(resource, "size", draw(st.integers(0, 10**9)))
        put(resource, "uri", "https://met.example/p.png")
        put(resource, "digest", draw(st.text("0123456789abcdef", min_size=40, max_size=40)))
    for _ in range(draw(st.integers(0, 2))):
        area = SubElement(info, f"{{{NS}}}area")
        put(area, "areaDesc", draw(clean_text()))
        for _ in range(draw(st.integers(0, 2))):
            lat, lon = draw(st.integers(-890, 880)) / 10, draw(st.integers(-1790, 1780)) / 10
            put(area, "polygon", f"{lat},{lon} {lat + 1},{lon} {lat + 1},{lon + 1} {lat},{lon}")
        for _ in range(draw(st.integers(0, 2))):
            lat, lon = draw(st.integers(-890, 890)) / 10, draw(st.integers(-1790, 1790)) / 10
            put(area, "circle", f"{lat},{lon} {draw(st.integers(0, 999)) / 10}")
        pairs(area, "geocode")
        if draw(st.booleans()):
            put(area, "altitude", draw(st.integers(-100, 9000)))
            put(area, "ceiling", 9999)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Any valid Alert, over every field of the standard."""
    root = Element(f"{{{NS}}}alert")
    put(root, "identifier", "IDENTIFIER")
    put(root, "sender", draw(word()))
    put(root, "sent", draw(moments()))
    put(root, "status", draw(st.sampled_from(["Actual", "Exercise", "System", "Test"])))
    put(root, "msgType", "Alert")
    if draw(st.booleans()):
        put(root, "source", draw(clean_text()))
    scope = draw(st.sampled_from(["Public", "Restricted", "Private"]))
    put(root, "scope", scope)
    if scope == "Restricted":
        put(root, "restriction", draw(clean_text()))
    if scope == "Private":
        put(root, "addresses", "a@b.example")
    for code in draw(st.lists(clean_text(), max_size=2)):
        put(root, "code", code)
    for name in ("note", "incidents"):
        if draw(st.booleans()):
            put(root, name, draw(clean_text()))
    for _ in range(draw(st.integers(1, 2))):
        draw(infos(root))
    return tostring(root, encoding="utf-8")


@settings(
    max_examples=40,
    phases=(Phase.explicit, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(messages())
def test_what_came_in_goes_out_equal(house: House, document: bytes) -> None:
    document = document.replace(b"IDENTIFIER", f"m-{next(NUMBERS)}".encode())  # the house remembers earlier examples
    outcome = house.desk.receive_cap(document, "met", NOW)
    stored = house.store.get(outcome.id)
    assert stored is not None
    (out,) = house.shelf.originals([message_key(stored)]).values()
    assert read(out) == read(document)
    assert faults(fromstring(out)) == []


def simple(identifier: str, kind: str = "Alert", refers: str = "", minutes: int = 0, **more: str) -> bytes:
    sent = (NOW + timedelta(minutes=minutes)).astimezone(SHANGHAI).isoformat()
    root = Element(f"{{{NS}}}alert")
    given = {
        "identifier": identifier,
        "sender": "met@x",
        "sent": sent,
        "status": "Actual",
        "msgType": kind,
        "scope": "Public",
    }
    for name, text in given.items():
        put(root, name, text)
    if refers:
        put(root, "references", f"met@x,{refers},{NOW.astimezone(SHANGHAI).isoformat()}")
    info = SubElement(root, f"{{{NS}}}info")
    for name, text in {
        "category": "Met",
        "event": "暴雨",
        "urgency": "Expected",
        "severity": "Severe",
        "certainty": "Likely",
    }.items():
        put(info, name, more.get(name, text))
    return tostring(root, encoding="utf-8")


def test_updates_keep_their_references_and_a_cancel_stays_for_a_day(house: House) -> None:
    story = [simple("A1"), simple("U1", "Update", "A1", 5, severity="Extreme"), simple("C1", "Cancel", "A1", 9)]
    for place, document in enumerate(story):
        now = NOW + timedelta(minutes=10 * place)
        house.desk.receive_cap(document, "met", now)
        assert [read(one) for one in house.feed(now)] == [read(document)]
    assert house.feed(NOW + timedelta(hours=24, minutes=21)) == []


def test_a_warning_that_was_closed_here_is_not_cancelled_in_anothers_name(house: House) -> None:
    found = house.desk.get(house.desk.receive_cap(simple("A1"), "met", NOW).id)
    house.store.apply(
        [AlertChange(revised(found, NOW, resolved_at=NOW, resolved_why="值班员"), "resolved", NOW, "duty")]
    )
    assert house.feed(NOW) == []


def test_two_alerts_of_one_message_are_one_entry(house: House) -> None:
    document = simple("A1").replace(
        b"</ns0:info>", b"</ns0:info>" + simple("x").split(b"Public</ns0:scope>")[1].split(b"</ns0:alert>")[0]
    )
    assert len(house.desk.receive_cap(document, "met", NOW).alert_ids) == 2
    assert len(house.feed(NOW)) == 1


CHINA = simple("37130041600000_20260701095500").replace(NS.encode(), b"http://com.icss.amp")
CHINA = (
    CHINA.replace(b"met@x", b"37130041600000")
    .replace(b"Severe", b"Orange")
    .replace(b"\xe6\x9a\xb4\xe9\x9b\xa8", b"11B03")
)
AREA = "<ns0:area><ns0:areaDesc>兰山</ns0:areaDesc><ns0:circle>35.1,118.3 5000</ns0:circle></ns0:area></ns0:info>"


def test_the_china_profile_goes_out_in_the_standards_terms(house: House) -> None:
    document = CHINA.replace(b"</ns0:info>", AREA.encode())
    house.desk.receive_cap(document, "met", NOW)
    (out,) = house.feed(NOW)
    assert faults(fromstring(out)) == []
    message = read(out)
    assert message.identifier == "37130041600000_20260701095500"
    assert message.infos[0].severity.value == "Severe"
    assert message.infos[0].areas[0].circles == ["35.1,118.3 5"]


def test_what_we_say_ourselves_is_valid_from_beginning_to_end(house: House) -> None:
    born = alert(1, Level.ORANGE, minutes=0, rule_id="water", sensor="s1", headline="雨\x00<b>&大")
    house.store.apply([AlertChange(born, "fired", born.fired_at, "engine")])
    steps = [
        ("level", {"level": Level.RED}),
        ("acknowledged", {"acknowledged_at": born.fired_at, "acknowledged_by": "王"}),
             ("resolved", {"resolved_at": born.fired_at + timedelta(minutes=9), "resolved_why": "退水"})]  # fmt: skip
    kinds, first = [], read(house.feed(born.fired_at)[0])
    for minutes, (kind, values) in enumerate(steps, 1):
        now, stored = born.fired_at + timedelta(minutes=3 * minutes), house.store.get("A1")
        assert stored is not None
        house.store.apply([AlertChange(revised(stored, now, **values), kind, now, "x")])
        (out,) = house.feed(now)
        assert faults(fromstring(out)) == []
        message = read(out)
        kinds.append(message.msg_type.value)
        assert message.references == f"{first.sender},{first.identifier},{first.sent}"
        assert message.sender == first.sender
    assert kinds == ["Update", "Update", "Cancel"]
    assert house.feed(born.fired_at + timedelta(hours=25)) == []


def test_the_china_profile_refers_to_the_first_message_all_its_life(house: House) -> None:
    """Update after update and the Cancel all name the first one, not the one before."""

    def told(kind: str, minutes: int, colour: str) -> bytes:
        number = f"37130041600000_2026070109{55 + minutes:02}00".replace("0960", "1000")
        document = simple(number, kind, "" if kind == "Alert" else "FIRST", minutes, severity=colour)
        return (
            document.replace(NS.encode(), b"http://com.icss.amp")
            .replace(b"met@x", b"37130041600000")
            .replace(b"FIRST", b"37130041600000_20260701095500")
        )

    first = house.desk.receive_cap(told("Alert", 0, "Yellow"), "met", NOW)
    assert house.desk.receive_cap(told("Update", 1, "Orange"), "met", NOW).id == first.id
    assert house.desk.receive_cap(told("Update", 2, "Red"), "met", NOW).id == first.id
    (standing,) = house.desk.open(NOW)
    assert (standing.level, standing.native_level) == (Level.RED, "红色预警")
    ended = house.desk.receive_cap(told("Cancel", 3, "Red"), "met", NOW)
    assert (ended.id, ended.outcome) == (first.id, "cancelled")
    assert house.desk.open(NOW) == []
    assert read(house.feed(NOW)[0]).msg_type.value == "Cancel"
