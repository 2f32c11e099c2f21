"""The dispatch room's store on SQLAlchemy Core: one class, three files."""

from hub.database import Database
from hub.dispatch_attempts import AttemptRows
from hub.dispatch_calls import CallRows
from hub.dispatch_incidents import IncidentRows


class DbDispatchStore(IncidentRows, CallRows, AttemptRows):
    """`dispatch.stores.DispatchStore`: every change and its outbox events are one transaction."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
