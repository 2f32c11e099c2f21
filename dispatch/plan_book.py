"""Plans (预案) as data: which incident a warning is, and who and what is called at each response level."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from alerts.model import Alert, Level

RESPONSE_LEVELS = ("Ⅳ", "Ⅲ", "Ⅱ", "Ⅰ")  # least first: a level's plan adds to those before it
SMS_CHARS = 70
DRILL = "【演练】"
NAMED = "责任人"  # the role of people whose duties name the place


@dataclass(frozen=True, slots=True)
class Group:
    """People of one role. `scope`: place (named for this asset), county, city, any; at most `limit` of them."""

    role: str
    scope: str
    limit: int
    confirm_within_s: int
    level: str


@dataclass(frozen=True, slots=True)
class Plan:
    """One incident type's plan. `groups` and `teams` by response level, each level's own additions only."""

    id: str
    title: str
    confirm_within_s: int
    short: str
    long: str
    groups: Mapping[str, tuple[Group, ...]]
    teams: Mapping[str, Mapping[str, int]]

    def groups_at(self, level: str) -> tuple[Group, ...]:
        """Additive: everything from Ⅳ up to `level`."""
        return tuple(group for step in _up_to(level) for group in self.groups.get(step, ()))

    def teams_at(self, level: str) -> dict[str, int]:
        """Capability → how many teams; the greatest count named up to `level`."""
        need: dict[str, int] = {}
        for step in _up_to(level):
            for capability, count in self.teams.get(step, {}).items():
                need[capability] = max(count, need.get(capability, 0))
        return need


@dataclass(frozen=True, slots=True)
class Match:
    """One line of the classification: any word found in the alert's quantity, rule or event gives `type`."""

    type: str
    words: Mapping[str, tuple[str, ...]]

    def fits(self, alert: Alert) -> bool:
        texts = {
            "quantity": alert.quantity or "",
            "rule": alert.rule_id or "",
            "event": f"{alert.event} {alert.headline}",
        }
        return any(word.lower() in texts[name].lower() for name, words in self.words.items() for word in words)


@dataclass(frozen=True, slots=True)
class PlanBook:
    """All plans. `source` empty: not approved (未核定), and every preview says so."""

    plans: Mapping[str, Plan]
    matches: tuple[Match, ...]
    otherwise: str
    response_levels: Mapping[Level, str]
    status: str = "未核定"
    source: str = ""
    response_source: str = ""

    def type_of(self, alert: Alert) -> str:
        """The incident type of an alert: the first line that fits, else `otherwise`."""
        return next((match.type for match in self.matches if match.fits(alert)), self.otherwise)

    def level_of(self, level: Level) -> str:
        """The response level of a normalised warning level; NONE is treated as the least."""
        return self.response_levels.get(level, RESPONSE_LEVELS[0])


def _up_to(level: str) -> tuple[str, ...]:
    return RESPONSE_LEVELS[: RESPONSE_LEVELS.index(level) + 1]


def fill(template: str, values: Mapping[str, str]) -> str:
    """`template` with `{name}` replaced. Plain replacement: braces inside the values stay what they are."""
    return re.sub(r"\{(\w+)\}", lambda mark: values.get(mark[1], mark[0]), template)


def short_message(template: str, values: Mapping[str, str], *, exercise: bool) -> str:
    """The SMS form, at most 70 characters: place, then event, are cut until it fits; drills begin with 【演练】."""
    prefix, room = (DRILL if exercise else ""), dict(values)
    text = prefix + fill(template, room)
    for name in ("place", "event"):
        over = len(text) - SMS_CHARS
        if over > 0 and room.get(name):
            room[name] = room[name][: max(0, len(room[name]) - over - 1)] + "…"
            text = prefix + fill(template, room)
    return text if len(text) <= SMS_CHARS else text[: SMS_CHARS - 1] + "…"
