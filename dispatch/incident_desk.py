"""The incident desk: everything an officer does with incidents beside opening and calling. Screens and API use it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from alerts.model import Alert
from dispatch.causes import CauseBook
from dispatch.handling import HandlingBook, Task, counted
from dispatch.incident_changes import Act, alerts_changed, merged, reason_of, reopened, revised, split
from dispatch.incident_files import FileDesk
from dispatch.incident_held import Change, Held, IncidentFile, IncidentKeeper, Participant
from dispatch.incident_steps import NOTE_CHARS, stepped
from dispatch.incidents import new_incident
from dispatch.model import Incident
from dispatch.plan_book import PlanBook
from dispatch.ports import AlertLookup, Roster
from dispatch.stores import LogEntry
from dispatch.suggest import Suggestion, suggest
from geodata.errors import BadInput, NotFound

ROLE_CHARS = 40


class IncidentDesk:
    """Changes are one transaction each. `alerts` looks one up, `open_alerts` gives those open at a moment."""

    def __init__(
        self,
        store: IncidentKeeper,
        alerts: AlertLookup,
        open_alerts: Callable[[datetime], Sequence[Alert]],
        incidents: Callable[[str | None, int], list[Incident]],
        roster: Roster,
        plans: PlanBook,
        book: HandlingBook,
        causes: CauseBook,
        files: FileDesk,
        drills_only: bool = False,
    ) -> None:
        self._store, self._alerts, self._open_alerts, self._incidents = store, alerts, open_alerts, incidents
        self._roster, self._plans, self.book, self._causes = roster, plans, book, causes
        self._drills_only = drills_only
        self.files = files

    def merge(self, incident_id: str, others: Sequence[str], reason: str, who: str, now: datetime) -> Incident:
        """The `others` end and become part of the incident."""
        wanted = [other for other in dict.fromkeys(others) if other != incident_id]
        if not wanted:
            raise BadInput("from 要写出要并入的其他事件编号")
        act = self._act(reason, who, now)
        return self._store.change([incident_id, *wanted], lambda held: merged(held[0], held[1:], act))[0]

    def split(
        self, incident_id: str, alert_ids: Sequence[str], reason: str, who: str, now: datetime, title: str | None = None
    ) -> Incident:
        """The named alerts leave for a new incident, which is handed back."""
        alerts = [self._alert(alert_id) for alert_id in dict.fromkeys(alert_ids)]
        if not alerts:
            raise BadInput("alert_ids 要写出要拆出的告警编号")
        wanted = new_incident(alerts, self._plans, who, now, title=title)
        act = self._act(reason, who, now)
        return self._store.change([incident_id], lambda held: split(held[0], wanted, act))[-1]

    def change_alerts(
        self, incident_id: str, add: Sequence[str], remove: Sequence[str], reason: str, who: str, now: datetime
    ) -> Incident:
        """Put alerts in or take them out."""
        alerts = [self._alert(alert_id) for alert_id in dict.fromkeys(add)]
        act = self._act(reason, who, now)
        gone = list(dict.fromkeys(remove))
        if not alerts and not gone:
            raise BadInput("add 或 remove 至少写一条告警")

        def decide(held: Sequence[Held]) -> list[Change]:
            return alerts_changed(held[0], act, alerts, gone, drills_only=self._drills_only)

        return self._store.change([incident_id], decide)[0]

    def revise(
        self,
        incident_id: str,
        reason: str,
        who: str,
        now: datetime,
        *,
        title: str | None = None,
        type: str | None = None,
        level: str | None = None,
    ) -> Incident:
        """Change title, type or level; open steps are drafted again, what was done stays."""
        act = self._act(reason, who, now)
        wanted = {"title": title, "type": type, "level": level}
        kinds = list(self._plans.plans)
        return self._store.change([incident_id], lambda held: revised(held[0], act, kinds, **wanted))[0]

    def reopen(self, incident_id: str, reason: str, who: str, now: datetime) -> Incident:
        """Open a closed incident again, with those of its alerts nobody else handles now."""
        act = self._act(reason, who, now)
        return self._store.change([incident_id], lambda held: reopened(held[0], act))[0]

    def step(self, incident_id: str, task_id: str, action: str, note: str, who: str, now: datetime) -> Incident:
        """`action`: done, undo or note."""
        act = Act(who, now, "", self.book)
        return self._store.change([incident_id], lambda held: stepped(held[0], task_id, action, note, act))[0]

    def note(self, incident_id: str, text: str, who: str, now: datetime) -> LogEntry:
        """A line in the record."""
        words = text.strip()
        if not words or len(words) > NOTE_CHARS:
            raise BadInput(f"记录内容要有 1–{NOTE_CHARS} 个字(text)")
        entry = LogEntry(now, who, "incident.note", words)
        self._store.note(incident_id, entry)
        return entry

    def attach(self, incident_id: str, name: str, body: bytes, note: str, who: str, now: datetime) -> IncidentFile:
        """Keep a file with the incident."""
        return self.files.attach(incident_id, name, body, note, who, now)

    def join(self, incident_id: str, person_id: str, role: str, who: str, now: datetime) -> Participant:
        """Somebody of the roster works on the incident from now on, in this role."""
        person, words = self._roster.get(person_id), " ".join(role.split())
        if person is None:
            raise NotFound(f"名录里没有人员 {person_id[:64]};请先在名录中添加")
        if not words or len(words) > ROLE_CHARS:
            raise BadInput(f"role 要写明担任什么,1–{ROLE_CHARS} 个字")
        entry = LogEntry(
            now, who, "person.joined", f"{person.unit}{person.name} 加入处置({words})", {"person": person_id}
        )
        made = Participant(person_id, words, now, who)
        self._store.put_person(incident_id, made, entry)
        return made

    def leave(self, incident_id: str, person_id: str, who: str, now: datetime) -> Participant:
        """Somebody has left; the record keeps that they were there."""
        found = next((one for one in self._store.people_of(incident_id) if one.person_id == person_id), None)
        if found is None:
            raise NotFound(f"事件 {incident_id[:40]} 里没有人员 {person_id[:64]}")
        if found.left_at is not None:
            return found
        made = Participant(person_id, found.role, found.added_at, found.added_by, now)
        person = self._roster.get(person_id)
        name = f"{person.unit}{person.name}" if person else person_id
        self._store.put_person(
            incident_id, made, LogEntry(now, who, "person.left", f"{name} 离开", {"person": person_id})
        )
        return made

    def tasks(self, incident_ids: Sequence[str]) -> dict[str, tuple[Task, ...]]:
        """Incident id → its steps in order."""
        return self._store.tasks_of(incident_ids)

    def counts(self, incident_ids: Sequence[str], now: datetime) -> dict[str, dict[str, int]]:
        """Incident id → `{"steps", "done", "overdue"}` at `now`."""
        tasks = self._store.tasks_of(incident_ids)
        return {incident_id: counted(tasks.get(incident_id, ()), now) for incident_id in incident_ids}

    def people(self, incident_id: str) -> list[dict[str, Any]]:
        """Who works on it, with name, title and unit from the roster."""
        return [self._named(one) for one in self._store.people_of(incident_id)]

    def parts(self, incident_id: str) -> list[Incident]:
        """The incidents merged into it."""
        return self._store.parts_of(incident_id)

    def alerts(self, incident: Incident) -> list[Alert]:
        """Its alerts that can still be read."""
        found = []
        for alert_id in incident.alert_ids:
            with suppress(NotFound):
                found.append(self._alert(alert_id))
        return found

    def reachable(self, limit: int = 500) -> list[dict[str, str]]:
        """People on duty, for choosing: id and how they are called."""
        found = [person for person in self._roster.all() if person.on_duty][:limit]
        return [{"id": one.id, "name": f"{one.unit} {one.name} {one.title}"} for one in found]

    def types(self) -> dict[str, str]:
        """Incident types and the titles of their plans."""
        return {key: plan.title for key, plan in self._plans.plans.items()}

    def suggestions(self, now: datetime) -> list[Suggestion]:
        """Which open alerts belong together, or to an open incident; nothing is changed."""
        return suggest(self._open_alerts(now), self._incidents("open", 1_000), now, self._causes)

    def _named(self, one: Participant) -> dict[str, Any]:
        person = self._roster.get(one.person_id)
        known: Mapping[str, str] = (
            {"name": person.name, "title": person.title, "unit": person.unit}
            if person
            else {"name": "(已不在名录中)", "title": "", "unit": ""}
        )
        return {**{name: getattr(one, name) for name in one.__dataclass_fields__}, **known}

    def _act(self, reason: str, who: str, now: datetime) -> Act:
        return Act(who, now, reason_of(reason), self.book)

    def _alert(self, alert_id: str) -> Alert:
        alert = self._alerts.get(alert_id)
        if alert is None:
            raise NotFound(f"没有告警 {alert_id[:64]};它可能写错了,请回到告警列表")
        return alert
