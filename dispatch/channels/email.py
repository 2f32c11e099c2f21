"""E-mail through the city's mail server (apprise `mailto://`)."""

import re
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from dispatch.channels.quiet import not_configured, notify, one_line, quiet_apprise
from dispatch.ports import Channel, Message, SendResult
from geodata.errors import BadInput

TIMEOUT_S = 20.0
ATTEMPT_HEADER = "X-CityBrain-Attempt"
# one plain mailbox; a second address, a name or a line break would be somebody else's message
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")


def make_email(url: str) -> Channel:
    """The channel for `smtp_url` (`smtp[s]://[user:password@]host[:port]?from=address`); empty: not configured."""
    if not url:
        return Channel("email", "电子邮件", False, not_configured, TIMEOUT_S, long_text=True)
    server, plugin = _server(url), _plugin()
    return Channel("email", "电子邮件", True, lambda message: _send(plugin, server, message), TIMEOUT_S, long_text=True)


def _server(url: str) -> dict[str, Any]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadInput("CITYBRAIN_SMTP_URL 不是有效的地址;写成 smtp://主机:端口?from=发件地址") from error
    sender = parse_qs(parts.query).get("from", [""])[0]
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or not _MAILBOX.fullmatch(sender):
        raise BadInput("CITYBRAIN_SMTP_URL 应写成 smtp://[用户:口令@]主机:端口?from=发件地址(TLS 用 smtps://)")
    secure = parts.scheme == "smtps"
    return {
        "schema": "mailtos" if secure else "mailto",
        "host": parts.hostname,
        "smtp_host": parts.hostname,
        "port": port,
        "user": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "secure_mode": ("ssl" if port in (None, 465) else "starttls") if secure else "insecure",
        "from_addr": sender,
        "format": "text",
        "cto": str(TIMEOUT_S / 2),
    }


def _plugin() -> Callable[..., Any]:
    """Apprise's mail plug-in; its PGP part imports `imghdr`, which Python 3.11 says is deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return cast(Callable[..., Any], import_module("apprise.plugins.email").NotifyEmail)


def _send(plugin: Callable[..., Any], server: dict[str, Any], message: Message) -> SendResult:
    if not _MAILBOX.fullmatch(message.address):
        return SendResult(False, "邮箱地址格式不对,请在名录中改正")
    headers = {ATTEMPT_HEADER: message.attempt_id, "X-CityBrain-Exercise": "yes" if message.exercise else "no"}
    made = {**server, "targets": [message.address], "headers": headers}
    body = f"{message.text.rstrip()}\n\n回执链接:{message.link}\n\n编号:{message.attempt_id}\n"
    return quiet_apprise(lambda: notify(plugin, made, one_line(message.title), body))
