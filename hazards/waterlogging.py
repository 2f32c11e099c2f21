"""Water on the road: what a measured depth means for traffic."""

from enum import StrEnum

SLOW_DEPTH_M = 0.20
CLOSE_DEPTH_M = 0.27
SOURCE = "公开报道的下穿立交管控水深:0.20 m 慢行、0.27 m 封闭(已核对公开来源)"


class DepthClass(StrEnum):
    """What traffic may do. `UNKNOWN` is never dry."""

    UNKNOWN = "unknown"
    PASSABLE = "passable"
    SLOW = "slow"
    CLOSED = "closed"


DEPTH_WORDS = {
    DepthClass.UNKNOWN: "无数据",
    DepthClass.PASSABLE: "可通行",
    DepthClass.SLOW: "慢行",
    DepthClass.CLOSED: "封闭",
}


def depth_class(
    depth_m: float | None, slow_depth_m: float = SLOW_DEPTH_M, close_depth_m: float = CLOSE_DEPTH_M
) -> DepthClass:
    """The class of a depth in metres; a threshold counts as reached. None and NaN are unknown."""
    if depth_m is None or depth_m != depth_m:
        return DepthClass.UNKNOWN
    if depth_m >= close_depth_m:
        return DepthClass.CLOSED
    return DepthClass.SLOW if depth_m >= slow_depth_m else DepthClass.PASSABLE
