"""Alerts as Prometheus posts them (API v2) and as Alertmanager passes them on (webhook version 4), to alerts of ours.

One label set is one condition: its fingerprint is the dedup key, whichever of the two ways it came.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b

from alerts.model import Alert, Level
from alerts.native_levels import schemes
from alerts.ports import Reject
from geodata.clock import epoch_ms, new_ids
from geodata.errors import BadInput

SOURCE = "prometheus"
RESOLVE_AFTER = timedelta(minutes=5)  # Alertmanager's resolve_timeout: how long a report without endsAt stands
MAX_ALERTS = 50_000  # of one request
MAX_LABELS = 64
MAX_NAME = 128
MAX_VALUE = 1_000
MAX_TEXT = 4_000
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_YEAR_1 = "0001-01-01"  # how Go writes that there is no time
_COUNTY = re.compile(r"\d{6}")
LevelOf = Callable[[str], tuple[Level, str]]  # severity's text → normalised level, CAP severity
# used for a severity the translation table does not know: it must not be lost among the unimportant
UNKNOWN = (Level.YELLOW, "Moderate")


@dataclass(frozen=True, slots=True)
class Checked:
    """`reports` in the order they came, one with `resolved_at` being an end; every other entry is in `rejects`."""

    reports: Sequence[Alert]
    rejects: Sequence[Reject]


@lru_cache(maxsize=1_024)
def level_of(severity: str) -> tuple[Level, str]:
    """Level and CAP severity of a `severity` label, by the table of native levels."""
    found = schemes()["prometheus"].of(severity)
    return (found.level, found.severity) if found is not None else UNKNOWN


def parse_alerts(payload: object, now: datetime, to_level: LevelOf = level_of) -> Checked:
    """The body of `POST /api/v2/alerts`: a list of {labels, annotations, startsAt, endsAt, generatorURL}."""
    if not isinstance(payload, list):
        raise BadInput('请求体应为告警的数组:[{"labels":{…},"annotations":{…},"startsAt":…}]')
    return _all(payload, now, to_level)


def parse_webhook(payload: object, now: datetime, to_level: LevelOf = level_of) -> Checked:
    """Alertmanager's webhook payload, version 4."""
    if not isinstance(payload, dict) or not isinstance(payload.get("alerts"), list):
        raise BadInput('请求体应为 Alertmanager 的 webhook 报文(version 4):{"version":"4","alerts":[…]}')
    if str(payload.get("version", "4")) != "4":
        raise BadInput(f"webhook 报文版本 {str(payload['version'])[:20]!r} 不认识;只支持 version 4")
    return _all(payload["alerts"], now, to_level)


def dedup_key(labels: Mapping[str, str]) -> str:
    """Equal for equal label sets, whatever their order."""
    text = "\0".join([f"{name}\0{labels[name]}" for name in sorted(labels)])
    return f"{SOURCE}:{blake2b(text.encode(), digest_size=16).hexdigest()}"


def _all(entries: list[object], now: datetime, to_level: LevelOf) -> Checked:
    if len(entries) > MAX_ALERTS:
        raise BadInput(f"一次不超过 {MAX_ALERTS} 条告警,收到 {len(entries)} 条;请分批发送")
    reports, rejects, ids = list[Alert](), list[Reject](), new_ids("AL", now, len(entries))
    for index, entry in enumerate(entries):
        try:
            reports.append(_one(entry, ids[index], now, to_level))
        except BadInput as refused:
            rejects.append(Reject(SOURCE, index, str(refused), repr(entry)[:4_000], now))
    return Checked(reports, rejects)


def _one(entry: object, alert_id: str, now: datetime, to_level: LevelOf) -> Alert:
    if not isinstance(entry, dict):
        raise BadInput("告警应为 JSON 对象")
    labels = _labels(entry.get("labels"), "labels")
    if not labels:
        raise BadInput("至少要有一个非空的标签 labels")
    notes = _labels(entry.get("annotations"), "annotations", MAX_TEXT)
    starts, ends = _time(entry, "startsAt"), _time(entry, "endsAt")
    if starts is not None and ends is not None and starts > ends:
        raise BadInput("startsAt 晚于 endsAt")
    over = entry.get("status") == "resolved" or (ends is not None and ends <= now)
    native = labels.get("severity", "")
    level, severity = to_level(native)
    lon, lat = _place(labels)
    county = labels.get("county", "")
    name = labels.get("alertname") or "未命名告警"
    return Alert(
        id=alert_id,
        dedup_key=dedup_key(labels),
        source=SOURCE,
        event=name[:200],
        headline=notes.get("summary") or notes.get("title") or f"{name} {labels.get('instance', '')}".strip(),
        level=level,
        native_level=native or "未标级别",
        status="Actual",
        onset_at=min(starts, now) if starts else now,
        fired_at=now,
        updated_at=now,
        severity=severity,
        urgency="Immediate",
        certainty="Observed",
        description=notes.get("description") or notes.get("message") or "",
        lon=lon,
        lat=lat,
        place=labels.get("place") or labels.get("instance", ""),
        expires_at=None if over else (ends or now + RESOLVE_AFTER),
        resolved_at=now if over else None,
        resolved_why="来源报告已结束" if over else None,
        county=county if _COUNTY.fullmatch(county) else "",
        labels=labels,
        onsets_ms=() if over else (epoch_ms(now),),
    )


def _labels(given: object, what: str, longest: int = MAX_VALUE) -> dict[str, str]:
    """Names and texts; an empty value is as good as none, as in Prometheus."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise BadInput(f"{what} 应为 JSON 对象")
    if len(given) > MAX_LABELS:
        raise BadInput(f"{what} 不超过 {MAX_LABELS} 项,收到 {len(given)} 项")
    for name, text in given.items():
        if not _is_name(name):
            raise BadInput(f"{what} 的名称 {name[:60]!r} 不合规定:字母或下划线开头,只含字母、数字、下划线")
        if type(text) is not str:
            raise BadInput(f"{what}.{name} 应为文本")
        if len(text) > longest:
            raise BadInput(f"{what}.{name} 不超过 {longest} 个字符")
    if not _can_be_kept("".join(given.values())):
        raise BadInput(f"{what} 的值含有不能保存的字符")
    return given if all(given.values()) else {name: text for name, text in given.items() if text}


@lru_cache(maxsize=4_096)
def _is_name(name: str) -> bool:
    return len(name) <= MAX_NAME and _NAME.fullmatch(name) is not None


def _can_be_kept(text: str) -> bool:
    """Neither database keeps a NUL or half of a surrogate pair."""
    if text.isprintable():
        return True
    try:
        return "\0" not in text and bool(text.encode())
    except UnicodeEncodeError:
        return False


def _time(entry: Mapping[str, object], name: str) -> datetime | None:
    text = entry.get(name)
    if text is None or text == "" or (isinstance(text, str) and text.startswith(_YEAR_1)):
        return None
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) and len(text) <= 40 else None
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise BadInput(f"{name} 应为带时区的 RFC 3339 时间,收到 {str(text)[:60]!r}")


def _place(labels: Mapping[str, str]) -> tuple[float | None, float | None]:
    """`lon` and `lat` when both are there and a place on earth; otherwise the alert has none."""
    if "lon" not in labels or "lat" not in labels:
        return None, None
    try:
        lon, lat = float(labels["lon"]), float(labels["lat"])
    except ValueError:
        return None, None
    return (lon, lat) if -180 <= lon <= 180 and -90 <= lat <= 90 else (None, None)
