"""Drafting, editing and signing a notice: tables with an explicit now, and what no draft may ever do."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.model import Alert, Level
from dispatch.plan_book import DRILL, SMS_CHARS
from dispatch.response_book import load_responses, parse_responses
from dispatch.responses import Response, drafted, edited, missing, overtaken, rendered, signed, withdrawn
from geodata.errors import BadInput, CityError, Conflict
from tests.dispatch.house import ROOT, T0, later

BOOK = load_responses(ROOT / "dispatch/responses.yaml")


def warning(**more: Any) -> Alert:
    base: dict[str, Any] = {
        "id": "A1",
        "dedup_key": "k",
        "source": "cap",
        "event": "暴雨",
        "headline": "示例暴雨橙色预警",
        "level": Level.ORANGE,
        "native_level": "橙色预警",
        "status": "Actual",
        "onset_at": T0,
        "fired_at": T0,
        "updated_at": T0,
        "sender": "示例气象台",
        "identifier": "id-1",
        "sent_at": T0,
        "expires_at": later(3_600),
        "place": "示例区",
        "description": "示例内容",
    }
    return Alert(**(base | more))


def draft(alert: Alert | None = None) -> Response:
    return drafted(alert or warning(), BOOK, "示例市", "duty", T0)


def ready(alert: Alert | None = None) -> Response:
    return edited(draft(alert), 1, "duty", later(1), alert or warning(), level="Ⅱ")


@pytest.mark.parametrize(
    ("event", "headline", "template"),
    [
        ("11B03", "", "rainstorm"),
        ("暴雨", "", "rainstorm"),
        ("台风", "", "typhoon"),
        ("11B01", "", "typhoon"),
        ("其他", "森林火险红色预警", "forest_fire"),
        ("寒潮", "寒潮蓝色预警", "general"),
    ],
)
def test_the_template_follows_the_event(event: str, headline: str, template: str) -> None:
    assert draft(warning(event=event, headline=headline)).template == template


def test_no_level_without_a_published_source() -> None:
    for template in BOOK.templates.values():
        assert set(template.levels) == {Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED}
        assert all(level == "" or source for level, source in template.levels.values())
    assert draft().level == ""
    assert "响应级别没有填写(未核定,须由人确定)" in missing(draft())


def test_the_draft_holds_the_facts_and_marks_the_gaps() -> None:
    one = draft()
    assert one.short == "示例市橙色暴雨预警,示例区启动{level}级响应,请按预案立即到岗。"
    assert one.long.startswith(
        "示例气象台于2026年08月14日10时00分发布暴雨橙色预警:示例暴雨橙色预警\n影响范围:示例区\n示例内容\n"
    )
    bare = draft(warning(sender="37130041600000", place="", description=""))
    assert missing(edited(bare, 1, "duty", T0, None, level="Ⅱ")) == [
        "还有待填内容:【待填:范围】",
        "还有待填内容:【待填:发布单位】",
        "还有待填内容:【待填:内容】",
    ]


def test_signing_fixes_the_words() -> None:
    one = ready()
    after = signed(one, 2, "leader", later(60), warning())
    assert (after.status, after.signed_by, after.signed_at, after.version) == ("signed", "leader", later(60), 3)
    assert after.short == "示例市橙色暴雨预警,示例区启动Ⅱ级响应,请按预案立即到岗。"
    assert [(item["version"], item["updated_by"], item["level"]) for item in after.history] == [
        (1, "duty", ""),
        (2, "duty", "Ⅱ"),
    ]
    assert signed(after, 3, "admin", later(99), warning()) == after


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"level": ""}, "响应级别"),
        ({"short": ""}, "短信是空的"),
        ({"long": "【待填:内容】"}, "待填"),
        ({"short": "长" * 71}, "短信超出 1 字"),
        ({"short": "见 {place}"}, "{place}"),
    ],
)
def test_what_is_open_cannot_be_signed(change: dict[str, str], words: str) -> None:
    one = edited(ready(), 2, "duty", later(2), None, **change)  # type: ignore[arg-type]
    with pytest.raises(Conflict, match=words.replace("{", r"\{")):
        signed(one, 3, "leader", later(3), warning())


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({"identifier": "id-2", "sent_at": later(9)}, "更新"),
        ({"level": Level.RED}, "更新"),
        ({"resolved_at": later(9), "resolved_why": "发布单位解除"}, "解除"),
    ],
)
def test_a_warning_that_moves_on_overtakes_the_draft(after: dict[str, Any], words: str) -> None:
    now = warning(**after)
    assert overtaken(ready(), warning()) == ""
    assert words in overtaken(ready(), now)
    with pytest.raises(Conflict, match=words):
        signed(ready(), 2, "leader", later(10), now)


def test_a_draft_checked_against_the_update_can_be_signed() -> None:
    now = warning(identifier="id-2", sent_at=later(9))
    again = edited(ready(), 2, "duty", later(10), now, rebase=True)
    assert again.version == 3
    assert signed(again, 3, "leader", later(11), now).status == "signed"


def test_a_stale_version_changes_nothing() -> None:
    with pytest.raises(Conflict, match="第 2 版"):
        edited(ready(), 1, "other", later(5), None, short="x")
    with pytest.raises(Conflict):
        signed(ready(), 1, "leader", later(5), warning())
    with pytest.raises(Conflict):
        withdrawn(ready(), 1, "x", "duty", later(5))
    gone = withdrawn(ready(), 2, "改由县里响应", "duty", later(5))
    assert gone.status == "withdrawn"
    for version in (2, 3):
        with pytest.raises(Conflict):
            edited(gone, version, "duty", later(6), None, short="x")
    with pytest.raises(BadInput):
        edited(ready(), 2, "duty", later(5), None, level="五")


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=120)


@given(WORDS, WORDS, st.sampled_from(list(Level)), st.sampled_from(["Actual", "Exercise"]))
def test_no_short_text_is_longer_than_one_message(place: str, event: str, level: Level, status: str) -> None:
    one = replace(draft(warning(place=place, event=event, level=level, status=status)), level="Ⅱ")
    short, _ = rendered(one)
    gaps = sum(len(gap) - 1 for gap in ("【待填:范围】", "【待填:事件】", "【待填:颜色】") if gap in short)
    prefix = DRILL if status == "Exercise" else ""
    assert len(prefix + short) - gaps <= SMS_CHARS


@given(
    st.lists(
        st.tuples(st.sampled_from(["edit", "sign", "withdraw"]), st.integers(1, 6), st.sampled_from(["", "Ⅱ", "Ⅰ"])),
        max_size=8,
    )
)
def test_every_earlier_version_is_kept(steps: list[tuple[str, int, str]]) -> None:
    one = draft()
    for number, (act, version, level) in enumerate(steps):
        now = T0 + timedelta(minutes=number + 1)
        try:
            if act == "edit":
                one = edited(one, version, "duty", now, None, level=level, short=f"第{number}次,{{level}}级")
            elif act == "sign":
                one = signed(one, version, "leader", now, warning())
            else:
                one = withdrawn(one, version, "理由", "duty", now)
        except CityError:
            continue
    assert [item["version"] for item in one.history] == list(range(1, one.version))
    assert (one.signed_at is None) == (one.signed_by is None)
    if one.status == "signed":
        assert one.level
        assert missing(one) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('red: {level: "", level_source: ""}', 'red: {level: Ⅰ, level_source: ""}', "写出处"),
        ('red: {level: "", level_source: ""}', "red: {level: 一, level_source: x}", "响应级别 一 不对"),
        ("{place}启动{level}级响应,请按预案立即到岗。", "{plaec}启动{level}级响应。", "花括号"),
        ("启动{level}级响应,请按预案立即到岗。", "启动响应。", "要有"),
        ("otherwise: general", "otherwise: none", "不存在"),
    ],
)
def test_errors_in_the_templates_name_their_line(old: str, new: str, words: str) -> None:
    text = (ROOT / "dispatch/responses.yaml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(BadInput, match=rf"第 \d+ 行.*{words}"):
        parse_responses(text.replace(old, new))
