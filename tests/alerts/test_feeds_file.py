"""The feeds file: what it may say, the line of everything that is wrong, and that its document explains all of it."""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.feeds.builtin import BUILTIN_FEEDS
from alerts.feeds.feeds_file import COMMON, read_feeds
from alerts.feeds.model import FeedsFile, Limit
from geodata.errors import BadInput

ROOT = Path(__file__).resolve().parents[2]
MQTT = "feeds:\n  - id: a\n    kind: mqtt\n    host: h\n    topics:\n      - {topic: 'x/{sensor}/{quantity}'}\n"


def problems(text: str) -> list[str]:
    with pytest.raises(BadInput) as refused:
        read_feeds(text)
    return list(refused.value.where["problems"])


def test_the_file_as_shipped_has_everything_off() -> None:
    assert read_feeds((ROOT / "alerts/feeds.yaml").read_text(encoding="utf-8")) == FeedsFile()


def test_the_examples_in_the_document_are_good_files() -> None:
    text = (ROOT / "docs/feeds.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    found = [read_feeds(block if re.match(r"\w", block) else "feeds:\n" + block) for block in blocks]
    specs = {spec.kind: spec for file in found for spec in file.feeds}
    assert specs.keys() == {feed.kind for feed in BUILTIN_FEEDS if feed.read}, "an example of every kind"
    assert len(specs["mqtt"].own.topics) == 5
    limits = next(file for file in found if file.identities)
    assert limits.limit_of("meter-company") == Limit(500, 5000)
    assert limits.limit_of("anybody") == Limit(200000, 2000000)


@pytest.mark.parametrize("feed", BUILTIN_FEEDS, ids=lambda feed: feed.kind)
def test_every_feed_and_field_is_explained(feed: object) -> None:
    words = " ".join(re.findall(r"`[^`\n]+`", (ROOT / "docs/feeds.md").read_text(encoding="utf-8")))
    fields = (feed.kind, *(COMMON if feed.read else ()), *feed.fields)
    assert [name for name in fields if not re.search(rf"(?<!\w){name}(?!\w)", words)] == []


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("feeds: [", 1, "YAML"),
        ("- a", 1, "顶层"),
        ("feds: []", 1, "不认识 feds"),
        ("feeds:\n  - kind: telepathy\n", 2, "kind 只能是"),
        (MQTT + "    colour: red\n", 7, "不认识 colour"),
        (MQTT + "    password: secret\n", 7, "口令不能写在文件里"),
        (MQTT + "    port: 70000\n", 7, "port"),
        (MQTT + "    limit: {rows_per_s: -1}\n", 7, "rows_per_s"),
        (MQTT.replace("{quantity}", "{quantty}"), 6, "{quantty}"),
        (MQTT.replace("/{quantity}", ""), 6, "观测量"),
        (MQTT.replace("x/{sensor}/", "x/+/"), 6, "不用 +"),
        (MQTT.replace("{sensor}", "s"), 6, "哪个传感器"),
        (MQTT.replace("{topic: 'x/{sensor}/{quantity}'}", "{topic: 'x/{sensor}', payload: json, quantity: depth_m}"),
         6, "value"),
        (MQTT + MQTT.removeprefix("feeds:\n"), 7, "用了两次"),
        ("feeds:\n  - {id: f, kind: folder, path: here}\n", 2, "绝对路径"),
        ("feeds:\n  - &x {id: f, kind: folder, path: /x}\n  - *x\n", 3, "别名"),
        ("sensorthings:\n  datastreams:\n    '17': nowhere\n", 3, "传感器编号/观测量"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(text: str, line: int, what: str) -> None:
    found = problems(text)
    assert any(one.startswith(f"feeds.yaml:{line}:") and what in one for one in found), found


@given(st.text(alphabet=st.sampled_from("feds:- {}[]\n'\"&*#,0akimqtofolderhttp/+"), max_size=200))
def test_any_text_is_feeds_or_bad_input(text: str) -> None:
    with contextlib.suppress(BadInput):
        read_feeds(text)
