"""Reading moments from outside: ISO 8601 with an offset, or epoch milliseconds, to milliseconds UTC."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

BAD_MS = np.iinfo(np.int64).min
_MAX_MS = 32_503_680_000_000  # year 3000
_NO_OFFSET = "时间没有时区;请写成 2026-01-31T08:00:00+08:00"


def parse_ms(moment: object) -> tuple[int, str]:
    """(milliseconds, "") or (`BAD_MS`, reason in Chinese)."""
    if moment is None:
        return BAD_MS, "缺少观测时间 observed_at"
    if isinstance(moment, bool) or not isinstance(moment, str | int):
        return BAD_MS, "观测时间必须是 ISO 8601 文本或毫秒整数"
    if isinstance(moment, int):
        return (moment, "") if 0 <= moment <= _MAX_MS else (BAD_MS, "观测时间的毫秒数超出范围")
    try:
        parsed = datetime.fromisoformat(moment) if len(moment) <= 40 else None
    except ValueError:
        parsed = None
    if parsed is None:
        return BAD_MS, "观测时间不是 ISO 8601;请写成 2026-01-31T08:00:00+08:00"
    if parsed.tzinfo is None:
        return BAD_MS, _NO_OFFSET
    try:
        return round(parsed.astimezone(UTC).timestamp() * 1000), ""
    except (OverflowError, ValueError):
        return BAD_MS, "观测时间超出范围"


def parse_column(moments: Sequence[object]) -> tuple[npt.NDArray[np.int64], dict[int, str]]:
    """int64 (n,) with `BAD_MS` where the moment is unusable, and the reason of each such row.

    Equal texts are parsed once: columns mostly repeat a few moments.
    """
    known: dict[str, tuple[int, str]] = {}
    reasons: dict[int, str] = {}
    out = np.empty(len(moments), np.int64)
    for row, moment in enumerate(moments):
        if type(moment) is str:
            found = known.get(moment)
            if found is None:
                found = known[moment] = parse_ms(moment)
        else:
            found = parse_ms(moment)
        out[row], reason = found
        if reason:
            reasons[row] = reason
    return out, reasons
