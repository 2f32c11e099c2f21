import pytest

from hazards.waterlogging import DEPTH_WORDS, DepthClass, depth_class


@pytest.mark.parametrize(
    ("depth_m", "expected"),
    [
        (0.0, DepthClass.PASSABLE),
        (0.199, DepthClass.PASSABLE),
        (0.20, DepthClass.SLOW),
        (0.269, DepthClass.SLOW),
        (0.27, DepthClass.CLOSED),
        (3.0, DepthClass.CLOSED),
        (None, DepthClass.UNKNOWN),
        (float("nan"), DepthClass.UNKNOWN),
    ],
)
def test_depth_classes(depth_m: float | None, expected: DepthClass) -> None:
    assert depth_class(depth_m) is expected
    assert DEPTH_WORDS[expected]


def test_a_point_may_have_thresholds_of_its_own() -> None:
    assert depth_class(0.25, close_depth_m=0.25) is DepthClass.CLOSED
