"""Which teams go: the best whole assignment of teams to needed capabilities, and why each was chosen or passed over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from scipy.optimize import linear_sum_assignment

from dispatch.model import TeamChoice
from dispatch.ports import Team

POSITION_LIMIT_S = 1800.0
MAX_TRAVEL_S = 7200.0
_NEVER = 1e12
_UNAVAILABLE = {"away": "外出", "rest": "休整", "busy": "任务中", "offline": "离线"}  # team state → screen word


@dataclass(frozen=True, slots=True)
class Candidate:
    """A team with its way to the incident. `eta_s` None: not reachable, or no road data (`straight_m` then ranks)."""

    team: Team
    eta_s: float | None
    road_m: float | None
    straight_m: float


@dataclass(frozen=True, slots=True)
class Assignment:
    """`choices` in order of travel; `short` says which capability lacks how many teams."""

    choices: tuple[TeamChoice, ...]
    short: tuple[str, ...]


def straight_metres(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """Great-circle distance in metres on the mean Earth radius 6,371,008.8 m (haversine)."""
    a, b = np.radians([lat_a, lon_a]), np.radians([lat_b, lon_b])
    half = np.sin((b - a) / 2) ** 2
    return float(2 * 6_371_008.8 * np.arcsin(np.sqrt(half[0] + np.cos(a[0]) * np.cos(b[0]) * half[1])))


def assign(
    candidates: Sequence[Candidate], need: Mapping[str, int], now: datetime, *, has_roads: bool = True
) -> Assignment:
    """Fill every needed place with least total travel (Hungarian method); a team fills one place.

    A reported position older than 1,800 s is not used, and said so. Without road data straight distance decides.
    """
    slots = [capability for capability, count in need.items() for _ in range(count)]
    costs = [_cost(candidate, now, has_roads) for candidate in candidates]
    chosen = _best(candidates, costs, slots)
    first = _nearest_first(candidates, costs, slots)
    choices = [
        _choice(candidate, chosen.get(number), first.get(number), need, now, has_roads)
        for number, candidate in enumerate(candidates)
    ]
    have = list(chosen.values())
    short = tuple(
        f"{capability}队伍需 {count} 支,可用 {have.count(capability)} 支"
        for capability, count in need.items()
        if have.count(capability) < count
    )
    return Assignment(tuple(sorted(choices, key=_order)), short)


def _cost(candidate: Candidate, now: datetime, has_roads: bool) -> float:
    if _stale_s(candidate.team, now) is not None or candidate.team.state in _UNAVAILABLE:
        return _NEVER
    travel = candidate.eta_s if has_roads else candidate.straight_m
    return _NEVER if travel is None else travel


def _stale_s(team: Team, now: datetime) -> float | None:
    age = _age_s(team, now)
    return age if age is not None and age > POSITION_LIMIT_S else None


def _age_s(team: Team, now: datetime) -> float | None:
    return None if team.position_at is None else max(0.0, (now - team.position_at).total_seconds())


def _best(candidates: Sequence[Candidate], costs: Sequence[float], slots: Sequence[str]) -> dict[int, str]:
    """Candidate number → capability of the least total."""
    if not candidates or not slots:
        return {}
    table = [
        [cost if slot in item.team.capabilities else _NEVER for slot in slots]
        for item, cost in zip(candidates, costs, strict=True)
    ]
    rows, columns = linear_sum_assignment(np.array(table))
    return {
        int(row): slots[column] for row, column in zip(rows, columns, strict=True) if table[int(row)][column] < _NEVER
    }


def _nearest_first(candidates: Sequence[Candidate], costs: Sequence[float], slots: Sequence[str]) -> dict[int, str]:
    """What taking the nearest for each place in turn would give: only to say where it differs."""
    taken: dict[int, str] = {}
    order = sorted(range(len(candidates)), key=lambda number: costs[number])
    for slot in slots:
        for number in order:
            if number not in taken and costs[number] < _NEVER and slot in candidates[number].team.capabilities:
                taken[number] = slot
                break
    return taken


def _choice(
    item: Candidate,
    slot: str | None,
    first: str | None,
    need: Mapping[str, int],
    now: datetime,
    has_roads: bool,
) -> TeamChoice:
    team = item.team
    why = _chosen(item, slot, first, has_roads) if slot else _passed_over(item, first, need, now, has_roads)
    return TeamChoice(
        team_id=team.id,
        name=team.name,
        kind=team.kind,
        capabilities=team.capabilities,
        lon=team.lon,
        lat=team.lat,
        eta_s=item.eta_s if has_roads else None,
        distance_m=item.road_m if has_roads and item.road_m is not None else item.straight_m,
        chosen=slot is not None,
        why=why + ("" if team.position_at else ";按驻地计,无实时位置"),
        position_age_s=_age_s(team, now),
    )


def _way(item: Candidate, has_roads: bool) -> str:
    if has_roads and item.eta_s is not None:
        return f"行车约 {max(1, round(item.eta_s / 60))} 分钟"
    return f"直线 {item.straight_m / 1000:.1f} 公里(无路网数据,不是行车时间)"


def _chosen(item: Candidate, slot: str, first: str | None, has_roads: bool) -> str:
    if first is None:
        return f"{slot}:{_way(item, has_roads)};为全局总行程最短而选,并非单独最近"
    return f"{slot}:{_way(item, has_roads)}"


def _passed_over(item: Candidate, first: str | None, need: Mapping[str, int], now: datetime, has_roads: bool) -> str:
    stale = _stale_s(item.team, now)
    if not set(item.team.capabilities) & set(need):
        return "没有所需能力"
    if stale is not None:
        return f"位置是 {round(stale / 60)} 分钟前的,不采用"
    if item.team.state in _UNAVAILABLE:
        return f"队伍{_UNAVAILABLE[item.team.state]},不可用"
    if has_roads and item.eta_s is None:
        return f"两小时内道路不可达(直线 {item.straight_m / 1000:.1f} 公里)"
    if first is not None:
        return f"{_way(item, has_roads)};单独看更近,但全局总行程更长,未选"
    return f"{_way(item, has_roads)};已有更近的队伍"


def _order(choice: TeamChoice) -> tuple[bool, float, float, str]:
    travel = choice.eta_s if choice.eta_s is not None else float("inf")
    return (not choice.chosen, travel, choice.distance_m or 0.0, choice.team_id)
