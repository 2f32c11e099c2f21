"""CAP in and out: the standard's rules one by one, the China profile, hostile documents, round trips."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from cap_tools.models import Alert as CapAlert
from xsdata.formats.dataclass.parsers import XmlParser

from alerts.cap import CapInvalid, cap_xml, parse_cap, parse_json, to_alerts
from alerts.cap_geometry import circle_ring
from alerts.cap_out import cap_message
from alerts.model import Level
from alerts.model_json import alert_from_plain, alert_to_plain
from geodata.errors import BadInput, TooLarge

NOW = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
GOOD = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>A-1</identifier><sender>met@example.org</sender><sent>2026-07-01T09:55:00+08:00</sent>
  <status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
  <info><language>zh-CN</language><category>Met</category><event>暴雨</event><urgency>Expected</urgency>
    <severity>Severe</severity><certainty>Likely</certainty><expires>2026-07-01T20:00:00+08:00</expires>
    <headline>暴雨预警</headline>
    <area><areaDesc>兰山</areaDesc><polygon>35.0,118.2 35.0,118.4 35.2,118.4 35.0,118.2</polygon></area></info>
</alert>"""
CHINA = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="http://com.icss.amp">
  <identifier>37130041600000_20260701095500</identifier><sender>37130041600000</sender>
  <sent>2026-07-01T09:55:00+08:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
  <info><language>zh-CN</language><category>Met</category><event>11B03</event><urgency>Expected</urgency>
    <severity>Orange</severity><certainty>Likely</certainty><headline>暴雨橙色预警</headline>
    <area><areaDesc>兰山</areaDesc><circle>35.1,118.3 5000</circle></area></info>
</alert>"""


def changed(text: str, old: str, new: str) -> bytes:
    assert old in text
    return text.replace(old, new).encode()


def test_a_valid_message_becomes_an_alert_with_native_and_normalised_level() -> None:
    (alert,) = to_alerts(parse_cap(GOOD.encode(), NOW), NOW)
    assert (alert.level, alert.native_level, alert.event, alert.place) == (Level.ORANGE, "Severe", "暴雨", "兰山")
    assert alert.area == {
        "type": "MultiPolygon",
        "coordinates": [[[[118.2, 35.0], [118.4, 35.0], [118.4, 35.2], [118.2, 35.0]]]],
    }
    assert alert.expires_at == datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert alert_from_plain(alert_to_plain(alert, NOW)) == alert


def test_the_china_profile_has_colours_and_metres() -> None:
    message = parse_cap(CHINA.encode(), NOW)
    (alert,) = to_alerts(message, NOW)
    assert (alert.level, alert.native_level, alert.event) == (Level.ORANGE, "橙色预警", "暴雨")
    assert message.alert.infos[0].areas[0].circles == ["35.1,118.3 5"]
    north = max(point[1] for point in circle_ring(118.3, 35.1, 5.0))
    assert north - 35.1 == pytest.approx(5 / 111.195, rel=1e-3)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("<identifier>A-1</identifier>", "", "缺少 identifier"),
        ("<identifier>A-1</identifier>", "<identifier>A 1,2</identifier>", "不能含有空格"),
        ("<sender>met@example.org</sender>", "<sender/>", "缺少 sender"),
        ("09:55:00+08:00", "01:55:00Z", "不能用 Z"),
        ("09:55:00+08:00", "25:55:00+08:00", "时间不存在"),
        ("2026-07-01T09:55:00+08:00", "2027-07-01T09:55:00+08:00", "未来"),
        ("<status>Actual</status>", "<status>Real</status>", "status 不能是"),
        ("<msgType>Alert</msgType>", "<msgType>Update</msgType>", "必须有 references"),
        ("<scope>Public</scope>", "<scope>Restricted</scope>", "必须有 restriction"),
        ("<scope>Public</scope>", "<scope>Private</scope>", "必须有 addresses"),
        ("<scope>Public</scope>", "<scope>Public</scope><references>a,b</references>", "不是 sender,identifier,sent"),
        ("<category>Met</category>", "", "缺少 category"),
        ("<category>Met</category>", "<category>Rain</category>", "category 不能是"),
        ("<event>暴雨</event>", "", "缺少 event"),
        ("<severity>Severe</severity>", "<severity>Orange</severity>", "severity 不能是"),
        ("<certainty>Likely</certainty>", "", "缺少 certainty"),
        ("<urgency>Expected</urgency>", "<urgency>Soon</urgency>", "urgency 不能是"),
        ("<areaDesc>兰山</areaDesc>", "", "缺少 areaDesc"),
        (" 35.0,118.2</polygon>", "</polygon>", "首尾两点必须相同"),
        ("35.0,118.2 35.0,118.4 35.2,118.4 35.0,118.2", "35.0,118.2 35.0,118.4 35.0,118.2", "至少要 4 个点"),
        ("35.0,118.2 35.0,118.4", "118.2,35.0 35.0,118.4", "经纬度可能写反"),
        ("</polygon>", "</polygon><circle>35,118 -1</circle>", "半径不为负"),
        ("</polygon>", "</polygon><ceiling>10</ceiling>", "必须有 altitude"),
        ("</polygon>", "</polygon><geocode><value>1</value></geocode>", "valueName"),
        ("<headline>", "<colour>red</colour><headline>", "不认识的元素 colour"),
        ("<event>暴雨</event>", "<event>暴雨</event><event>雪</event>", "只能有一个"),
        ("<category>Met</category><event>暴雨</event>", "<event>暴雨</event><category>Met</category>", "位置不对"),
        ("urn:oasis:names:tc:emergency:cap:1.2", "urn:other", "根元素"),
    ],
)
def test_each_rule_of_the_standard_is_named(old: str, new: str, says: str) -> None:
    with pytest.raises(CapInvalid) as caught:
        parse_cap(changed(GOOD, old, new), NOW)
    assert any(says in problem for problem in caught.value.problems), caught.value.problems


def test_every_problem_is_listed_at_once() -> None:
    body = GOOD.replace("<event>暴雨</event>", "").replace("Actual", "Real").replace("Severe", "Bad")
    with pytest.raises(CapInvalid) as caught:
        parse_cap(body.encode(), NOW)
    assert len(caught.value.problems) == 3


BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE = {
    "external": f'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>{GOOD.split("?>")[1].replace("A-1", "&x;")}',
    "bomb": f'<!DOCTYPE a [<!ENTITY e0 "ha">{BOMB}]>{GOOD.split("?>")[1].replace("A-1", "&e9;")}',
    "dtd": '<!DOCTYPE alert SYSTEM "http://127.0.0.1:9/x.dtd"><alert/>',
    "lower": '<!doctype alert [<!ENTITY x "y">]><alert>&x;</alert>',
    "late": "<!-- " + "x" * 20_000 + ' --><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    "deep": "<a>" * 100_000 + "</a>" * 100_000,
    "wide": "<a>" + "<b/>" * 100_000 + "</a>",
    "broken": "<alert",
    "empty": "",
    "nul": "\0",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_refused(name: str, encoding: str) -> None:
    began = time.process_time()
    with pytest.raises(BadInput):
        parse_cap(HOSTILE[name].encode(encoding), NOW)
    assert time.process_time() - began < 5  # not a timing test: an expanded bomb would take hours


def test_too_large() -> None:
    with pytest.raises(TooLarge):
        parse_cap(GOOD.encode() + b" " * 1_000_000, NOW)


def test_json_has_the_same_rules() -> None:
    payload = {
        "identifier": "J-1", "sender": "s", "sent": "2026-07-01T09:55:00+08:00", "status": "Actual",
        "msgType": "Alert", "scope": "Public", "certainty": "Observed", "event": "山洪", "category": ["Met"],
        "urgency": "Immediate", "severity": "Extreme", "headline": "<script>alert(1)</script>",
        "area": {"areaDesc": "费县", "circle": "35.27,117.96 3"},
    }  # fmt: skip
    (alert,) = to_alerts(parse_json(payload, NOW), NOW)
    assert (alert.level, alert.headline, alert.place) == (Level.RED, "<script>alert(1)</script>", "费县")
    with pytest.raises(CapInvalid, match="event"):
        parse_json({key: value for key, value in payload.items() if key != "event"}, NOW)
    for bad in (
        [],
        "x",
        None,
        {"info": [[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]},
        {"info": {"area": 3}},
        payload | {"event": "a\0b"},
        payload | {"event": "\ud800"},
    ):
        with pytest.raises(BadInput):
            parse_json(bad, NOW)


@pytest.mark.parametrize("version", [1, 3])
@pytest.mark.parametrize("body", [GOOD, CHINA])
def test_what_we_send_parses_back_equal_and_is_valid(body: str, version: int) -> None:
    from dataclasses import replace

    (alert,) = to_alerts(parse_cap(body.encode(), NOW), NOW)
    alert = replace(alert, version=version, headline="雨\x00<b>&大")
    sent = cap_xml(alert)
    assert XmlParser().from_bytes(sent, CapAlert) == cap_message(alert)
    back = parse_cap(sent, NOW + timedelta(minutes=1))
    (again,) = to_alerts(back, NOW)
    assert (again.level, again.headline, again.event) == (alert.level, "雨<b>&大", alert.event)
    assert back.msg_type == ("Update" if version > 1 else "Alert")
    assert not re.search(rb"<sent>[^<]*Z<", sent)
