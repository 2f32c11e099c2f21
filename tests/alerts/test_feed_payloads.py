"""What devices send, as readings: numbers, JSON with paths, observations, SensorThings, files. No payload raises."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.feeds.feeds_file import read_feeds
from alerts.feeds.folder import FolderSpec, content_of
from alerts.feeds.mqtt import MqttSpec, parse_message
from alerts.feeds.payloads import newest_ms, number_of
from alerts.feeds.sensorthings import array_rows, observation_row
from alerts.feeds.sensorthings_entities import ResourcePath, resource_path
from geodata.errors import BadInput, NotFound

NOW_MS = 1_780_000_000_000
TEXT = """
feeds:
  - id: a
    kind: mqtt
    host: h
    sensors: {"862": g1}
    datastreams: {"17": g9/flow_m3s}
    topics:
      - {topic: 'n/{sensor}/{quantity}'}
      - {topic: 'mm/{sensor}', quantity: depth_m, factor: 0.001}
      - {topic: 'one/{sensor}/{quantity}', payload: json, value: v.0}
      - {topic: 'many/{sensor}', payload: json, values: {rain_mm_h: r, temperature_c: t}, time: at, offset: "+08:00"}
      - {topic: 'sec', payload: json, sensor_path: id, quantity: depth_m, value: v, time: ts, time_unit: s}
      - {topic: 'o', payload: observations}
      - {topic: 'v1.1/Datastreams({datastream})/Observations', payload: sensorthings}
      - {topic: 'v1.1/Observations', payload: sensorthings}
"""
SPEC: MqttSpec = read_feeds(TEXT).feeds[0].own


def row(sensor: str, quantity: str, value: object, at: object) -> dict[str, object]:
    return {"sensor": sensor, "quantity": quantity, "value": value, "observed_at": at}


@pytest.mark.parametrize(
    ("topic", "payload", "rows", "timeless"),
    [
        ("n/g1/depth_m", "0.31", [row("g1", "depth_m", 0.31, NOW_MS)], True),
        ("n/862/depth_m", " -2e-1\n", [row("g1", "depth_m", -0.2, NOW_MS)], True),
        ("mm/g1", "312", [row("g1", "depth_m", 0.312, NOW_MS)], True),
        ("one/g1/level_m", '{"v": ["1.5"]}', [row("g1", "level_m", 1.5, NOW_MS)], True),
        (
            "many/g1",
            '{"r": 1, "t": "-3.5", "at": "2026-07-01T08:00:00"}',
            [
                row("g1", "rain_mm_h", 1, "2026-07-01T08:00:00+08:00"),
                row("g1", "temperature_c", -3.5, "2026-07-01T08:00:00+08:00"),
            ],
            False,
        ),
        ("sec", '{"id": "862", "v": 0.5, "ts": 1780000000.5}', [row("g1", "depth_m", 0.5, 1_780_000_000_500)], False),
        (
            "o",
            '{"quantity": "depth_m", "observed_at": 5, "sensor": ["a", "b"], "value": [1, 2]}',
            [row("a", "depth_m", 1, 5), row("b", "depth_m", 2, 5)],
            False,
        ),
        (
            "v1.1/Datastreams(g1/depth_m)/Observations",
            '{"result": 1, "phenomenonTime": "2026-07-01T00:00:00Z"}',
            [row("g1", "depth_m", 1, "2026-07-01T00:00:00Z")],
            False,
        ),
        ("v1.1/Datastreams('17')/Observations", '{"result": 1}', [row("g9", "flow_m3s", 1, NOW_MS)], True),
        ("v1.1/Observations", '{"result": 1, "Datastream": {"@iot.id": 17}}', [row("g9", "flow_m3s", 1, NOW_MS)], True),
    ],
)
def test_a_message_says(topic: str, payload: str, rows: list[dict[str, object]], timeless: bool) -> None:
    parsed = parse_message(SPEC, topic, payload.encode(), NOW_MS)
    assert (list(parsed.rows), parsed.timeless, parsed.problem) == (rows, timeless, "")


@pytest.mark.parametrize(
    ("topic", "payload", "what"),
    [
        ("n/g1/depth_m", "0,31", "不是一个数"),
        ("n/g1/depth_m", "nan", "不是一个数"),
        ("n/g1/depth_m", "", "不是一个数"),
        ("n/g1/depth_m", "1e999", "不是一个数"),
        ("one/g1/level_m", "{", "JSON"),
        ("one/g1/level_m", '{"v": []}', "v.0"),
        ("many/g1", '{"r": 1, "t": 2}', "at"),
        ("o", "[]", "JSON 对象"),
        ("o", '{"observations": 7}', "数组"),
        ("v1.1/Observations", '{"result": 1}', "Datastream"),
        ("v1.1/Datastreams(x)/Observations", '{"result": 1}', "未知"),
        ("nobody/knows", "1", "不在接入文件"),
        ("n/g1", "1", "不在接入文件"),
        ("o", "[" * 100_000, "JSON"),
    ],
)
def test_what_cannot_be_read_says_why(topic: str, payload: str, what: str) -> None:
    parsed = parse_message(SPEC, topic, payload.encode(), NOW_MS)
    assert what in parsed.problem
    assert parsed.rows == ()


@given(
    st.sampled_from(["n/a/depth_m", "one/a/b", "many/a", "sec", "o", "v1.1/Observations", "x"]), st.binary(max_size=300)
)
def test_no_bytes_make_it_raise(topic: str, payload: bytes) -> None:
    parse_message(SPEC, topic, payload, NOW_MS)


JSONS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["v", "r", "t", "at", "ts", "id", "result", "Datastream", "@iot.id", "observations", "sensor"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(st.sampled_from(["one/a/b", "many/a", "sec", "o", "v1.1/Observations"]), JSONS)
def test_no_json_makes_it_raise(topic: str, found: object) -> None:
    parsed = parse_message(SPEC, topic, json.dumps(found).encode(), NOW_MS)
    newest_ms(parsed.rows)


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1.0), ("+.5", 0.5), ("1_0", None), ("0x10", None), ("１", None), ("inf", None)]
)
def test_bare_numbers(text: str, value: float | None) -> None:
    assert number_of(text.encode()) == value


def test_of_an_interval_the_end_counts() -> None:
    body = {"result": 3, "phenomenonTime": "2026-07-01T00:00:00Z/2026-07-01T01:00:00Z"}
    found, timeless = observation_row(body, "g/rain_mm", {}, NOW_MS)
    assert (found["observed_at"], timeless) == ("2026-07-01T01:00:00Z", False)


def test_a_data_array_keeps_its_order_and_names_what_is_wrong() -> None:
    groups = [
        {
            "Datastream": {"@iot.id": "g1/depth_m"},
            "components": ["phenomenonTime", "result"],
            "dataArray": [["2026-07-01T00:00:00Z", 1], [1], ["2026-07-01T00:00:01Z", 2]],
        },
        {"Datastream": {"@iot.id": "unknown"}, "components": ["result"], "dataArray": [[3]]},
    ]
    found = array_rows(groups, {}, NOW_MS)
    assert [one["value"] if isinstance(one, dict) else "error" for one in found] == [1, "error", 2, "error"]
    for wrong in ([], {}, [{"dataArray": 1}], [{"dataArray": [], "components": ["colour", "result"]}]):
        with pytest.raises(BadInput):
            array_rows(wrong, {}, NOW_MS)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("Things", ResourcePath("Things", None, "")),
        ("Datastreams('a/b')/Observations", ResourcePath("Datastreams", "a/b", "Observations")),
        ("Datastreams(17)", ResourcePath("Datastreams", "17", "")),
        ("Things('it''s')", ResourcePath("Things", "it's", "")),
    ],
)
def test_resource_paths(path: str, found: ResourcePath) -> None:
    assert resource_path(path) == found


@pytest.mark.parametrize("path", ["Users", "Things(", "../etc", "Things('a')/x/y", "things"])
def test_paths_that_lead_nowhere(path: str) -> None:
    with pytest.raises(NotFound):
        resource_path(path)


FOLDER = FolderSpec("/x", sensors={"862": "g1"})
AT = datetime(2026, 7, 1, tzinfo=UTC).isoformat()


@pytest.mark.parametrize(
    ("name", "body", "count"),
    [
        ("a.csv", f"sensor,quantity,value,observed_at\n862,depth_m,0.3,{AT}\n\n g2 ,depth_m,x,{AT}\n".encode(), 2),
        ("a.csv", f"传感器,观测量,读数,时间\ng1,depth_m,0.3,{AT}\n".encode("gb18030"), 1),
        ("a.csv", b"\xef\xbb\xbf" + f"sensor,quantity,value,observed_at\ng1,depth_m,0.3,{AT}\n".encode(), 1),
        ("a.json", json.dumps({"observations": [row("g1", "depth_m", 1, AT)]}).encode(), 1),
        ("a.json", json.dumps([row("g1", "depth_m", 1, AT)] * 2).encode(), 2),
    ],
)
def test_files_say(name: str, body: bytes, count: int) -> None:
    found = content_of(FOLDER, name, body)
    assert len(found.rows) == count
    assert found.rows[0]["sensor"] == "g1"
    assert not found.is_warning


def test_xml_is_a_warning() -> None:
    assert content_of(FOLDER, "w.xml", b'\xef\xbb\xbf <?xml version="1.0"?><alert/>').is_warning


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.zip", b"PK\x03\x04rest"),
        ("a.csv", b"\x1f\x8brest"),
        ("a.csv", b""),
        ("a.csv", b" \n"),
        ("a.csv", b"a,b\n1,2\n"),
        ("a.csv", b"sensor,quantity,value,observed_at\n"),
        ("a.json", b"{"),
        ("a.json", b"hello"),
        ("a.csv", b"\xff\xff\x00"),
        ("a.csv", b'sensor,quantity,value,observed_at\n"open,depth_m,1,2\n'),
    ],
)
def test_files_that_cannot_be_used(name: str, body: bytes) -> None:
    with pytest.raises(BadInput):
        content_of(FOLDER, name, body)
