"""The dispatch desk: incidents, previews, the one key, the ledger, receipts. Screens and API use this class only."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from alerts.model import Alert
from dispatch.calling import new_call
from dispatch.handling import NO_HANDLING, HandlingBook, draft
from dispatch.incident_changes import Act, closed, reason_of
from dispatch.incidents import new_incident
from dispatch.model import Call, Incident, LedgerRow, Person, PlanPreview
from dispatch.notices import Notice, no_notice
from dispatch.plans import PlanBook
from dispatch.ports import AlertLookup, Channel, Roster, TeamFinder, TravelTimes
from dispatch.preview import PreviewMaker
from dispatch.receipts import Receipts
from dispatch.responsible import responsible
from dispatch.stores import DispatchStore, LogEntry
from dispatch.timeline import timeline_of
from geodata.errors import BadInput, Conflict, NotFound

PREVIEW_MINUTES = 15
KEY_CHARS = 128


class DispatchDesk:
    """One key. `receipt_url` makes the link for a token; `travel` None: no road data, and previews say so."""

    def __init__(
        self,
        store: DispatchStore,
        roster: Roster,
        plans: PlanBook,
        teams: TeamFinder,
        travel: TravelTimes | None,
        alerts: AlertLookup,
        channels: Mapping[str, Channel],
        receipt_url: Callable[[str], str],
        clock: Callable[[], datetime],
        drills_only: bool = False,
        handling: HandlingBook = NO_HANDLING,
        notice_of: Callable[[Incident], Notice | None] = no_notice,
    ) -> None:
        self._handling, self._notice_of = handling, notice_of
        self._drills_only = drills_only  # a demonstration: whatever is called is marked as a drill
        self._store, self._roster, self._plans, self._alerts = store, roster, plans, alerts
        self._channels, self._receipt_url, self._clock = channels, receipt_url, clock
        self._maker = PreviewMaker(roster, plans, teams, travel, channels)
        self._receipts = Receipts(store)

    def open_incident(
        self,
        alert_ids: Sequence[str],
        who: str,
        now: datetime,
        *,
        title: str | None = None,
        type: str | None = None,
        level: str | None = None,
        lon: float | None = None,
        lat: float | None = None,
        exercise: bool = False,
    ) -> Incident:
        """Open an incident, or give the open one that already handles one of the alerts; link the alerts to it."""
        alerts = [self._alert(alert_id) for alert_id in dict.fromkeys(alert_ids)]
        given = {"title": title, "type": type, "level": level, "lon": lon, "lat": lat}
        wanted = new_incident(alerts, self._plans, who, now, exercise=exercise or self._drills_only, **given)  # type: ignore[arg-type]
        entry = LogEntry(now, who, "incident.opened", f"开立事件:{wanted.title}", {"alert_ids": wanted.alert_ids})
        incident = self._store.open_incident(wanted, entry, draft(self._handling, wanted, (), now))
        self._link(alerts, incident, who, now)
        return incident

    def incident(self, incident_id: str) -> Incident:
        found = self._store.incident(incident_id)
        if found is None:
            raise NotFound(f"没有事件 {incident_id};它可能写错了,请回到事件列表")
        return found

    def incidents(self, status: str | None = "open", limit: int = 200) -> list[Incident]:
        """Newest first; `status` open, closed or None for all."""
        return self._store.incidents(status, limit)

    def timeline(self, incident_id: str) -> list[dict[str, Any]]:
        """Everything that happened, oldest first: `at, who, kind, text, detail`."""
        incident = self.incident(incident_id)
        return timeline_of(incident, self._store.log(incident_id), self._store.calls(incident_id, None), self._alerts)

    def close_incident(self, incident_id: str, who: str, now: datetime, reason: str = "") -> Incident:
        """End the handling: its active calls, and those of incidents merged into it, are stood down."""
        act = Act(who, now, reason_of(reason) if reason else "", self._handling)
        self.incident(incident_id)
        self._stand_down_all(incident_id, who, now)
        incident = self._store.change([incident_id], lambda held: closed(held[0], act))[0]
        self._stand_down_all(incident_id, who, now)  # one that began between the two
        return incident

    def preview(self, incident_id: str, who: str, now: datetime) -> PlanPreview:
        """What one key would do now. Kept for 15 minutes under its key: the call then does exactly this."""
        incident = self._open(incident_id)
        active = self._store.calls(incident_id, "active")
        notes = [f"本事件已有 {len(active)} 次进行中的叫应,再按会再次通知同一批人"] if active else []
        stored = self._maker.make(incident, self._alerts_of(incident), now, notes, self._notice_of(incident))
        self._store.save_preview(stored, now + timedelta(minutes=PREVIEW_MINUTES))
        text = f"查看预案:{stored.preview.plan_title}({stored.preview.level}级),{len(stored.preview.people)} 人"
        self._store.add_log(incident_id, LogEntry(now, who, "plan.previewed", text))
        return stored.preview

    def call(self, incident_id: str, idempotency_key: str, who: str, now: datetime) -> Call:
        """The one key. The same (incident, key) gives the same call; nothing is sent before everything is stored."""
        key = idempotency_key.strip()
        if not key or len(key) > KEY_CHARS or not key.isprintable():
            raise BadInput(f"缺少 Idempotency-Key 或它超过 {KEY_CHARS} 个字符;请先取预览,用预览里的键")
        earlier = self._store.call_by_key(incident_id, key)
        if earlier is not None:
            return earlier
        incident, note = self._open(incident_id), ""
        stored = self._store.preview(incident_id, key, now)
        if stored is None:
            stored = self._maker.make(incident, self._alerts_of(incident), now, [], self._notice_of(incident))
            note = "预览不存在或已过期,按当前名录重新计算"
        made = (stored, key, self._roster, self._channels, self._receipt_url, who, now, note)
        return self._store.start_call(new_call(*made, exercise=incident.exercise))[0]

    def ledger(self, call_id: str) -> Call:
        found = self._store.call(call_id)
        if found is None:
            raise NotFound(f"没有叫应 {call_id};它可能写错了,请回到事件查看")
        return found

    def calls(self, incident_id: str) -> list[Call]:
        """The incident's calls, newest first."""
        return self._store.calls(incident_id, None)

    def active_calls(self) -> list[Call]:
        """Calls not yet stood down, newest first."""
        return self._store.calls(None, "active")

    def stand_down(self, call_id: str, who: str, now: datetime) -> Call:
        """Stop the call: queued messages are dropped, links say it is over."""
        return self._store.stand_down(call_id, who, now)

    def recall_unanswered(self, call_id: str, who: str, now: datetime) -> Call:
        """Send once more to everybody who has not answered."""
        return self._store.recall_unanswered(call_id, who, now)

    def receipt(self, token: str) -> dict[str, Any]:
        """What a receipt link shows. `NotFound`: no such link; `Conflict`: expired."""
        return self._receipts.view(token, self._clock())

    def answer_receipt(self, token: str, action: str, now: datetime, via: str) -> LedgerRow:
        """`action`: confirmed, en_route or on_site. Again is harmless; states only go forward."""
        return self._receipts.answer(token, action, now, via)

    def tasks(self, username: str) -> list[dict[str, Any]]:
        """The signed-in person's own ledger rows with incident, place and state."""
        return self._receipts.tasks(username)

    def answer_task(self, row_id: str, username: str, action: str, now: datetime) -> LedgerRow:
        """Answer one's own row; `Forbidden` for another's."""
        return self._receipts.answer_task(row_id, username, action, now)

    def responsible_for(self, asset_id: str) -> list[Person]:
        """People on duty whose duties name the asset (or what the sensor of that id stands at), each one's deputy after
        them; who is off duty is left out, but not the deputy. Contacts are masked."""
        return responsible(self._roster.all(), {asset_id, self._maker.teams.asset_of(asset_id) or asset_id})

    @property
    def plans_approved(self) -> bool:
        """Whether the plans name what they were approved by; until then every level drawn from them is 未核定."""
        return bool(self._plans.source)

    def _stand_down_all(self, incident_id: str, who: str, now: datetime) -> None:
        for call in self._store.calls(incident_id, "active"):
            self._store.stand_down(call.id, who, now)

    def _link(self, alerts: Sequence[Alert], incident: Incident, who: str, now: datetime) -> None:
        """Let the alerts say who handles them now; one whose incident is still open elsewhere keeps that."""
        others = {alert.incident_id for alert in alerts if alert.incident_id not in (None, incident.id)}
        over = [key for key in others if key and self._is_over(key)]
        free = [alert.id for alert in alerts if alert.incident_id in (None, incident.id, *over)]
        with suppress(Conflict):
            if free:
                self._alerts.link_incident(free, incident.id, who, now, over)

    def _is_over(self, incident_id: str) -> bool:
        found = self._store.incident(incident_id)
        return found is None or found.status == "closed"

    def _open(self, incident_id: str) -> Incident:
        incident = self.incident(incident_id)
        if incident.merged_into:
            raise Conflict(f"事件已并入 {incident.merged_into},请在那个事件里叫应")
        if incident.status != "open":
            raise Conflict("事件已经结束,不能再叫应;如需叫应请重新开立事件")
        return incident

    def _alert(self, alert_id: str) -> Alert:
        alert = self._alerts.get(alert_id)
        if alert is None:
            raise NotFound(f"没有告警 {alert_id};它可能写错了,请回到告警列表")
        return alert

    def _alerts_of(self, incident: Incident) -> list[Alert]:
        """The incident's alerts that can still be read: one that is gone must not stop a call."""
        found = []
        for alert_id in incident.alert_ids:
            with suppress(NotFound):
                found.append(self._alert(alert_id))
        return found
