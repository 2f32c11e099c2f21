"""Sample people: nobody real, nobody without a deputy, the demo accounts where the drill needs them."""

import re

import pytest

from dispatch.sample_people import ROLES, sample_people
from geodata.errors import BadInput
from geodata.sample.allocation import DEMO_UNDERPASSES, low_places, teams, underpasses


@pytest.mark.parametrize(("scale", "count"), [("small", 40), ("full", 2000)])
def test_people_are_complete_and_not_real(scale: str, count: int) -> None:
    people = sample_people(scale)
    by_id = {person.id: person for person in people}
    assert len(people) == len(by_id) == count
    assert people == sample_people(scale)
    assert {role for person in people for role in person.roles} == set(ROLES)
    team_ids = {team.id for team in teams(scale)}
    for person in people:
        assert re.fullmatch(r"示例-\S+-\d{3,4}", person.name)
        assert person.contacts["email"].endswith("@example.invalid")
        assert re.fullmatch(r"000-\d{4}", person.contacts["voice"])
        assert person.deputy_id in by_id
        assert person.deputy_id != person.id
        assert by_id[person.deputy_id].unit_code == person.unit_code
        assert person.team_id is None or person.team_id in team_ids
    assert any(person.team_id for person in people)
    assert {person.on_duty for person in people} == {True, False}


@pytest.mark.parametrize("scale", ["small", "full"])
def test_every_point_has_one_named_holder_in_its_county(scale: str) -> None:
    places = {place.id: place.county_code for place in (*underpasses(), *low_places())}
    duties = [(duty, person) for person in sample_people(scale) for duty in person.duties]
    assert sorted(duty for duty, _ in duties) == sorted(places)
    assert all(person.unit_code == places[duty] and person.roles == ("城管",) for duty, person in duties)


@pytest.mark.parametrize("scale", ["small", "full"])
def test_demo_accounts(scale: str) -> None:
    people = {person.username: person for person in sample_people(scale) if person.username}
    assert set(people) == {"duty", "dispatcher", "leader", "field"}
    assert all(person.on_duty for person in people.values())
    assert people["field"].duties == DEMO_UNDERPASSES
    assert people["field"].unit_code == "371302"
    assert people["field"].roles == ("城管",)


def test_an_unknown_scale_is_refused() -> None:
    with pytest.raises(BadInput, match="small"):
        sample_people("huge")
