"""Matchers over labels: `event=积水`, `county!=兰山区`, `rule~waterlogging-*`. No regular expression is ever run."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from geodata.errors import BadInput

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_OPS = ("!=", "!~", "=", "~")
MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class Matcher:
    """`op` is =, != (equal), ~, !~ (a pattern in which * stands for any text). An absent label is the empty text."""

    name: str
    op: str
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        found = labels.get(self.name, "")
        hit = _like(found, self.value) if "~" in self.op else found == self.value
        return hit != self.op.startswith("!")

    def __str__(self) -> str:
        return f"{self.name}{self.op}{self.value}"


def parse_matcher(text: str) -> Matcher:
    """`name op value`, e.g. `level!=red`. Raises `BadInput` saying what is wrong."""
    stripped = text.strip()
    name = _NAME.match(stripped)
    rest = stripped[name.end() :].lstrip() if name else ""
    op = next((one for one in _OPS if rest.startswith(one)), None)
    if name is None or op is None:
        raise BadInput(f"匹配条件 {text[:80]!r} 写法有误;例:event=积水、county!=兰山区、rule~waterlogging-*")
    value = rest[len(op) :].strip().strip('"')
    if len(value) > MAX_TEXT or not value.isprintable():
        raise BadInput(f"匹配条件 {name.group()} 的值过长或含不可见字符(不超过 {MAX_TEXT} 个字符)")
    return Matcher(name.group(), op, value)


def parse_matchers(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """All of `texts`, in order."""
    return tuple(parse_matcher(text) for text in texts)


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    return all(matcher.matches(labels) for matcher in matchers)


class MatcherIndex:
    """Many lists of matchers, asked which of them match; only those that can are tried."""

    def __init__(self, lists: Sequence[Sequence[Matcher]]) -> None:
        self._lists = [tuple(matchers) for matchers in lists]
        self._keyed: dict[str, dict[str, list[int]]] = {}
        self._rest: list[int] = []
        for number, matchers in enumerate(self._lists):
            key = next((one for one in matchers if one.op == "=" and one.value), None)
            if key is None:
                self._rest.append(number)
            else:
                self._keyed.setdefault(key.name, {}).setdefault(key.value, []).append(number)

    def matching(self, labels: Mapping[str, str]) -> Iterator[int]:
        """The places of the lists all of whose matchers match, in the order of the lists."""
        numbers = list(self._rest)
        for name, values in self._keyed.items():
            numbers += values.get(labels.get(name, ""), ())
        return (number for number in sorted(numbers) if all_match(self._lists[number], labels))


def _like(text: str, pattern: str) -> bool:
    """Whether `text` fits `pattern`; linear in both, whatever the pattern."""
    pieces = pattern.split("*")
    if len(pieces) == 1:
        return text == pattern
    first, last = pieces[0], pieces[-1]
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in pieces[1:-1]:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
