"""What an officer and the HTTP API do with alerts: list, look, acknowledge, take in warnings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from alerts import acts
from alerts.cap import CapMessage, document_bytes, parse_cap, parse_json, to_alerts
from alerts.handling import Handling
from alerts.inhibition import Inhibition
from alerts.lifecycle import OWNED
from alerts.model import OVER, Alert, AlertChange, AlertState, is_over, revised, state_of
from alerts.ports import AlertStore, CapOriginals, Reject, RejectStore, SilenceStore
from alerts.silences import Silence
from alerts.standing import Standing, standings
from alerts.warnings import Outcome, county_named, decide
from geodata.errors import BadInput, Conflict, NotFound

STATES = {
    "open": (AlertState.FIRING, AlertState.ACKNOWLEDGED, AlertState.SHELVED),
    "firing": (AlertState.FIRING,),
    "acknowledged": (AlertState.ACKNOWLEDGED,),
    "shelved": (AlertState.SHELVED,),
    "resolved": (AlertState.RESOLVED,),
    "closed": (AlertState.CLOSED,),
    "ended": (AlertState.RESOLVED, AlertState.CLOSED),
    "all": tuple(AlertState),
}
_TRIES = 3


@dataclass(frozen=True, slots=True)
class CapOutcome:
    """`id` is the (first) alert the message stands for; `alert_ids` all of them."""

    id: str
    outcome: Outcome
    alert_ids: tuple[str, ...] = ()


class AlertDesk:
    """Reads and changes alerts; everything it changes is committed before it answers."""

    def __init__(
        self,
        store: AlertStore,
        rejects: RejectStore,
        clock: Callable[[], datetime],
        silences: SilenceStore | None = None,
        inhibitions: Callable[[], Sequence[Inhibition]] = tuple,
        handling: Handling | None = None,
        counties: Callable[[], Mapping[str, str]] = dict,
        originals: CapOriginals | None = None,
    ) -> None:
        self._store, self._rejects, self._clock = store, rejects, clock
        self._silences, self._inhibitions, self._handling = silences, inhibitions, handling or Handling()
        self._counties, self._originals = counties, originals  # counties: name → code

    def open(self, now: datetime | None = None) -> list[Alert]:
        """Open at `now`, worst first, then newest."""
        moment = now or self._clock()
        alive = [alert for alert in self._store.open_alerts() if not is_over(alert, moment)]
        return worst_first(alive)

    def standings(
        self, now: datetime, alerts: Sequence[Alert] = (), among: Sequence[Alert] | None = None
    ) -> dict[str, Standing]:
        """Where `alerts` and all those `among` which they fire (the open ones) stand at `now`. For a past moment give
        what was open then; silences are as they were."""
        every = {alert.id: alert for alert in (*(self.open(now) if among is None else among), *alerts)}
        return standings(list(every.values()), self._silenced(now), self._inhibitions(), now)

    def guarded(self, now: datetime) -> bool:
        """Whether silences or inhibitions are in force, so that standings can change without the alert doing so."""
        return bool(self._inhibitions() or self._silenced(now))

    def rule_states(self) -> Mapping[tuple[str, int], Mapping[str, Any]]:
        """What the rules remember of each sensor, as it is stored."""
        return self._store.rule_states()

    def _silenced(self, now: datetime) -> Sequence[Silence]:
        return () if self._silences is None else self._silences.active(now)

    def get(self, alert_id: str) -> Alert:
        alert = self._store.get(alert_id)
        if alert is None:
            raise NotFound(f"没有编号为 {alert_id[:64]} 的告警")
        return alert

    def history(self, alert_id: str) -> list[Mapping[str, Any]]:
        """The alert's steps, oldest first."""
        self.get(alert_id)
        return self._store.history(alert_id)

    def list(
        self, state: str = "open", limit: int = 100, before: str | None = None, now: datetime | None = None
    ) -> list[Alert]:
        """Newest first; `before` is the id of the last alert of the page before. States: see `STATES`."""
        if state not in STATES:
            raise BadInput(f"state 不能是 {state[:40]!r};可用:{'、'.join(STATES)}")
        if not 1 <= limit <= 1_000:
            raise BadInput("limit 必须在 1 到 1000 之间")
        return self._store.find(states=STATES[state], limit=limit, before=before, at=now or self._clock())

    def acknowledge(self, alert_id: str, who: str, note: str, now: datetime) -> Alert:
        """Take notice. Again changes nothing (the first one stays); an ended alert raises `Conflict`."""
        alert = self.get(alert_id)
        state = state_of(alert, now)
        if state in OVER:
            raise Conflict(f"告警 {alert_id} 已结束,不能再确认")
        if alert.acknowledged_at is not None:
            return alert
        after = revised(alert, now, acknowledged_at=now, acknowledged_by=who)
        self._store.apply([AlertChange(after, "acknowledged", now, who, note[:1_000])])
        stored = self.get(alert_id)
        if stored.acknowledged_at is None:
            raise Conflict(f"告警 {alert_id} 刚刚结束,不能再确认")
        return stored

    def acknowledge_many(self, ids: Sequence[str], who: str, note: str, now: datetime) -> dict[str, str]:
        """Take notice of all of them in one transaction. Id → acknowledged, already, ended or unknown."""
        there = {alert.id: alert for alert in self._store.open_alerts()}
        fresh = {
            name: alert
            for name in dict.fromkeys(ids)
            if (alert := there.get(name)) and alert.acknowledged_at is None and not is_over(alert, now)
        }
        after = [revised(alert, now, acknowledged_at=now, acknowledged_by=who) for alert in fresh.values()]
        if after:
            self._store.apply([AlertChange(alert, "acknowledged", now, who, note[:1_000]) for alert in after])
        there = {alert.id: alert for alert in self._store.open_alerts()}
        return {name: self._outcome(name, there.get(name), name in fresh, who, now) for name in dict.fromkeys(ids)}

    def _outcome(self, name: str, alert: Alert | None, fresh: bool, who: str, now: datetime) -> str:
        if alert is None or is_over(alert, now):
            return "ended" if alert or self._store.get(name) else "unknown"
        return "acknowledged" if fresh and alert.acknowledged_by == who else "already"

    def shelve(self, alert_id: str, until: datetime, who: str, reason: str, now: datetime) -> Alert:
        """Put it aside for a time that its level limits. See `alerts.acts` for what raises."""
        return self._act(acts.shelve(self.get(alert_id), until, who, reason, self._handling, now))

    def unshelve(self, alert_id: str, who: str, reason: str, now: datetime) -> Alert:
        return self._act(acts.unshelve(self.get(alert_id), who, reason, now))

    def close(self, alert_id: str, who: str, reason: str, now: datetime) -> Alert:
        """Put it away; what a rule still sees raises `Conflict`."""
        history = self._store.history(alert_id)
        return self._act(acts.close(self.get(alert_id), who, reason, history, self._handling, now))

    def reopen(self, alert_id: str, who: str, reason: str, now: datetime) -> Alert:
        """Open again what was over; `Conflict` when its condition has another open alert meanwhile."""
        return self._act(acts.reopen(self.get(alert_id), who, reason, now))

    def _act(self, change: AlertChange) -> Alert:
        """Stored, or `Conflict` when somebody else was faster."""
        self._store.apply([change])
        stored = self.get(change.alert.id)
        names = OWNED[change.kind]
        if any(
            getattr(stored, name) != getattr(change.alert, name) for name in names if name.endswith(("_by", "_why"))
        ):
            raise Conflict(f"告警 {stored.id} 刚刚被别人改动,请看清现在的状态再做")
        return stored

    def link_incident(
        self, alert_ids: Sequence[str], incident_id: str, who: str, now: datetime, over: Sequence[str] = ()
    ) -> None:
        """Put alerts into an incident. One that is in another incident raises `Conflict`, and none is linked.

        `over` names the incidents that no longer count, because whoever keeps them knows that they are closed.
        """
        alerts = [self.get(alert_id) for alert_id in dict.fromkeys(alert_ids)]
        for alert in alerts:
            if alert.incident_id not in (None, incident_id, *over):
                raise Conflict(f"告警 {alert.id} 已属于事件 {alert.incident_id}")
        changes = [
            AlertChange(revised(alert, now, incident_id=incident_id), "linked", now, who, incident_id)
            for alert in alerts
            if alert.incident_id != incident_id
        ]
        if changes:
            self._store.apply(changes)

    def unlink_incident(self, alert_ids: Sequence[str], incident_id: str, who: str, why: str, now: datetime) -> None:
        """Take alerts out of an incident; those that are not in it stay as they are."""
        alerts = [self.get(alert_id) for alert_id in dict.fromkeys(alert_ids)]
        changes = [
            AlertChange(revised(alert, now, incident_id=None), "unlinked", now, who, f"{incident_id}:{why}")
            for alert in alerts
            if alert.incident_id == incident_id
        ]
        if changes:
            self._store.apply(changes)

    def as_of(self, at: datetime) -> "Sequence[Alert]":
        """The alerts that were open at a past moment, as they stood then, worst first."""
        return worst_first(self._store.as_of(at))

    def receive_cap(self, body: bytes, who: str, now: datetime) -> CapOutcome:
        """A CAP document. What is refused is kept among the rejects with its reason, then raised."""
        return self._receive(lambda: parse_cap(body, now), "cap", body.decode("utf-8", "backslashreplace"), who, now)

    def receive_json(self, payload: object, who: str, now: datetime) -> CapOutcome:
        """A warning in JSON with CAP's field names; the same rules and outcomes."""
        try:
            original = orjson.dumps(payload, default=str).decode()
        except (TypeError, ValueError):
            original = repr(payload)
        return self._receive(lambda: parse_json(payload, now), "alert-json", original, who, now)

    def _receive(
        self, parse: Callable[[], CapMessage], source: str, original: str, who: str, now: datetime
    ) -> CapOutcome:
        try:
            return self._take(parse(), who, now)
        except BadInput as error:
            self._rejects.add([Reject(source, 0, str(error)[:4_000], original[:4_000], now)])
            raise

    def _take(self, message: CapMessage, who: str, now: datetime) -> CapOutcome:
        codes = self._counties()
        fresh = [replace(alert, county=county_named(alert.place, codes)) for alert in to_alerts(message, now)]
        for attempt in range(_TRIES):
            outcome, alerts, changes = decide(message, fresh, self._store, who, now)
            try:
                if changes and self._originals is not None:
                    self._originals.keep(message.sender, message.identifier, document_bytes(message), now)
                if changes:
                    self._store.apply(changes)
                return CapOutcome(alerts[0].id, outcome, tuple(alert.id for alert in alerts))
            except Conflict:  # the same message came in by another door at the same moment
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError("unreachable")


def worst_first(alerts: Sequence[Alert]) -> "list[Alert]":
    """By level, then newest first."""
    return sorted(alerts, key=lambda alert: (-alert.level, -alert.fired_at.timestamp(), alert.id))
