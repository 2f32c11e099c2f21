"""The built-in channels against real servers: a real mail is received and parsed, a real POST is read."""

import logging
from collections.abc import Iterator

import httpx
import pytest

from dispatch.channels import BUILTIN_CHANNELS, build_channels
from dispatch.ports import Message
from geodata.errors import BadInput
from hub.sink import Received, Sink, page

MESSAGE = Message("MSG-1", "p1@example.invalid", "【演练】标题", "【演练】正文\n第二行", "http://h.invalid/r/abc", True)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


def with_address(address: str, **changes: object) -> Message:
    values = {name: getattr(MESSAGE, name) for name in MESSAGE.__dataclass_fields__}
    return Message(**{**values, "address": address, **changes})


def test_mail_as_it_is_received(sink: Sink) -> None:
    result = build_channels(sink.smtp_url, "")["email"].send(MESSAGE)
    assert result.ok, result
    (mail,) = sink.messages()
    assert (mail.to, mail.title, mail.attempt_id) == ("p1@example.invalid", "【演练】标题", "MSG-1")
    assert mail.text.startswith("【演练】正文")
    assert "第二行" in mail.text
    assert mail.link == "http://h.invalid/r/abc"
    assert mail.exercise


def test_webhook_as_it_is_received(sink: Sink) -> None:
    assert build_channels("", sink.webhook_url)["webhook"].send(with_address("000-0001")).ok
    (post,) = sink.messages()
    assert (post.to, post.title, post.text) == ("000-0001", MESSAGE.title, MESSAGE.text)
    assert (post.link, post.attempt_id, post.exercise) == (MESSAGE.link, "MSG-1", True)


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("email", "a@example.invalid\r\nBcc: b@example.invalid"),
        ("email", "a@example.invalid, b@example.invalid"),
        ("email", "张三 <a@example.invalid>"),
        ("email", ""),
        ("email", "nobody"),
        ("webhook", "000\r\nX-Evil: 1"),
        ("webhook", ""),
    ],
)
def test_an_address_that_is_more_than_an_address_is_refused(sink: Sink, channel: str, address: str) -> None:
    result = build_channels(sink.smtp_url, sink.webhook_url)[channel].send(with_address(address))
    assert not result.ok
    assert "格式不对" in result.detail
    assert sink.messages() == []


def test_line_breaks_and_markup_in_a_title_stay_text(sink: Sink) -> None:
    nasty = "标题\r\nBcc: evil@example.invalid\r\n\r\n<script>alert(1)</script>"
    channels = build_channels(sink.smtp_url, sink.webhook_url)
    for channel, address in (("email", "p1@example.invalid"), ("webhook", "000-0001")):
        assert channels[channel].send(with_address(address, title=nasty, text="<b>正文</b>")).ok
    mail, post = sorted(sink.messages(), key=lambda item: item.channel)
    assert mail.to == "p1@example.invalid"
    assert mail.title == post.title == "标题 Bcc: evil@example.invalid <script>alert(1)</script>"
    assert "<b>正文</b>" in mail.text
    shown = page(sink.messages())
    assert "<script>" not in shown
    assert "<b>正文" not in shown


def test_refusals_and_dead_gateways_are_results_in_chinese(sink: Sink) -> None:
    channels = build_channels(sink.smtp_url, sink.webhook_url)
    sink.trouble.fail_next = 2
    assert channels["webhook"].send(with_address("000-0001")).detail == "网关返回 500"
    assert not channels["email"].send(MESSAGE).ok
    dead = build_channels("smtp://127.0.0.1:1?from=a@example.invalid", "http://127.0.0.1:1/x")
    assert "连接失败" in dead["webhook"].send(with_address("000-0001")).detail
    assert "连接失败" in dead["email"].send(MESSAGE).detail


def test_logs_name_nobody(sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    channels = build_channels(sink.smtp_url, sink.webhook_url)
    sink.trouble.fail_next = 1
    channels["webhook"].send(with_address("000-4711"))
    channels["webhook"].send(with_address("000-4711"))
    channels["email"].send(MESSAGE)
    assert "000-4711" not in caplog.text
    assert "p1@example.invalid" not in caplog.text
    assert "/r/abc" not in caplog.text


def test_unconfigured_channels_say_so() -> None:
    channels = build_channels("", "")
    assert list(channels) == [kind.id for kind in BUILTIN_CHANNELS] == ["webhook", "email"]
    assert not any(channel.configured for channel in channels.values())
    assert not channels["email"].send(MESSAGE).ok


@pytest.mark.parametrize(
    ("smtp", "webhook"),
    [
        ("http://mail.invalid", ""),
        ("smtp://mail.invalid", ""),
        ("smtp://mail.invalid:99999?from=a@example.invalid", ""),
        ("", "ftp://gateway.invalid"),
        ("", "gateway.invalid/x"),
        ("", "http://gateway.invalid:port/"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_by_name(smtp: str, webhook: str) -> None:
    with pytest.raises(BadInput, match="CITYBRAIN_"):
        build_channels(smtp, webhook)


def test_the_inbox_is_json_and_a_page(sink: Sink) -> None:
    build_channels("", sink.webhook_url)["webhook"].send(with_address("000-0001"))
    items = httpx.get(f"{sink.http_url}/messages").json()["items"]
    assert [item["to"] for item in items] == ["000-0001"]
    shown = httpx.get(sink.http_url)
    assert "演练收件箱" in shown.text
    assert 'href="http://h.invalid/r/abc"' in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert httpx.post(sink.webhook_url, content=b"[1]").status_code == 400
    assert "javascript:" not in page([Received("webhook", "x", "t", "t", "javascript:alert(1)", "", False, 0.0)])
