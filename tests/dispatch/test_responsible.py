"""Who answers for a place: on duty, with deputy, nobody twice, contacts masked."""

from dataclasses import replace
from pathlib import Path

import pytest

from dispatch.model import Person
from dispatch.responsible import responsible
from tests.dispatch.house import House, people


def roster(*, first_on_duty: bool = True, deputy_on_duty: bool = True) -> list[Person]:
    first, second, *rest = people(4)
    return [replace(first, on_duty=first_on_duty), replace(second, on_duty=deputy_on_duty), *rest]


@pytest.mark.parametrize(
    ("first", "deputy", "names"),
    [(True, True, ["p1", "p2"]), (True, False, ["p1"]), (False, True, ["p2"]), (False, False, [])],
)
def test_the_named_and_their_deputy_when_on_duty(first: bool, deputy: bool, names: list[str]) -> None:
    found = responsible(roster(first_on_duty=first, deputy_on_duty=deputy), {"up-1"})
    assert [one.id for one in found] == names


def test_nobody_stands_twice_and_nobody_answers_for_an_unknown_place() -> None:
    both = [replace(one, duties=("up-1",)) for one in people(3)]
    assert [one.id for one in responsible(both, {"up-1"})] == ["p1", "p2", "p3"]
    assert responsible(both, {"nothing"}) == []


def test_contacts_are_masked() -> None:
    (first, *_) = responsible(people(), {"up-1"})
    assert first.contacts == {"webhook": "***0001", "email": "p***@example.invalid"}


def test_the_desk_knows_them_by_the_place_and_by_its_sensor(tmp_path: Path) -> None:
    desk = House(f"sqlite:///{tmp_path}/d.db").desk
    assert [one.id for one in desk.responsible_for("up-1")] == ["p1", "p2"]
    assert [one.id for one in desk.responsible_for("s1")] == ["p1", "p2"]
    assert desk.plans_approved is False
