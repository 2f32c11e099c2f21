from datetime import datetime, timedelta

import pytest

from geodata.clock import SHANGHAI
from hazards.river import is_over_warning, numbered_floods

T0 = datetime(2020, 8, 14, 8, tzinfo=SHANGHAI)


def at(hours: float, flow: float) -> tuple[datetime, float]:
    return T0 + timedelta(hours=hours), flow


@pytest.mark.parametrize(
    ("station", "readings", "hours"),
    [
        ("yi-linyi", [at(0, 3999.9), at(1, 4000.0), at(2, 10_900)], [1]),
        ("yi-linyi", [at(0, 4100), at(5, 3000), at(24, 4100)], [0]),
        ("yi-linyi", [at(0, 4100), at(5, 3000), at(24.1, 4100)], [0, 24.1]),
        ("yi-linyi", [at(0, 4100), at(20, 4100), at(40, 4100)], [0]),
        ("shu-chonggou", [at(0, 1999), at(1, 2000)], [1]),
        ("yi-linyi", [at(0, float("nan"))], []),
        ("meng-gaoli", [at(0, 99_999)], []),
    ],
)
def test_numbered_floods(station: str, readings: list[tuple[datetime, float]], hours: list[float]) -> None:
    floods = numbered_floods(station, readings, first_number=1)
    assert [flood.at for flood in floods] == [T0 + timedelta(hours=hour) for hour in hours]
    assert [flood.number for flood in floods] == list(range(1, len(hours) + 1))


def test_warning_flow_is_known_at_linyi_only() -> None:
    assert is_over_warning("yi-linyi", 7000.0) is True
    assert is_over_warning("yi-linyi", 6999.0) is False
    assert is_over_warning("shu-chonggou", 99_999.0) is None
