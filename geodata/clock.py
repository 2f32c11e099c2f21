"""Time as the rooms use it: aware UTC inside, Asia/Shanghai on screen, ids that sort by time."""

import secrets
from datetime import UTC, datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_AS_DIGITS = (_ALPHABET * 8).encode()  # any byte → one of the 32 digits, each as likely


def utc_now() -> datetime:
    """The present moment, aware, UTC. Only composition roots and feeds call it; the domain is given `now`."""
    return datetime.now(UTC)


def require_aware(moment: datetime) -> datetime:
    """`moment` in UTC; a naive one raises ValueError, since its meaning would be a guess."""
    if moment.tzinfo is None:
        raise ValueError(f"time {moment.isoformat()} has no offset; write it like 2026-01-31T08:00:00+08:00")
    return moment.astimezone(UTC)


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC."""
    return round(require_aware(moment).timestamp() * 1000)


def from_epoch_ms(milliseconds: int) -> datetime:
    """The aware UTC datetime of milliseconds since 1970-01-01."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def new_id(prefix: str, now: datetime) -> str:
    """`PREFIX-` + 10 time digits + 8 random ones (Crockford base 32): sorts by time, cannot be guessed in use."""
    ticks, digits = epoch_ms(now), []
    for _ in range(10):
        ticks, rest = divmod(ticks, 32)
        digits.append(_ALPHABET[rest])
    return f"{prefix}-{''.join(reversed(digits))}{''.join(secrets.choice(_ALPHABET) for _ in range(8))}"


def new_ids(prefix: str, now: datetime, count: int) -> list[str]:
    """`count` ids like `new_id`'s, for a whole batch at once."""
    head = new_id(prefix, now)[:-8]
    raw = secrets.token_bytes(8 * count).translate(_AS_DIGITS).decode()
    return [head + raw[at : at + 8] for at in range(0, 8 * count, 8)]
