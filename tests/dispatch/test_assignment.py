"""Choosing teams: the least total travel, checked against trying every way, and what is said about each."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.assignment import Candidate, assign, straight_metres
from dispatch.ports import Team
from tests.dispatch.house import T0


def team(number: int, *capabilities: str, age_s: float | None = 0.0, state: str = "") -> Team:
    seen = None if age_s is None else T0 - timedelta(seconds=age_s)
    return Team(f"t{number}", f"示例{number}", "示例", capabilities, 118.3, 35.0, state, seen)


def at(number: int, eta_s: float | None, *capabilities: str, **more: object) -> Candidate:
    return Candidate(team(number, *capabilities, **more), eta_s, eta_s and eta_s * 10, 1000.0 * number)  # type: ignore[arg-type]


def test_the_whole_best_may_pass_over_the_nearest_and_says_so() -> None:
    # t1 can do both; nearest-first would spend it on 排涝 and leave 救援 an hour away
    found = assign([at(1, 100, "排涝", "救援"), at(2, 160, "排涝"), at(3, 3600, "救援")], {"排涝": 1, "救援": 1}, T0)
    chosen = {choice.team_id: choice.why for choice in found.choices if choice.chosen}
    assert set(chosen) == {"t1", "t2"}
    assert "全局" in chosen["t2"]
    assert found.short == ()


@pytest.mark.parametrize(
    ("candidate", "said"),
    [
        (at(2, 10, "排涝", age_s=1801), "30 分钟前"),
        (at(2, 10, "排涝", state="away"), "外出"),
        (at(2, None, "排涝"), "不可达"),
        (at(2, 500, "排涝"), "已有更近的队伍"),
        (at(2, 10, "扑火"), "没有所需能力"),
    ],
)
def test_why_a_team_is_passed_over(candidate: Candidate, said: str) -> None:
    found = assign([at(1, 400, "排涝"), candidate], {"排涝": 1}, T0)
    assert [choice.team_id for choice in found.choices if choice.chosen] == ["t1"]
    assert said in next(choice.why for choice in found.choices if choice.team_id == "t2")


def test_too_few_teams_is_said() -> None:
    assert assign([at(1, 60, "排涝")], {"排涝": 3}, T0).short == ("排涝队伍需 3 支,可用 1 支",)
    assert assign([], {"排涝": 1}, T0).short == ("排涝队伍需 1 支,可用 0 支",)


def test_a_position_of_exactly_the_limit_is_used() -> None:
    choice = assign([at(1, 60, "排涝", age_s=1800)], {"排涝": 1}, T0).choices[0]
    assert (choice.chosen, choice.position_age_s) == (True, 1800.0)


@given(
    st.lists(st.tuples(st.integers(1, 7000), st.sampled_from([("a",), ("b",), ("a", "b")])), min_size=2, max_size=5),
    st.fixed_dictionaries({"a": st.integers(0, 2), "b": st.integers(0, 2)}),
)
def test_as_good_as_trying_every_way(items: list[tuple[int, tuple[str, ...]]], need: dict[str, int]) -> None:
    candidates = [at(number, float(eta), *capabilities) for number, (eta, capabilities) in enumerate(items)]
    slots = [name for name, count in need.items() for _ in range(count)]
    ways = [
        (len(filled), -sum(candidates[number].eta_s or 0 for number, _ in filled))
        for order in itertools.permutations(range(len(candidates)), min(len(slots), len(candidates)))
        for chosen in itertools.combinations(slots, len(order))
        for filled in [[(n, s) for n, s in zip(order, chosen, strict=True) if s in candidates[n].team.capabilities]]
    ]
    chosen = [choice for choice in assign(candidates, need, T0).choices if choice.chosen]
    got = (len(chosen), -sum(choice.eta_s or 0 for choice in chosen))
    assert got == max(ways, default=(0, 0))


def test_straight_metres_of_one_degree_of_latitude() -> None:
    # one degree on a sphere of the mean radius: 111,195.08 m
    assert straight_metres(118.0, 35.0, 118.0, 36.0) == pytest.approx(111_195.08, abs=0.1)
