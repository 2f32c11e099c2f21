"""Which county each sample point and team belongs to, fixed by number so that people can be tied to them by id."""

from dataclasses import dataclass

from geodata.sample.facts import CODES, COUNTIES, SCALES, UNDERPASSES, WATERLOGGING_POINTS

DEMO_UNDERPASSES = ("sample-up-001", "sample-up-002", "sample-up-003")  # in 371302; the drill floods the first first
URBAN_EMPHASIS = {"371302": 2.6, "371311": 2.4, "371312": 2.4}  # schematic: low-lying places gather in the core
# kind, capabilities, share of teams (schematic); the capabilities are the words of dispatch/plans.yaml
TEAM_KINDS: tuple[tuple[str, str, int], ...] = (
    ("排涝", "排涝,抢险", 5),
    ("消防", "救援,危化", 4),
    ("森林消防", "扑火", 3),
    ("防汛抢险", "抢险", 3),
    ("医疗", "医疗", 3),
    ("交通", "交通,清障", 2),
    ("危化", "危化", 1),
    ("通信", "通信", 1),
    ("电力", "电力,照明", 2),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A numbered thing, its county and, for teams, its kind and capabilities."""

    id: str
    name: str
    county_code: str
    kind: str = ""
    capabilities: str = ""


def county_sequence(count: int, emphasis: dict[str, float], least: int = 1) -> list[str]:
    """`count` county codes by share (largest remainder), at least `least` each, in the order of `CODES`."""
    weight = {code: share * emphasis.get(code, 1.0) for code, _, _, _, share in COUNTIES}
    spare, total = count - least * len(CODES), sum(weight.values())
    exact = {code: spare * weight[code] / total for code in CODES}
    given = {code: least + int(exact[code]) for code in CODES}
    by_rest = sorted(CODES, key=lambda code: (int(exact[code]) - exact[code], code))
    for code in by_rest[: count - sum(given.values())]:
        given[code] += 1
    return [code for code in CODES for _ in range(given[code])]


def underpasses() -> list[Place]:
    """示例下穿 001 …; the first ones lie in 371302."""
    codes = county_sequence(UNDERPASSES, URBAN_EMPHASIS)
    return [Place(f"sample-up-{n:03d}", f"示例下穿 {n:03d}", code, "underpass") for n, code in enumerate(codes, 1)]


def low_places() -> list[Place]:
    """示例积水点 0001 …: low roads, communities and culverts."""
    kinds = ("road", "road", "community", "road", "tunnel", "road", "community")
    codes = county_sequence(WATERLOGGING_POINTS - UNDERPASSES, URBAN_EMPHASIS, least=6)
    return [
        Place(f"sample-wl-{n:04d}", f"示例积水点 {n:04d}", code, kinds[n % len(kinds)])
        for n, code in enumerate(codes, 1)
    ]


def teams(scale: str) -> list[Place]:
    """示例-排涝队-001 …: kinds in turn, counties spread so that each has several kinds."""
    turn = [(kind, words) for kind, words, share in TEAM_KINDS for _ in range(share)]
    spread = turn[::2] + turn[1::2]
    codes = county_sequence(SCALES[scale].teams, {}, least=3)
    return [
        Place(f"sample-team-{n:03d}", f"示例-{kind}队-{n:03d}", code, kind, words)
        for n, code in enumerate(codes, 1)
        for kind, words in [spread[(n * 5) % len(spread)]]
    ]
