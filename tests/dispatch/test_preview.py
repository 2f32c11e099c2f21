"""The preview: who and why, nobody twice, and everything that is missing said."""

from dataclasses import replace
from typing import Any

import pytest

from dispatch.model import Incident, PersonState, PlanPreview, to_plain
from dispatch.plain import stored_preview_of
from dispatch.plans import load_plans
from dispatch.ports import Channel, SendResult, Team
from dispatch.preview import PreviewMaker
from dispatch.states import RANK, is_ahead
from dispatch.stores import StoredPreview
from geodata.roads import Travel
from tests.dispatch.house import ROOT, T0, Alerts, NoTeams, people

BOOK = load_plans(ROOT / "dispatch/plans.yaml")
ALERT = Alerts().items["A1"]
INCIDENT = Incident(
    "I1", "示例下穿 积水", "waterlogging", "Ⅳ", "open", 118.32, 35.06, "示例下穿", T0, "duty", False, ("A1",)
)
ON = Channel("webhook", "短信网关", True, lambda message: SendResult(True))
OFF = Channel("email", "电子邮件", False, lambda message: SendResult(False))


class Roster:
    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def all(self) -> list[Any]:
        return self.items

    def get(self, person_id: str) -> Any:
        return next((item for item in self.items if item.id == person_id), None)

    def by_username(self, username: str) -> Any:
        return next((item for item in self.items if item.username == username), None)


class Teams(NoTeams):
    def teams_near(self, lon: float, lat: float, limit: int) -> list[Team]:
        return [Team(f"t{n}", f"示例排涝{n}", "排涝", ("排涝",), lon + 0.01 * n, lat) for n in (1, 2, 3)]


class Roads:
    """The nearest in a straight line is across the river: slowest by road."""

    def travel_to(self, lon: float, lat: float, points: Any, max_s: float) -> list[Travel]:
        return [Travel(900.0, 9000.0), Travel(300.0, 3000.0), Travel(None, None)][: len(points)]


def made(roster: list[Any], teams: Any = None, travel: Any = None, incident: Incident = INCIDENT) -> StoredPreview:
    maker = PreviewMaker(Roster(roster), BOOK, teams or NoTeams(), travel, {"webhook": ON, "email": OFF})
    return maker.make(incident, [ALERT], T0, [])


def preview_of(*args: Any, **named: Any) -> PlanPreview:
    return made(*args, **named).preview


def test_nobody_twice_and_both_reasons_kept() -> None:
    first = preview_of(people()).people[0]
    assert (first.person.id, first.role) == ("p1", "责任人、城管")
    assert "负责 示例下穿" in first.why
    assert "要求城管" in first.why
    shown = preview_of(people()).people
    assert len({entry.person.id for entry in shown}) == len(shown) == 6


def test_addresses_are_not_in_the_preview() -> None:
    plain = str(to_plain(preview_of(people())))
    assert "000-0001" not in plain
    assert "p1@" not in plain


def test_the_limit_holds_and_people_off_duty_or_elsewhere_are_left_out() -> None:
    crowd = [replace(people(1)[0], id=f"c{n}", duties=()) for n in range(20)]
    crowd[0] = replace(crowd[0], on_duty=False)
    crowd[1] = replace(crowd[1], unit_code="371329")
    ids = [entry.person.id for entry in preview_of(crowd).people]
    assert ids == ["c2", "c3", "c4", "c5", "c6", "c7"]


@pytest.mark.parametrize(
    ("roster", "said"),
    [
        ([], "名录是空的"),
        (people(), "渠道「电子邮件」没有配置"),
        (people(), "预案要求「区县」(Ⅳ级),事发区县没有在岗人员"),
        (people(), "没有填写核定依据"),
        (people(), "没有应急队伍数据"),
        (people()[1:], "没有人具名负责此处设施"),
    ],
)
def test_what_is_missing_is_said(roster: list[Any], said: str) -> None:
    assert any(said in line for line in preview_of(roster).missing)


def test_a_person_without_an_address_is_shown_with_the_gap() -> None:
    entry = preview_of([replace(people()[0], contacts={"email": "p1@example.invalid"})]).people[0]
    assert (entry.channels, entry.missing) == ((), "无可用渠道")


def test_teams_by_road_time_not_by_crow() -> None:
    shown = preview_of(people(), Teams(), Roads()).teams
    assert [(team.team_id, team.chosen, team.eta_s) for team in shown] == [
        ("t2", True, 300.0),
        ("t1", False, 900.0),
        ("t3", False, None),
    ]
    assert "不可达" in shown[2].why
    assert "按驻地计" in shown[0].why


def test_without_roads_the_straight_line_is_called_that() -> None:
    preview = preview_of(people(), Teams(), None)
    assert [team.team_id for team in preview.teams if team.chosen] == ["t1"]
    assert all(team.eta_s is None for team in preview.teams)
    assert "不是行车时间" in preview.teams[0].why
    assert any("没有路网数据" in line for line in preview.missing)


def test_people_of_the_chosen_team_are_called() -> None:
    roster = [replace(people()[5], team_id="t2", roles=("驾驶",), unit_code="999999"), people()[0]]
    entry = next(item for item in preview_of(roster, Teams(), Roads()).people if item.person.id == "p6")
    assert (entry.role, entry.why) == ("队伍", "所属队伍 示例排涝2 被选派")


def test_a_chosen_team_nobody_answers_for_is_said() -> None:
    missing = preview_of(people(), Teams(), Roads()).missing
    assert any("不会被自动叫到" in line and "示例排涝2" in line for line in missing)


def test_an_incident_without_a_place_says_so() -> None:
    preview = preview_of(people(), Teams(), Roads(), replace(INCIDENT, lon=None, lat=None))
    assert preview.teams == ()
    assert any("没有坐标" in line for line in preview.missing)


def test_a_stored_preview_comes_back_equal() -> None:
    stored = made(people(), Teams(), Roads())
    assert to_plain(stored_preview_of(to_plain(stored))) == to_plain(stored)


def test_states_are_one_line_forward() -> None:
    assert set(RANK) == set(PersonState)
    assert is_ahead(PersonState.CONFIRMED, PersonState.ESCALATED), "a late confirmation counts"
    assert not is_ahead(PersonState.CONFIRMED, PersonState.EN_ROUTE)
