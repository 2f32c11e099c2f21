"""What hangs on an incident: its notes, people, files and the incidents merged into it."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dispatch.incident_held import IncidentFile, Participant
from dispatch.model import Incident, to_plain
from dispatch.stores import LogEntry
from geodata.errors import Conflict, NotFound
from hub.database import Database
from hub.dispatch_incidents import family, read_incident, write_log
from hub.outbox import tell
from hub.tables.dispatch import INCIDENT_FILES, INCIDENT_PEOPLE, INCIDENTS

MB = 1_000_000


class PartRows:
    """Reading them, and adding to them with a line in the record and an event."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def parts_of(self, incident_id: str) -> list[Incident]:
        with self._database.read() as connection:
            return [read_incident(connection, part) for part in family(connection, incident_id)[1:]]

    def people_of(self, incident_id: str) -> list[Participant]:
        table = INCIDENT_PEOPLE.c
        query = sa.select(INCIDENT_PEOPLE).where(table.incident_id == incident_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(table.added_at, table.person_id)).all()
        return [Participant(row.person_id, row.role, row.added_at, row.added_by, row.left_at) for row in rows]

    def files_of(self, incident_id: str) -> list[IncidentFile]:
        table = INCIDENT_FILES.c
        query = sa.select(INCIDENT_FILES).where(table.incident_id == incident_id).order_by(table.added_at, table.id)
        with self._database.read() as connection:
            return [IncidentFile(**row._mapping) for row in connection.execute(query)]

    def note(self, incident_id: str, entry: LogEntry) -> None:
        with self._database.write() as connection:
            self._record(connection, incident_id, entry)

    def put_person(self, incident_id: str, person: Participant, entry: LogEntry) -> None:
        """There once; again changes the role, or that the person has left."""
        values = {name: getattr(person, name) for name in person.__dataclass_fields__}
        insert = self._database.insert(INCIDENT_PEOPLE).values(incident_id=incident_id, **values)
        changed = {"role": person.role, "left_at": person.left_at}
        with self._database.write() as connection:
            read_incident(connection, incident_id)
            connection.execute(insert.on_conflict_do_update(index_elements=["incident_id", "person_id"], set_=changed))
            self._record(connection, incident_id, entry)

    def add_file(self, file: IncidentFile, entry: LogEntry, most_bytes: int) -> IncidentFile:
        table = INCIDENT_FILES.c
        with self._database.write() as connection:
            lock = sa.select(INCIDENTS.c.status).where(INCIDENTS.c.id == file.incident_id)
            if connection.execute(lock.with_for_update(key_share=True)).scalar() is None:
                raise NotFound(f"没有事件 {file.incident_id[:40]};它可能写错了,请回到事件列表")
            same = sa.select(INCIDENT_FILES).where(table.incident_id == file.incident_id, table.sha256 == file.sha256)
            found = connection.execute(same).first()
            if found is not None:
                return IncidentFile(**found._mapping)
            total = sa.select(sa.func.coalesce(sa.func.sum(table.size), 0)).where(table.incident_id == file.incident_id)
            if connection.execute(total).scalar_one() + file.size > most_bytes:
                raise Conflict(f"本事件的附件合计不能超过 {most_bytes // MB} MB;请删去不需要的内容后再传")
            connection.execute(INCIDENT_FILES.insert().values(**_values(file)))
            self._record(connection, file.incident_id, entry)
            return file

    @staticmethod
    def _record(connection: Connection, incident_id: str, entry: LogEntry) -> None:
        incident = read_incident(connection, incident_id)
        write_log(connection, incident_id, entry)
        connection.execute(sa.update(INCIDENTS).where(INCIDENTS.c.id == incident_id).values(updated_at=entry.at))
        body = {"incident": to_plain(incident), "what": entry.kind}
        tell(connection, "incidents", "incident.updated", entry.at, body)


def _values(file: IncidentFile) -> dict[str, Any]:
    return {name: getattr(file, name) for name in file.__dataclass_fields__}
