"""Merge, split, alerts, levels, steps, people, files: the same on SQLite and PostgreSQL, under threads too."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alerts.model import Alert, AlertChange
from dispatch.causes import load_causes
from dispatch.handling_read import load_handling
from dispatch.incident_desk import IncidentDesk
from dispatch.incident_files import FileDesk
from dispatch.model import Incident
from dispatch.plans import load_plans
from geodata.errors import BadInput, Conflict, NotFound
from hub.alert_store import DbAlertStore
from hub.blob_store import FolderBlobs
from hub.tables.dispatch import INCIDENT_ALERTS, INCIDENT_TASKS, INCIDENTS
from tests.dispatch.house import ROOT, T0, Alerts, House, at_once, later

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100
WHY = "测试"


class StoredAlerts(Alerts):
    """The house's alerts, kept in the database as well, so that who handles them can be read there."""

    def __init__(self, store: DbAlertStore, count: int = 12) -> None:
        super().__init__()
        base = self.items["A1"]
        for n in range(1, count + 1):
            alert_id = f"A{n}"
            known = self.items.get(alert_id, replace(base, id=alert_id))
            self.items[alert_id] = replace(known, dedup_key=f"k{n}")
        self._store = store
        store.apply([AlertChange(alert, "fired", T0, "engine") for alert in self.items.values()])

    def get(self, alert_id: str) -> Alert | None:
        return self._store.get(alert_id)

    def link_incident(self, alert_ids: Any, incident_id: str, who: str, now: Any, over: Any = ()) -> None:
        self._store.apply(
            [
                AlertChange(replace(self._store.get(one), incident_id=incident_id), "linked", now, who, incident_id)
                for one in alert_ids
            ]
        )


class Room(House):
    """The house with an incident desk."""

    def __init__(self, database_url: str, folder: Path) -> None:
        super().__init__(database_url)
        self.alerts = StoredAlerts(DbAlertStore(self.database))
        self.book = load_handling(ROOT / "dispatch/handling.yaml")
        self.desk._alerts, self.desk._handling = self.alerts, self.book
        files = FileDesk(self.store, FolderBlobs(folder), 1_000, 1_500)
        self.incidents = IncidentDesk(
            self.store, self.alerts, lambda now: [one for one in map(self.alerts.get, self.alerts.items) if one],
            self.desk.incidents, self.roster, load_plans(ROOT / "dispatch/plans.yaml"), self.book,
            load_causes(ROOT / "dispatch/causes.yaml"), files,
        )  # fmt: skip

    def opened(self, *alert_ids: str, **more: Any) -> Incident:
        return self.desk.open_incident(list(alert_ids), "duty", T0, **more)

    def incident_of(self, alert_id: str) -> str | None:
        found = self.alerts.get(alert_id)
        return found.incident_id if found else None

    def held(self) -> dict[str, list[str]]:
        """Alert id → the open incidents that have it; the promise is one at most."""
        query = sa.select(INCIDENT_ALERTS.c.alert_id, INCIDENT_ALERTS.c.incident_id).join(
            INCIDENTS, INCIDENTS.c.id == INCIDENT_ALERTS.c.incident_id
        )
        found: dict[str, list[str]] = {}
        with self.database.read() as connection:
            for row in connection.execute(query.where(INCIDENTS.c.status == "open")):
                found.setdefault(row.alert_id, []).append(row.incident_id)
        return found

    def step(self, incident_id: str, key: str) -> Any:
        return next(task for task in self.incidents.tasks([incident_id])[incident_id] if task.key == key)


@pytest.fixture
def room(database_url: str, tmp_path: Path) -> Iterator[Room]:
    made = Room(database_url, tmp_path / "blobs")
    yield made
    made.database.close()


def test_merging_moves_alerts_steps_files_and_people(room: Room) -> None:
    one, two = room.opened("A1"), room.opened("A2", "A4")
    room.incidents.files.attach(two.id, "现场.png", PNG, "", "duty", later(5))
    room.incidents.join(two.id, "p1", "现场指挥", "duty", later(6))
    room.incidents.note(two.id, "水还在涨", "duty", later(7))
    call = room.desk.call(two.id, room.desk.preview(two.id, "duty", later(8)).idempotency_key, "duty", later(9))
    merged = room.incidents.merge(one.id, [two.id], WHY, "duty", later(60))
    assert merged.alert_ids == ("A1", "A2", "A4")
    assert {room.incident_of(alert_id) for alert_id in merged.alert_ids} == {one.id}
    gone = room.desk.incident(two.id)
    assert (gone.status, gone.merged_into, gone.alert_ids) == ("closed", one.id, ())
    assert [file.name for file in room.incidents.files.all(one.id)] == ["现场.png"]
    assert [person["name"] for person in room.incidents.people(one.id)] == ["示例1"]
    assert "水还在涨" in [line["text"] for line in room.desk.timeline(one.id)]
    assert [found.id for found in room.desk.calls(one.id)] == [call.id]
    assert [part.id for part in room.incidents.parts(one.id)] == [two.id]
    kinds = [kind for kind, body in room.events() if body.get("what") == "incident.merged"]
    assert kinds == ["incident.updated", "incident.closed"]
    with pytest.raises(Conflict, match=one.id):
        room.desk.call(two.id, "late", "duty", later(70))
    room.desk.close_incident(one.id, "duty", later(80), "水退了")
    assert room.desk.ledger(call.id).status == "done", "the merged one's call ends with the one it went into"


def test_a_merged_incident_keeps_open_steps_once(room: Room) -> None:
    one, two = room.opened("A1"), room.opened("A2", type="flood")
    room.incidents.step(one.id, room.step(one.id, "verify").id, "done", "", "duty", later(30))
    room.incidents.merge(one.id, [two.id], WHY, "duty", later(60))
    keys = [task.key for task in room.incidents.tasks([one.id])[one.id]]
    assert len(keys) == len(set(keys))
    assert {"patrol+1", "verify+1"} <= set(keys), "what the other still had to do is not lost"
    assert room.step(one.id, "verify").done_by == "duty"
    assert room.incidents.tasks([two.id]).get(two.id, ()) == ()


def test_merging_mixes_no_drill_and_no_closed_incident(room: Room) -> None:
    one, drill = room.opened("A1"), room.opened("A3")
    with pytest.raises(Conflict, match="演练"):
        room.incidents.merge(one.id, [drill.id], WHY, "duty", later(1))
    with pytest.raises(Conflict, match="演练"):
        room.incidents.change_alerts(one.id, ["A3"], [], WHY, "duty", later(1))
    two = room.opened("A2")
    room.desk.close_incident(two.id, "duty", later(2))
    with pytest.raises(Conflict, match="结束"):
        room.incidents.merge(one.id, [two.id], WHY, "duty", later(3))
    with pytest.raises(BadInput):
        room.incidents.merge(one.id, [one.id], WHY, "duty", later(3))
    with pytest.raises(BadInput, match="理由"):
        room.incidents.merge(one.id, [drill.id], " ", "duty", later(3))
    with pytest.raises(NotFound):
        room.incidents.merge(one.id, ["INC-NONE"], WHY, "duty", later(3))


def test_splitting_makes_a_second_incident(room: Room) -> None:
    one = room.opened("A1", "A2", "A4")
    made = room.incidents.split(one.id, ["A2"], WHY, "duty", later(60), title="另一处积水")
    assert made.alert_ids == ("A2",)
    assert made.title == "另一处积水"
    assert room.desk.incident(one.id).alert_ids == ("A1", "A4")
    assert room.incident_of("A2") == made.id
    assert room.step(made.id, "verify").due_at == later(60 + 20 * 60)
    for wrong in (["A1", "A4"], ["A2"]):
        with pytest.raises((BadInput, NotFound)):
            room.incidents.split(one.id, wrong, WHY, "duty", later(70))


def test_alerts_come_and_go(room: Room) -> None:
    one, two = room.opened("A1"), room.opened("A2")
    assert room.incidents.change_alerts(one.id, ["A4"], [], WHY, "duty", later(1)).alert_ids == ("A1", "A4")
    with pytest.raises(Conflict, match=two.id):
        room.incidents.change_alerts(one.id, ["A2", "A5"], [], WHY, "duty", later(2))
    assert room.incident_of("A5") is None, "all or nothing"
    assert room.incidents.change_alerts(one.id, [], ["A4"], WHY, "duty", later(3)).alert_ids == ("A1",)
    assert room.incident_of("A4") is None
    history = DbAlertStore(room.database).history("A4")
    assert [(step["kind"], step["who"]) for step in history][1:] == [("linked", "duty"), ("unlinked", "duty")]
    assert room.incidents.change_alerts(two.id, ["A4"], [], WHY, "duty", later(4)).alert_ids == ("A2", "A4")


def test_level_and_type_draft_the_open_steps_again(room: Room) -> None:
    one = room.opened("A1")
    assert one.level == "Ⅳ"
    done = room.step(one.id, "verify")
    room.incidents.step(one.id, done.id, "done", "电话核实", "duty", later(300))
    room.incidents.revise(one.id, "水深上涨", "duty", later(600), level="Ⅱ")
    after = {task.key: task for task in room.incidents.tasks([one.id])[one.id]}
    assert after["verify"].done_at == later(300)
    assert after["verify"].note == "电话核实"
    assert after["verify"].due_at == done.due_at, "a done step keeps the deadline it was measured by"
    assert after["close_road"].due_at == later(300 + 20 * 60), "counts from the step before"
    assert after["call"].due_at == later(10 * 60)
    assert "report" in after
    room.incidents.revise(one.id, "降级", "duty", later(700), level="Ⅳ", title="新标题")
    assert {"close_road", "report"}.isdisjoint(task.key for task in room.incidents.tasks([one.id])[one.id])
    texts = [line["text"] for line in room.desk.timeline(one.id)]
    assert any("级别由 Ⅳ 改为 Ⅱ" in text and "水深上涨" in text for text in texts)
    with pytest.raises(BadInput, match="类型"):
        room.incidents.revise(one.id, WHY, "duty", later(800), type="none")


def test_steps_are_done_taken_back_and_late(room: Room) -> None:
    one = room.opened("A1")
    task = room.step(one.id, "verify")
    assert room.incidents.counts([one.id], later(60))[one.id]["overdue"] == 0
    assert room.incidents.counts([one.id], later(31 * 60))[one.id] == {"steps": 7 - 1, "done": 0, "overdue": 2}
    room.incidents.step(one.id, task.id, "done", "", "duty", later(25 * 60))
    room.incidents.step(one.id, task.id, "done", "", "other", later(26 * 60))
    assert room.step(one.id, "verify").done_by == "duty"
    assert any("超时 5 分钟" in line["text"] for line in room.desk.timeline(one.id))
    with pytest.raises(BadInput):
        room.incidents.step(one.id, task.id, "undo", "", "duty", later(27 * 60))
    room.incidents.step(one.id, task.id, "undo", "按错了", "duty", later(27 * 60))
    assert room.step(one.id, "verify").done_at is None
    with pytest.raises(NotFound):
        room.incidents.step(one.id, "TSK-NONE", "done", "", "duty", later(28 * 60))


def test_closing_and_reopening(room: Room) -> None:
    one = room.opened("A1", "A2")
    closed = room.desk.close_incident(one.id, "duty", later(60), "水退了")
    assert (closed.status, closed.closed_why) == ("closed", "水退了")
    assert room.desk.close_incident(one.id, "duty", later(61), "又一次").closed_why == "水退了"
    two = room.opened("A2")
    again = room.incidents.reopen(one.id, "又涨了", "duty", later(90))
    assert (again.status, again.closed_at, again.alert_ids) == ("open", None, ("A1",))
    assert room.held() == {"A1": [one.id], "A2": [two.id]}
    assert any("1 条告警已在别的事件里处置" in line["text"] for line in room.desk.timeline(one.id))
    room.incidents.merge(one.id, [two.id], WHY, "duty", later(95))
    with pytest.raises(Conflict, match="并入"):
        room.incidents.reopen(two.id, WHY, "duty", later(99))


def test_files_are_kept_once_and_within_limits(room: Room) -> None:
    one = room.opened("A1")
    desk = room.incidents.files
    first = desk.attach(one.id, "../../etc/现场.png", PNG, "路口", "duty", later(1))
    assert first.name == "现场.png"
    assert desk.attach(one.id, "again.png", PNG, "", "duty", later(2)) == first
    assert desk.read(one.id, first.id) == (first, PNG)
    with pytest.raises(BadInput, match="最大"):
        desk.attach(one.id, "big.png", PNG + b"0" * 1_000, "", "duty", later(3))
    desk.attach(one.id, "two.png", PNG + b"0" * 850, "", "duty", later(3))
    with pytest.raises(Conflict, match="合计"):
        desk.attach(one.id, "three.png", PNG + b"1" * 800, "", "duty", later(3))
    with pytest.raises(NotFound):
        desk.read(one.id, "../../etc/passwd")
    with pytest.raises(NotFound):
        desk.attach("INC-NONE", "a.png", PNG, "", "duty", later(3))


def test_one_alert_is_never_in_two_open_incidents(room: Room) -> None:
    """Officers merge, split, move, close and reopen at once; whatever is refused, the promise holds after it."""
    for n in range(1, 9):
        if n != 3:
            room.opened(f"A{n}")
    alert_ids = [f"A{n}" for n in range(1, 13) if n != 3]

    def officer(number: int) -> int:
        chance, done = random.Random(number), 0
        for turn in range(8):
            now, name = later(number * 100 + turn), f"officer{number}"
            open_now = room.desk.incidents("open")
            one, two = chance.choice(open_now), chance.choice(open_now)
            some = chance.sample(alert_ids, 2)
            works = (
                lambda: room.incidents.merge(one.id, [two.id], WHY, name, now),  # noqa: B023
                lambda: room.incidents.split(one.id, list(one.alert_ids[:1]), WHY, name, now),  # noqa: B023
                lambda: room.incidents.change_alerts(one.id, some[:1], [], WHY, name, now),  # noqa: B023
                lambda: room.incidents.change_alerts(one.id, [], list(one.alert_ids[:1]), WHY, name, now),  # noqa: B023
                lambda: room.desk.open_incident(some, name, now),  # noqa: B023
                lambda: room.incidents.reopen(two.id, WHY, name, now),  # noqa: B023
            )
            try:
                chance.choice(works)()
                done += 1
            except (BadInput, Conflict, NotFound):
                continue
        return done

    results = at_once(6, officer)
    assert all(isinstance(done, int) for done in results), results
    assert sum(results) > 10
    held = room.held()
    assert all(len(incidents) == 1 for incidents in held.values()), held
    for incident in room.desk.incidents("open"):
        assert {held[alert_id][0] for alert_id in incident.alert_ids} <= {incident.id}
    with room.database.read() as connection:
        stray = (
            sa.select(sa.func.count())
            .select_from(INCIDENT_TASKS.join(INCIDENTS))
            .where(INCIDENTS.c.merged_into.is_not(None), INCIDENT_TASKS.c.done_at.is_(None))
        )
        assert connection.execute(stray).scalar_one() == 0


def test_two_mergers_crossing_leave_one_incident(room: Room) -> None:
    one, two = room.opened("A1"), room.opened("A2")
    pairs = [(one.id, two.id), (two.id, one.id)]
    results = at_once(2, lambda n: room.incidents.merge(pairs[n][0], [pairs[n][1]], WHY, "duty", later(5)))
    assert sum(isinstance(result, Conflict) for result in results) == 1, results
    left = room.desk.incidents("open")
    assert len(left) == 1
    assert left[0].alert_ids == ("A1", "A2")


def test_suggestions_name_what_is_open(room: Room) -> None:
    one = room.opened("A1")
    found = room.incidents.suggestions(later(60))
    assert [(item.incident_id, item.exercise) for item in found] == [(one.id, False)]
    assert set(found[0].alert_ids) == {f"A{n}" for n in range(2, 13) if n != 3}
    assert "积水" in found[0].reasons[0]
