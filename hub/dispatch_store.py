"""The dispatch room's store on SQLAlchemy Core: one class, five files."""

from hub.database import Database
from hub.dispatch_attempts import AttemptRows
from hub.dispatch_calls import CallRows
from hub.dispatch_incidents import IncidentRows
from hub.incident_store import DbIncidentStore


class DbDispatchStore(IncidentRows, CallRows, AttemptRows, DbIncidentStore):
    """`dispatch.stores.DispatchStore`: every change and its outbox events are one transaction."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
