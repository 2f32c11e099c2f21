"""Where each open alert stands once silences and inhibitions have had their say. Derived, never stored."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.inhibition import Inhibition, Inhibitor
from alerts.labels import labels_of
from alerts.matchers import MatcherIndex
from alerts.model import OVER, Alert, AlertState, Level, state_of
from alerts.silences import Silence, is_active
from geodata.clock import SHANGHAI


@dataclass(frozen=True, slots=True)
class Standing:
    """`why` is the reason an officer reads, "" when nothing holds it back; `by` is the person, silence or alert behind
    it. `hides` tells that the main list may leave it out: never true of a red one, whatever was asked."""

    state: AlertState
    why: str = ""
    by: str = ""
    hides: bool = False
    until: datetime | None = None

    @property
    def mutes(self) -> bool:
        """Whether nobody is to be notified; true of red ones too, and then `why` stands on the screen."""
        return self.state in (AlertState.SHELVED, AlertState.SUPPRESSED)


def standings(
    alerts: Sequence[Alert], silences: Iterable[Silence], inhibitions: Sequence[Inhibition], now: datetime
) -> dict[str, Standing]:
    """Alert id → standing, for every one of `alerts`.

    A shelf comes before silences, these before inhibitions, these before an acknowledgement. Sources of inhibition are
    the alerts given that are not over, shelved and silenced ones too (as in Alertmanager).
    """
    active = [silence for silence in silences if is_active(silence, now)]
    index = MatcherIndex([silence.matchers for silence in active])
    labels = {alert.id: labels_of(alert) for alert in alerts} if active or inhibitions else {}
    states = {alert.id: state_of(alert, now) for alert in alerts}
    there = ((alert.id, labels[alert.id]) for alert in alerts if states[alert.id] not in OVER)
    inhibitor = Inhibitor(inhibitions, there) if inhibitions else None
    return {
        alert.id: _standing(alert, states[alert.id], labels.get(alert.id, {}), active, index, inhibitor, now)
        for alert in alerts
    }


def _standing(
    alert: Alert,
    state: AlertState,
    labels: Mapping[str, str],
    active: Sequence[Silence],
    index: MatcherIndex,
    inhibitor: Inhibitor | None,
    now: datetime,
) -> Standing:
    hides = alert.level < Level.RED
    if state is AlertState.CLOSED:
        return Standing(state, _by("关闭", alert.closed_why, None, alert.closed_by, now), alert.closed_by or "", True)
    if state is AlertState.RESOLVED:
        return Standing(state, f"结束:{alert.resolved_why or '已到失效时间'}", "", True)
    if state is AlertState.SHELVED:
        why = _by("搁置", alert.shelved_why, alert.shelved_until, alert.shelved_by, now)
        return Standing(state, why, alert.shelved_by or "", hides, alert.shelved_until)
    silenced = [active[number] for number in index.matching(labels)]
    if silenced:
        last = max(silenced, key=lambda silence: silence.ends_at)
        why = _by("静默", last.reason, last.ends_at, last.owner, now)
        return Standing(AlertState.SUPPRESSED, why, last.id, hides, last.ends_at)
    inhibited = inhibitor.by(labels) if inhibitor is not None else None
    if inhibited is not None:
        rule, source = inhibited
        return Standing(AlertState.SUPPRESSED, f"抑制:{rule.why or rule.id}(由 {source})", source, hides)
    if state is AlertState.ACKNOWLEDGED:
        return Standing(state, f"已由 {alert.acknowledged_by} 确认", alert.acknowledged_by or "")
    return Standing(state)


def _by(what: str, reason: str | None, until: datetime | None, who: str | None, now: datetime) -> str:
    parts = [reason or "未写原因", f"至 {_clock(until, now)}" if until else "", who or ""]
    return f"{what}:" + ",".join(filter(None, parts))


def _clock(moment: datetime, now: datetime) -> str:
    """The time of day in Shanghai, with its date when that is not today's."""
    local = moment.astimezone(SHANGHAI)
    return local.strftime("%H:%M" if local.date() == now.astimezone(SHANGHAI).date() else "%m-%d %H:%M")


def standing_to_plain(standing: Standing) -> dict[str, Any]:
    """`state`, `why`, `by`, `hides`, and `until` as ISO 8601 or None."""
    return {
        "state": standing.state.value,
        "why": standing.why,
        "by": standing.by,
        "hides": standing.hides,
        "until": standing.until.isoformat() if standing.until else None,
    }
