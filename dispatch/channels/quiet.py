"""Apprise, made quiet: its log lines name recipients, so they are kept from the logs and mined for the reason only."""

import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import apprise

from dispatch.ports import Message, SendResult

_heard = threading.local()
_LOGGER = "apprise"
_CODE = re.compile(r"error=(\d{3})\b")


class _Keep(logging.Filter):
    """Lets nothing through; keeps the lines of a sending thread for `reason`."""

    def filter(self, record: logging.LogRecord) -> bool:
        lines = getattr(_heard, "lines", None)
        if lines is not None and record.levelno >= logging.WARNING:
            lines.append(record.getMessage())
        return False


@contextmanager
def _listening() -> Iterator[list[str]]:
    logger = logging.getLogger(_LOGGER)
    if not any(isinstance(item, _Keep) for item in logger.filters):
        logger.addFilter(_Keep())
    _heard.lines = []
    try:
        yield _heard.lines
    finally:
        _heard.lines = None


def not_configured(_message: Message) -> SendResult:
    """What a channel without its setting answers."""
    return SendResult(False, "渠道没有配置")


def notify(plugin_class: Callable[..., Any], target: Mapping[str, Any], title: str, body: str) -> SendResult:
    """One apprise notification, synchronous. `ok` only when the gateway took it; never raises for a network fault."""
    with _listening() as lines:
        plugin = plugin_class(**target)
        taken = plugin.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
        return SendResult(True, "网关已接收") if taken else SendResult(False, _reason(" ".join(lines)))


def _reason(text: str) -> str:
    """Why it was not taken, in Chinese and without addresses."""
    code = _CODE.search(text)
    if code:
        return f"网关返回 {code[1]}"
    return "网关连接失败或超时" if "onnection error" in text else "网关拒收"


def one_line(text: str) -> str:
    """`text` without line breaks and control characters: safe in a header."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def quiet_apprise(send: Callable[[], SendResult]) -> SendResult:
    """`send()`, any unforeseen fault as a result: one person's trouble must not stop the others."""
    try:
        return send()
    except Exception as error:
        return SendResult(False, f"渠道出错({type(error).__name__})")
