"""Webhook: the city's message gateway takes a JSON POST per message (apprise `json://`)."""

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from apprise.plugins.custom_json import NotifyJSON

from dispatch.channels.quiet import not_configured, notify, one_line, quiet_apprise
from dispatch.ports import Channel, Message, SendResult
from geodata.errors import BadInput

TIMEOUT_S = 10.0
_ADDRESS = re.compile(r"[\w.@+:/-]{1,200}")


def make_webhook(url: str) -> Channel:
    """The channel for `webhook_url`; empty: not configured. The body's fields are described in `docs/plans.md`."""
    if not url:
        return Channel("webhook", "短信网关", False, not_configured, TIMEOUT_S)
    target = _target(url)
    return Channel("webhook", "短信网关", True, lambda message: _send(target, message), TIMEOUT_S)


def _target(url: str) -> dict[str, Any]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadInput("CITYBRAIN_WEBHOOK_URL 不是有效的地址;写成 https://主机:端口/路径") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput("CITYBRAIN_WEBHOOK_URL 应以 http:// 或 https:// 开头,并写明主机")
    return {
        "schema": "jsons" if parts.scheme == "https" else "json",
        "host": parts.hostname if ":" not in parts.hostname else f"[{parts.hostname}]",
        "port": port,
        "user": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "fullpath": parts.path or "/",
        "params": dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair),
        "redirect": "no",
        "cto": "4",
        "rto": str(TIMEOUT_S - 4),
    }


def _send(target: dict[str, Any], message: Message) -> SendResult:
    if not _ADDRESS.fullmatch(message.address):
        return SendResult(False, "联系地址格式不对,请在名录中改正")
    payload = {
        "attempt_id": message.attempt_id,
        "to": message.address,
        "link": message.link,
        "exercise": message.exercise,
    }
    headers = {"Idempotency-Key": message.attempt_id}
    made = {**target, "payload": payload, "headers": headers}
    return quiet_apprise(lambda: notify(NotifyJSON, made, one_line(message.title), message.text))
