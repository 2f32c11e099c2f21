"""Changes of incidents in the database: lock, ask, write, all in one transaction with its record and events."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dispatch.handling import Task
from dispatch.incident_held import Change, Decide, Held
from dispatch.model import Incident, to_plain
from geodata.errors import Conflict, NotFound
from hub.database import Database
from hub.dispatch_incidents import find_incident, lock_incidents, write_log
from hub.incident_links import link_alerts
from hub.incident_parts import PartRows
from hub.outbox import tell
from hub.tables.dispatch import INCIDENT_ALERTS, INCIDENT_FILES, INCIDENT_PEOPLE, INCIDENT_TASKS, INCIDENTS


class DbIncidentStore(PartRows):
    """`dispatch.incident_held.IncidentKeeper` on SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)

    def change(self, incident_ids: Sequence[str], decide: Decide) -> list[Incident]:
        wanted = list(dict.fromkeys(incident_ids))
        with self._database.write() as connection:
            lock_incidents(connection, wanted)
            held = [_held(connection, incident_id) for incident_id in wanted]
            before = {one.incident.id: one for one in held}
            changes = list(decide(held))
            if changes:
                self._write(connection, before, changes)
            after = {change.incident.id: change.incident for change in changes}
            made = [change.incident for change in changes if change.incident.id not in before]
            return [after.get(one.incident.id, one.incident) for one in held] + made

    def tasks_of(self, incident_ids: Sequence[str]) -> dict[str, tuple[Task, ...]]:
        with self._database.read() as connection:
            return read_tasks(connection, incident_ids)

    def _write(self, connection: Connection, before: Mapping[str, Held], changes: Sequence[Change]) -> None:
        """Row locks first, events last: writers queue at the outbox, and who waits there must hold all it needs."""
        for change in changes:
            _write_incident(connection, change.incident, is_new=change.incident.id not in before)
        moved = self._write_alerts(connection, before, changes)
        _write_tasks(connection, before, changes)
        for change in changes:
            for source in change.takes_from:
                self._take_over(connection, change.incident.id, source)
            write_log(connection, change.incident.id, change.entry)
        first = changes[0].entry
        link_alerts(self._database, connection, moved, first.who, first.at)
        for change in changes:
            body = {"incident": to_plain(change.incident), "what": change.entry.kind}
            tell(connection, "incidents", change.kind, change.entry.at, body)

    def _write_alerts(
        self, connection: Connection, before: Mapping[str, Held], changes: Sequence[Change]
    ) -> dict[str, str | None]:
        """Let go first, then hold; alert id → the incident it is in now, None when in none."""
        moved: dict[str, str | None] = {}
        for change in changes:
            old = before[change.incident.id].incident.alert_ids if change.incident.id in before else ()
            gone = sorted(set(old) - set(change.incident.alert_ids))
            moved |= dict.fromkeys(gone)
            mine = INCIDENT_ALERTS.c.incident_id == change.incident.id
            if gone:
                connection.execute(sa.delete(INCIDENT_ALERTS).where(mine, INCIDENT_ALERTS.c.alert_id.in_(gone)))
            if change.incident.status == "closed":
                connection.execute(sa.update(INCIDENT_ALERTS).where(mine).values(is_open=False))
        for alert_id, incident_id in sorted(
            (alert_id, change.incident.id)
            for change in changes
            if change.incident.status == "open"
            for alert_id in change.incident.alert_ids
        ):
            if self._hold_one(connection, alert_id, incident_id):
                moved[alert_id] = incident_id
        return moved

    def _hold_one(self, connection: Connection, alert_id: str, incident_id: str) -> bool:
        """Whether this made the alert the incident's; `Conflict` when another open incident has it.

        The insert waits for a rival transaction that holds the same alert, so what is read next is committed.
        """
        insert = self._database.insert(INCIDENT_ALERTS).on_conflict_do_nothing()
        row = insert.values(incident_id=incident_id, alert_id=alert_id, is_open=True)
        if connection.execute(row.returning(INCIDENT_ALERTS.c.alert_id)).scalar() is not None:
            return True
        holder = _holder(connection, alert_id)
        if holder == incident_id:
            return False
        if holder is not None:
            raise Conflict(f"告警 {alert_id} 已属于另一个未结束的事件 {holder};请先把它移出,或合并两个事件")
        mine = sa.and_(INCIDENT_ALERTS.c.incident_id == incident_id, INCIDENT_ALERTS.c.alert_id == alert_id)
        try:
            with connection.begin_nested():
                connection.execute(sa.update(INCIDENT_ALERTS).where(mine).values(is_open=True))
        except sa.exc.IntegrityError:
            raise Conflict(f"告警 {alert_id} 刚刚归入另一个事件;请刷新后再试") from None
        return True

    @staticmethod
    def _take_over(connection: Connection, incident_id: str, source: str) -> None:
        """Files and people of a merged incident; what the other has already stays where it is."""
        files, people = INCIDENT_FILES.c, INCIDENT_PEOPLE.c
        have = sa.select(files.sha256).where(files.incident_id == incident_id)
        there = connection.execute(have).scalars().all()
        change = sa.update(INCIDENT_FILES).where(files.incident_id == source, files.sha256.not_in(there))
        connection.execute(change.values(incident_id=incident_id))
        known = connection.execute(sa.select(people.person_id).where(people.incident_id == incident_id)).scalars().all()
        moving = sa.update(INCIDENT_PEOPLE).where(people.incident_id == source, people.person_id.not_in(known))
        connection.execute(moving.values(incident_id=incident_id))


def _held(connection: Connection, incident_id: str) -> Held:
    incident = find_incident(connection, incident_id)
    if incident is None:
        raise NotFound(f"没有事件 {incident_id[:40]};它可能写错了,请回到事件列表")
    elsewhere = {}
    if incident.alert_ids:
        table = INCIDENT_ALERTS.c
        query = sa.select(table.alert_id, table.incident_id).where(
            table.alert_id.in_(incident.alert_ids), table.is_open.is_(True), table.incident_id != incident_id
        )
        elsewhere = {row.alert_id: row.incident_id for row in connection.execute(query)}
    return Held(incident, read_tasks(connection, [incident_id]).get(incident_id, ()), elsewhere)


def _holder(connection: Connection, alert_id: str) -> str | None:
    table = INCIDENT_ALERTS.c
    query = sa.select(table.incident_id).where(table.alert_id == alert_id, table.is_open.is_(True))
    found: str | None = connection.execute(query).scalar()
    return found


def _write_incident(connection: Connection, incident: Incident, *, is_new: bool) -> None:
    values = {name: getattr(incident, name) for name in incident.__dataclass_fields__ if name != "alert_ids"}
    if is_new:
        connection.execute(INCIDENTS.insert().values(**values))
        return
    connection.execute(sa.update(INCIDENTS).where(INCIDENTS.c.id == incident.id).values(**values))


def read_tasks(connection: Connection, incident_ids: Sequence[str]) -> dict[str, tuple[Task, ...]]:
    """Incident id → its tasks in order."""
    found: dict[str, list[Task]] = {}
    query = sa.select(INCIDENT_TASKS).where(INCIDENT_TASKS.c.incident_id.in_(list(incident_ids)))
    for row in connection.execute(query.order_by(INCIDENT_TASKS.c.step_no, INCIDENT_TASKS.c.key)):
        found.setdefault(row.incident_id, []).append(Task(**row._mapping))
    return {key: tuple(tasks) for key, tasks in found.items()}


def _write_tasks(connection: Connection, before: Mapping[str, Held], changes: Sequence[Change]) -> None:
    """Tasks keep their id when they move with a merger."""
    old = {
        task.id: task for change in changes if change.incident.id in before for task in before[change.incident.id].tasks
    }
    new = {task.id: task for change in changes for task in change.tasks}
    gone = sorted(old.keys() - new.keys())
    if gone:
        connection.execute(sa.delete(INCIDENT_TASKS).where(INCIDENT_TASKS.c.id.in_(gone)))
    for task_id in sorted(new.keys() & old.keys()):
        if new[task_id] != old[task_id]:
            values = _task_values(new[task_id])
            connection.execute(sa.update(INCIDENT_TASKS).where(INCIDENT_TASKS.c.id == task_id).values(**values))
    insert_tasks(connection, [new[task_id] for task_id in sorted(new.keys() - old.keys())])


def insert_tasks(connection: Connection, tasks: Sequence[Task]) -> None:
    """Add drafted steps in the caller's transaction."""
    if tasks:
        connection.execute(INCIDENT_TASKS.insert(), [_task_values(task) for task in tasks])


def _task_values(task: Task) -> dict[str, Any]:
    return {name: getattr(task, name) for name in task.__dataclass_fields__}
