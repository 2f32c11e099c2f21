"""A person's state in a call goes forward only."""

from dispatch.model import PersonState
from geodata.errors import BadInput

_ORDER = (
    PersonState.QUEUED,
    PersonState.FAILED,
    PersonState.SENT,
    PersonState.DELIVERED,
    PersonState.ESCALATED,
    PersonState.CONFIRMED,
    PersonState.EN_ROUTE,
    PersonState.ON_SITE,
    PersonState.STOOD_DOWN,
)
RANK = {state: place for place, state in enumerate(_ORDER)}
ANSWERED = frozenset({PersonState.CONFIRMED, PersonState.EN_ROUTE, PersonState.ON_SITE, PersonState.STOOD_DOWN})
WAITING = (PersonState.QUEUED, PersonState.SENT, PersonState.DELIVERED)  # overdue once confirm_by has passed
ACTIONS = {
    "confirmed": PersonState.CONFIRMED,
    "en_route": PersonState.EN_ROUTE,
    "on_site": PersonState.ON_SITE,
}
TITLES = {
    PersonState.QUEUED: "待发送",
    PersonState.SENT: "已发送",
    PersonState.DELIVERED: "已送达",
    PersonState.CONFIRMED: "已确认",
    PersonState.EN_ROUTE: "已出发",
    PersonState.ON_SITE: "已到场",
    PersonState.FAILED: "发送失败",
    PersonState.ESCALATED: "未确认,已转呼副职",
    PersonState.STOOD_DOWN: "已解除",
}


def is_ahead(state: PersonState, present: PersonState) -> bool:
    """Whether `state` is further than `present`. A late confirmation is ahead of an escalation."""
    return RANK[state] > RANK[present]


def action_state(action: str) -> PersonState:
    """The state a person's answer means; an unknown answer raises `BadInput`."""
    if action not in ACTIONS:
        raise BadInput(f"不认识的回复 {action!r};可用:{'、'.join(ACTIONS)}")
    return ACTIONS[action]


def totals_of(counts: dict[str, int]) -> dict[str, int]:
    """Counts by state (all nine, zeros too), with `total` and `answered` (confirmed, en route or on site)."""
    full = {state.value: counts.get(state.value, 0) for state in PersonState}
    return {
        **full,
        "total": sum(full.values()),
        "answered": full["confirmed"] + full["en_route"] + full["on_site"],
    }
