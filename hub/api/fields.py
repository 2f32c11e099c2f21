"""Fields of a JSON body, each checked with a sentence that says what it should be."""

from collections.abc import Mapping
from typing import Any

from geodata.errors import BadInput

ITEMS_MOST = 1_000
TEXT_MOST = 10_000


def text_in(body: Mapping[str, Any], name: str) -> str | None:
    """The text under `name`, None when there is none."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > TEXT_MOST or "\x00" in value:
        raise BadInput(f"{name} 应为文字,最多 {TEXT_MOST} 个字符")
    return value


def texts_in(body: Mapping[str, Any], name: str) -> list[str]:
    """The list of texts under `name`; nothing there is an empty list."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > ITEMS_MOST or not all(isinstance(item, str) for item in value):
        raise BadInput(f"{name} 应为编号的列表,最多 {ITEMS_MOST} 个")
    return [item.replace("\x00", "") for item in value]


def reason_in(body: Mapping[str, Any]) -> str:
    """The reason; the desk says what is wrong with an empty one."""
    return text_in(body, "reason") or ""


def number_in(body: Mapping[str, Any], name: str) -> int:
    """The whole number under `name`."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadInput(f"{name} 应为整数")
    return value
