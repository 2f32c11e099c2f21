"""The open alerts in memory are those of the table, whoever writes, at every moment."""

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.model import Alert, AlertChange, Level, revised
from hub import open_alerts
from hub.alert_store import DbAlertStore
from hub.database import Database
from hub.open_alerts import CachedAlertStore

NOW = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)


def alert(number: int, run: int) -> Alert:
    return Alert(
        id=f"AL{run:03}{number:05}", dedup_key=f"rule:r:{run}:{number}", source="rule", event="积水", headline="积水",
        level=Level.YELLOW, native_level="慢行", status="Actual", onset_at=NOW, fired_at=NOW, updated_at=NOW,
    )  # fmt: skip


def by_id(alerts: list[Alert]) -> dict[str, Alert]:
    return {one.id: one for one in alerts}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.tuples(st.sampled_from(["fire", "ack", "level", "end", "look"]), st.integers(0, 5)), max_size=25)
)
def test_memory_is_the_table(database: Database, steps: list[tuple[str, int]]) -> None:
    writer, reader = DbAlertStore(database), CachedAlertStore(database)
    run = len(writer.find(states=["firing", "acknowledged", "resolved"], limit=100_000, before=None, at=NOW))
    open_now: dict[int, Alert] = {}
    serial = 0
    for at, (step, number) in enumerate(steps):
        moment = NOW + timedelta(seconds=at)
        if step == "fire" and number not in open_now:
            serial += 1
            open_now[number] = alert(number * 1000 + serial, run)
            writer.apply([AlertChange(open_now[number], "fired", moment, "engine")])
        elif step == "ack" and number in open_now:
            seen = revised(open_now[number], moment, acknowledged_at=moment, acknowledged_by="duty")
            writer.apply([AlertChange(seen, "acknowledged", moment, "duty")])
        elif step == "level" and number in open_now:
            worse = revised(open_now[number], moment, level=Level.RED)
            writer.apply([AlertChange(worse, "level", moment, "engine")])
        elif step == "end" and number in open_now:
            over = revised(open_now.pop(number), moment, resolved_at=moment, resolved_why="回落")
            writer.apply([AlertChange(over, "resolved", moment, "engine")])
        elif step == "look":
            assert by_id(reader.open_alerts()) == by_id(writer.open_alerts())
    assert by_id(reader.open_alerts()) == by_id(writer.open_alerts())


def test_after_many_events_it_reads_the_table_again(database: Database, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(open_alerts, "TOO_MANY", 3)
    writer, reader = DbAlertStore(database), CachedAlertStore(database)
    assert reader.open_alerts() == []
    for number in range(8):
        writer.apply([AlertChange(alert(number, 900), "fired", NOW, "engine")])
    assert len(reader.open_alerts()) == 8
    assert by_id(reader.open_alerts()) == by_id(writer.open_alerts())
