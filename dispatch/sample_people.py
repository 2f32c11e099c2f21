"""The duty people of the sample city: obviously schematic names, numbers that cannot be dialled."""

from collections import defaultdict
from dataclasses import replace

from dispatch.model import Person
from geodata.errors import BadInput
from geodata.sample.allocation import DEMO_UNDERPASSES, county_sequence, low_places, teams, underpasses
from geodata.sample.facts import CODES, NAMES, URBAN_CODES

CITY_CODE = "371300"
ROLES = ("指挥", "公安", "消防", "气象", "交通", "城管", "水利", "医疗", "区县", "乡镇")
TITLES = {
    "指挥": "值班指挥",
    "公安": "值班民警",
    "消防": "值班消防员",
    "气象": "值班预报员",
    "交通": "值班调度员",
    "城管": "巡查责任人",
    "水利": "防汛值班员",
    "医疗": "急救值班员",
    "区县": "区县值班长",
    "乡镇": "乡镇值班长",
}
ACCOUNTS = (("duty", CITY_CODE, "指挥"), ("dispatcher", CITY_CODE, "指挥"), ("leader", CITY_CODE, "指挥"))
FIELD_PLACE = (URBAN_CODES[0], "城管")
ROLE_OF_TEAM = {"排涝": "城管", "防汛抢险": "水利", "医疗": "医疗", "交通": "交通", "通信": "交通", "电力": "交通"}
# city level and 371302 at small scale; every other county has one person of each of the last two roles
SMALL_CITY = ("指挥", "指挥", "指挥", "气象", "水利", "消防", "交通")
SMALL_CORE = ("城管", "城管", "城管", "公安", "交通", "水利", "消防", "医疗", "区县", "区县", "乡镇")
SMALL_COUNTY = ("区县", "城管")
FULL_CITY_EACH, FULL_TOTAL = 8, 2000
FULL_COUNTY = ("公安", "消防", "交通", "城管", "城管", "水利", "医疗", "区县", "乡镇", "乡镇", "气象", "指挥")


def sample_people(scale: str) -> list[Person]:
    """40 people at "small", 2,000 at "full": by unit and role, each with a deputy; the same ones every time.

    Four carry the demo accounts duty, dispatcher, leader and field; field looks after `DEMO_UNDERPASSES`.
    """
    places = {"small": small_places, "full": full_places}.get(scale)
    if places is None:
        raise BadInput(f"没有规模 {scale!r};可用:small、full")
    people = [person(number, code, role) for number, (code, role) in enumerate(places(), 1)]
    return with_duties(with_teams(with_accounts(with_deputies(people)), scale))


def small_places() -> list[tuple[str, str]]:
    """(unit code, role) of the 40."""
    others = [(code, role) for code in CODES[1:] for role in SMALL_COUNTY]
    return [(CITY_CODE, role) for role in SMALL_CITY] + [(CODES[0], role) for role in SMALL_CORE] + others


def full_places() -> list[tuple[str, str]]:
    """(unit code, role) of the 2,000: eight of each role at the city, the rest by the counties' shares."""
    city = [(CITY_CODE, role) for role in ROLES for _ in range(FULL_CITY_EACH)]
    codes = county_sequence(FULL_TOTAL - len(city), {}, least=2 * len(FULL_COUNTY))
    return city + [(code, FULL_COUNTY[number % len(FULL_COUNTY)]) for number, code in enumerate(codes)]


def person(number: int, code: str, role: str) -> Person:
    """Somebody who does not exist. Every seventh is off duty; .invalid is reserved (RFC 2606)."""
    return Person(
        id=f"sample-person-{number:04d}",
        name=f"示例-{role}-{number:03d}",
        title=TITLES[role],
        unit=f"示例-{NAMES.get(code, '临沂市')}{role}",
        unit_code=code,
        roles=(role,),
        contacts={
            "webhook": f"sample-{number:04d}",
            "email": f"sample-{number:04d}@example.invalid",
            "voice": f"000-{number:04d}",
        },
        on_duty=number % 7 != 0,
    )


def with_deputies(people: list[Person]) -> list[Person]:
    """Each one's deputy is the next of the same unit and role; who is alone there, the next of the same unit."""
    by_role: dict[tuple[str, str], list[str]] = defaultdict(list)
    by_unit: dict[str, list[str]] = defaultdict(list)
    for one in people:
        by_role[one.unit_code, one.roles[0]].append(one.id)
        by_unit[one.unit_code].append(one.id)
    found = []
    for one in people:
        group = by_role[one.unit_code, one.roles[0]]
        group = group if len(group) > 1 else by_unit[one.unit_code]
        found.append(replace(one, deputy_id=group[(group.index(one.id) + 1) % len(group)]))
    return found


def with_accounts(people: list[Person]) -> list[Person]:
    """Give the demo accounts to the first who fit; they are always on duty."""
    wanted = [*ACCOUNTS, ("field", *FIELD_PLACE)]
    found = []
    for one in people:
        match = next((row for row in wanted if row[1:] == (one.unit_code, one.roles[0])), None)
        if match is not None:
            wanted.remove(match)
            one = replace(one, username=match[0], on_duty=True)
        found.append(one)
    return found


def with_teams(people: list[Person], scale: str) -> list[Person]:
    """People of a team's role in its county belong to it, in turn."""
    by_place: dict[tuple[str, str], list[str]] = defaultdict(list)
    for team in teams(scale):
        by_place[team.county_code, ROLE_OF_TEAM.get(team.kind, "消防")].append(team.id)
    turn: dict[tuple[str, str], int] = defaultdict(int)
    found = []
    for one in people:
        place = (one.unit_code, one.roles[0])
        if place in by_place:
            one = replace(one, team_id=by_place[place][turn[place] % len(by_place[place])])
            turn[place] += 1
        found.append(one)
    return found


def with_duties(people: list[Person]) -> list[Person]:
    """Every waterlogging point has a named 城管 person of its county; the demo underpasses are field's."""
    holders: dict[str, list[str]] = defaultdict(list)
    for one in people:
        if one.roles[0] == "城管":
            holders[one.unit_code].append(one.id)
    duties: dict[str, list[str]] = defaultdict(list)
    field = next(one.id for one in people if one.username == "field")
    duties[field] = list(DEMO_UNDERPASSES)
    rest = [place for place in (*underpasses(), *low_places()) if place.id not in DEMO_UNDERPASSES]
    for number, place in enumerate(rest):
        group = [holder for holder in holders[place.county_code] if holder != field]
        duties[group[number % len(group)]].append(place.id)
    return [replace(one, duties=tuple(duties[one.id])) if one.id in duties else one for one in people]
