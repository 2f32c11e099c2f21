"""The handling of alerts over time, over the database."""

import time
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from alerts.handling import Handling
from alerts.inhibition import Inhibition
from alerts.ports import AlertStore
from alerts.upkeep import Surroundings, Upkeep
from hub.database import Database
from hub.silence_store import DbSilenceStore
from hub.tables.dispatch import INCIDENTS


def build_upkeep(
    database: Database, store: AlertStore, handling: Handling, inhibitions: Callable[[], Sequence[Inhibition]]
) -> Upkeep:
    """One engine's upkeep."""
    around = Surroundings(DbSilenceStore(database), inhibitions, lambda: open_incidents(database), steady_s)
    return Upkeep(store, handling, around)


def open_incidents(database: Database) -> list[str]:
    """Ids of the incidents that are not closed."""
    with database.read() as connection:
        return list(connection.execute(sa.select(INCIDENTS.c.id).where(INCIDENTS.c.status != "closed")).scalars())


def steady_s() -> float:
    """Seconds that go on while the machine sleeps and do not jump when its clock is set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
