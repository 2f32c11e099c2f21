"""What a person does to one alert, as the change it makes. Each says who and why, or why it cannot be."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from alerts.chatter import reopened
from alerts.handling import Handling
from alerts.lifecycle import ENGINE
from alerts.model import OVER, Alert, AlertChange, AlertState, revised, state_of
from alerts.upkeep import closed, unshelved
from geodata.errors import BadInput, Conflict

REASON_CHARS = 500


def reason_of(text: str, what: str) -> str:
    """The reason as it is stored. Raises `BadInput` when there is none."""
    kept = text.strip()
    if not kept:
        raise BadInput(f"{what}必须写明原因(reason)")
    if len(kept) > REASON_CHARS:
        raise BadInput(f"{what}的原因不能超过 {REASON_CHARS} 个字符")
    return kept


def shelve(alert: Alert, until: datetime, who: str, reason: str, handling: Handling, now: datetime) -> AlertChange:
    """Put aside until `until`, or until its level rises. Again on a shelved one sets a new end, counted from now."""
    why = reason_of(reason, "搁置")
    if state_of(alert, now) in OVER:
        raise Conflict(f"告警 {alert.id} 已结束,不能搁置")
    longest = handling.longest_shelf(alert.level)
    if not now < until <= now + longest + timedelta(seconds=1):
        minutes = longest.total_seconds() / 60
        raise BadInput(f"搁置的结束时间必须在现在之后、{minutes:g} 分钟之内({alert.native_level}的上限)")
    after = revised(alert, now, shelved_until=until, shelved_by=who, shelved_why=why)
    return AlertChange(after, "shelved", now, who, f"至 {until.isoformat(timespec='seconds')}:{why}")


def unshelve(alert: Alert, who: str, reason: str, now: datetime) -> AlertChange:
    """Off the shelf before its time."""
    if state_of(alert, now) is not AlertState.SHELVED:
        raise Conflict(f"告警 {alert.id} 没有被搁置")
    return unshelved(alert, now, who, reason.strip()[:REASON_CHARS] or "提前恢复")


def close(
    alert: Alert, who: str, reason: str, history: Sequence[Mapping[str, Any]], handling: Handling, now: datetime
) -> AlertChange:
    """Put away. What a rule still sees cannot be closed by hand: it would hide what is there."""
    why = reason_of(reason, "关闭")
    if alert.closed_at is not None:
        raise Conflict(f"告警 {alert.id} 已由 {alert.closed_by} 关闭")
    if _is_seen(alert, history, handling, now):
        raise Conflict(f"告警 {alert.id} 的条件仍然存在,不能关闭;可以搁置(有时限)或登记静默")
    return closed(alert, now, who, why)


def _is_seen(alert: Alert, history: Sequence[Mapping[str, Any]], handling: Handling, now: datetime) -> bool:
    """Whether a rule holds it open. A warning is its sender's, and a reopened one the person's who reopened it; one
    of which nothing has been heard for long (the sensor is gone, the rule is withdrawn) is nobody's."""
    if alert.source != "rule" or state_of(alert, now) in OVER:
        return False
    own = [step for step in history if step["kind"] in ("fired", "reopened", "level")]
    if own and own[-1]["kind"] == "reopened" and own[-1]["who"] != ENGINE:
        return False
    quiet = timedelta(seconds=handling.close_standing_after_s)
    return not handling.close_standing_after_s or now - alert.updated_at < quiet


def reopen(alert: Alert, who: str, reason: str, now: datetime) -> AlertChange:
    """Open again what was over."""
    why = reason_of(reason, "重新打开")
    if state_of(alert, now) not in OVER:
        raise Conflict(f"告警 {alert.id} 没有结束,不用重新打开")
    if alert.expires_at is not None and alert.expires_at <= now:
        raise Conflict(f"告警 {alert.id} 已过失效时间,不能重新打开;请等发布单位的新预警")
    return reopened(alert, alert, now, who, why)
