"""A dispatch desk on a real store, with people, alerts and a gateway in memory: shared by the room's tests."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from alerts.model import Alert, Level
from dispatch.desk import DispatchDesk
from dispatch.model import Person
from dispatch.plans import load_plans
from dispatch.ports import Channel, Message, SendResult
from dispatch.worker import CallWorker
from geodata.errors import Conflict
from hub.database import Database, metadata
from hub.dispatch_store import DbDispatchStore
from hub.outbox import OUTBOX
from hub.roster_store import DbRoster

T0 = datetime(2026, 8, 14, 2, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


def later(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


class Alerts:
    """Two alerts of one place, and one far away."""

    def __init__(self) -> None:
        base = Alert("A1", "k1", "rule", "积水", "积水 0.31 米", Level.BLUE, "蓝", "Actual", T0, T0, T0)
        base = replace(base, sensor="s1", lon=118.32, lat=35.06, place="示例下穿")
        self.items = {"A1": base, "A2": replace(base, id="A2"), "A3": replace(base, id="A3", status="Exercise")}
        self.linked: list[tuple[tuple[str, ...], str]] = []

    def get(self, alert_id: str) -> Alert | None:
        return self.items.get(alert_id)

    def link_incident(
        self, alert_ids: Sequence[str], incident_id: str, who: str, now: datetime, over: Sequence[str] = ()
    ) -> None:
        self.linked.append((tuple(alert_ids), incident_id))
        for alert_id in alert_ids:  # as alerts.desk.AlertDesk does
            if self.items[alert_id].incident_id not in (None, incident_id, *over):
                raise Conflict(f"预警 {alert_id} 已属于别的事件")
            self.items[alert_id] = replace(self.items[alert_id], incident_id=incident_id)


class NoTeams:
    def teams_near(self, lon: float, lat: float, limit: int) -> list[Any]:
        return []

    def county_at(self, lon: float, lat: float) -> str:
        return "371302"

    def asset_of(self, sensor: str) -> str:
        return "up-1"


class Phone:
    """A gateway in memory: what it took, by attempt id; `fault` may raise or refuse."""

    def __init__(self) -> None:
        self.took: list[Message] = []
        self.fault: Callable[[Message], SendResult | None] = lambda message: None

    def send(self, message: Message) -> SendResult:
        refused = self.fault(message)
        if refused is not None:
            return refused
        self.took.append(message)
        return SendResult(True, "网关已接收")


def people(count: int = 6) -> list[Person]:
    """The first one is named for the place; each one's deputy is the next; the last has none."""
    made = [
        Person(
            id=f"p{n}",
            name=f"示例{n}",
            title="巡查",
            unit="示例区城管",
            unit_code="371302",
            roles=("城管",),
            contacts={"webhook": f"000-{n:04d}", "email": f"p{n}@example.invalid"},
            deputy_id=f"p{n + 1}" if n < count else None,
            duties=("up-1",) if n == 1 else (),
            username="field" if n == 1 else None,
        )
        for n in range(1, count + 1)
    ]
    return made


class House:
    """A desk, a store, a roster and a gateway on one empty database."""

    def __init__(self, database_url: str) -> None:
        self.database, self.alerts, self.phone = Database(database_url), Alerts(), Phone()
        metadata.create_all(self.database.engine)
        self.store, self.roster = DbDispatchStore(self.database), DbRoster(self.database)
        self.roster.upsert(people())
        # the same gateway twice: two channels
        self.channels = {key: Channel(key, key, True, self.phone.send, timeout_s=5.0) for key in ("webhook", "email")}
        self.desk = DispatchDesk(
            self.store,
            self.roster,
            load_plans(ROOT / "dispatch/plans.yaml"),
            NoTeams(),
            None,
            self.alerts,
            self.channels,
            lambda token: f"http://city.invalid/r/{token}",
            lambda: T0,
        )

    def worker(self, name: str = "w1") -> CallWorker:
        return CallWorker(self.store, self.channels, name, lambda: T0)

    def started(self) -> Any:
        incident = self.desk.open_incident(["A1"], "duty", T0)
        preview = self.desk.preview(incident.id, "duty", T0)
        return self.desk.call(incident.id, preview.idempotency_key, "duty", T0)

    def count(self, table: sa.Table) -> int:
        with self.database.read() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        with self.database.read() as connection:
            rows = connection.execute(sa.select(OUTBOX.c.kind, OUTBOX.c.body).order_by(OUTBOX.c.seq))
            return [(row.kind, orjson.loads(row.body)) for row in rows]


def at_once(count: int, do: Callable[[int], Any]) -> list[Any]:
    """`do(0..count-1)` in threads that start together; what each returned or raised."""
    gate, results = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        gate.wait(10)
        try:
            results[number] = do(number)
        except Exception as error:
            results[number] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results
