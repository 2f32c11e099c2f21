"""When receivers are told: tables with exact moments, and what holds whatever happens."""

from dataclasses import replace
from datetime import UTC, datetime
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.group_state import Notice, Record, mark
from alerts.grouping import Grouping
from alerts.model import Alert, Level
from alerts.routing import parse_routing, places, routing_labels
from geodata.errors import BadInput

T0 = datetime(2026, 7, 1, tzinfo=UTC)
WAIT, INTERVAL, REPEAT = 30.0, 300.0, 14_400.0
ROUNDING_S = 1e-6  # a sum of floats is not always their sum
TREE = """
route:
  receiver: duty
  group_by: [county]
  routes:
    - matchers: ["level=red"]
      receiver: leader
      group_wait: 0s
      continue: true
    - matchers: ["event~gas*"]
      receiver: gas
      group_by: ["..."]
    - matchers: []
      receiver: duty
"""
ROOT = parse_routing("route: {receiver: duty, group_by: [county]}")


def alert(number: int = 1, county: str = "371302", version: int = 1, **more: object) -> Alert:
    made = Alert(
        id=f"AL-{number}", dedup_key=f"k{number}", source="rule", event="积水", headline="h", level=Level.YELLOW,
        native_level="慢行", status="Actual", onset_at=T0, fired_at=T0, updated_at=T0, county=county, version=version,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def over(one: Alert) -> Alert:
    return replace(one, resolved_at=T0, version=one.version + 1)


def told(notices: list[Notice]) -> list[tuple[list[str], list[str]]]:
    return [([one.id for one in notice.firing], [one.id for one in notice.over]) for notice in notices]


def flush(groups: Grouping, now: float) -> list[tuple[list[str], list[str]]]:
    """What is due at `now`, taken by its receivers at once."""
    notices = groups.due(now)
    for notice in notices:
        groups.sent(notice, now)
    return told(notices)


@pytest.mark.parametrize(
    ("now", "due"), [(29.999, []), (30.0, [(["AL-1", "AL-2"], [])]), (31.0, [(["AL-1", "AL-2"], [])])]
)
def test_a_new_group_waits_for_company_from_its_first_alert(now: float, due: object) -> None:
    groups = Grouping(ROOT)
    groups.add(alert(1), 0.0)
    groups.add(alert(2), 29.0)
    assert groups.next_due() == WAIT
    assert flush(groups, now) == due


@pytest.mark.parametrize(
    ("change_at", "due_at"), [(31.0, 330.0), (299.0, 330.0), (300.0, 330.0), (310.0, 340.0), (1000.0, 1030.0)]
)
def test_a_change_waits_for_the_interval_and_for_company(change_at: float, due_at: float) -> None:
    groups = Grouping(ROOT)
    groups.add(alert(1), 0.0)
    assert flush(groups, 30.0)
    groups.add(alert(2), change_at)
    assert flush(groups, due_at - 0.001) == []
    assert flush(groups, due_at) == [(["AL-1", "AL-2"], [])]


def test_nothing_new_is_repeated_only_after_the_repeat_interval() -> None:
    groups = Grouping(ROOT)
    groups.add(alert(1), 0.0)
    assert flush(groups, 30.0)
    assert flush(groups, 30.0 + REPEAT - 0.001) == []
    first = groups.due(30.0 + REPEAT)
    assert told(first) == [(["AL-1"], [])]
    groups.sent(first[0], 30.0 + REPEAT)
    assert flush(groups, 30.0 + 2 * REPEAT) == [(["AL-1"], [])]


def test_the_end_is_told_once_and_the_group_is_gone() -> None:
    groups = Grouping(ROOT)
    groups.add(alert(1), 0.0)
    flush(groups, 30.0)
    groups.add(over(alert(1)), 40.0)
    groups.add(over(alert(1)), 41.0)
    assert flush(groups, 329.0) == []
    notice = groups.due(330.0)[0]
    assert told([notice]) == [([], ["AL-1"])]
    assert groups.sent(notice, 330.0) is None, "nothing is left to remember"
    assert groups.next_due() == inf or flush(groups, 1e9) == []


def test_what_came_and_went_before_its_time_is_not_told_but_what_was_due_is() -> None:
    groups = Grouping(ROOT)
    groups.add(alert(1), 0.0)
    groups.add(over(alert(1)), 29.0)
    assert flush(groups, 1_000.0) == []
    groups.add(alert(2), 1_000.0)
    groups.add(over(alert(2)), 1_030.0)  # nobody had asked what was due by then
    assert flush(groups, 1_031.0) == [([], ["AL-2"])]


@pytest.mark.parametrize(
    "change",
    [{"level": Level.RED}, {"level": Level.BLUE}, {"escalation": 1}, {"reopened": 1}],
)
def test_what_a_receiver_must_hear_is_told_again(change: dict[str, object]) -> None:
    groups = Grouping(ROOT)
    groups.add(alert(1), 0.0)
    flush(groups, 30.0)
    groups.add(alert(1, version=2, headline="other words only"), 40.0)
    assert flush(groups, 500.0) == []
    groups.add(alert(1, version=3, **change), 500.0)
    assert flush(groups, 530.0) == [(["AL-1"], [])]


def test_a_silence_holds_back_until_it_ends() -> None:
    groups = Grouping(ROOT)
    groups.add(alert(1), 0.0)
    groups.add(alert(2), 0.0)
    groups.mute({"AL-1"}, 1.0)
    assert flush(groups, 30.0) == [(["AL-2"], [])]
    groups.mute(set(), 1_000.0)
    assert flush(groups, 1_029.0) == []
    assert flush(groups, 1_030.0) == [(["AL-1", "AL-2"], [])]


def test_what_is_silenced_is_not_repeated_and_its_end_is_told() -> None:
    groups = Grouping(ROOT)
    groups.add(alert(1), 0.0)
    flush(groups, 30.0)
    groups.mute({"AL-1"}, 31.0)
    assert flush(groups, 30.0 + 3 * REPEAT) == []
    groups.add(over(alert(1)), 50_000.0)
    assert flush(groups, 50_030.0) == [([], ["AL-1"])]


def test_a_silenced_alert_that_ends_untold_leaves_no_trace() -> None:
    groups = Grouping(ROOT)
    groups.mute({"AL-1"}, 0.0)
    groups.add(alert(1), 0.0)
    groups.add(over(alert(1)), 500.0)
    groups.mute(set(), 600.0)
    assert flush(groups, 1e6) == []


def test_a_receiver_that_is_away_is_tried_again_with_what_is_so_then() -> None:
    groups = Grouping(ROOT)
    groups.add(alert(1), 0.0)
    keys = []
    moment = 30.0
    for wait in (1.0, 2.0, 4.0):
        notice = groups.due(moment)[0]
        keys.append(notice.key)
        assert groups.due(moment + 1e6) == [], "on its way"
        assert groups.failed(notice, moment) == moment + wait
        assert groups.due(moment + wait - 0.001) == []
        moment += wait
    assert len(set(keys)) == 1, "the same message keeps its key"
    groups.add(alert(2), moment)
    changed = groups.due(moment)[0]
    assert told([changed]) == [(["AL-1", "AL-2"], [])]
    assert changed.key not in keys
    groups.sent(changed, moment)


def test_what_changes_while_a_message_is_on_its_way_is_told_after_it() -> None:
    groups = Grouping(ROOT)
    groups.add(alert(1), 0.0)
    notice = groups.due(30.0)[0]
    groups.add(over(alert(1)), 30.5)
    groups.add(alert(2), 30.6)
    groups.sent(notice, 31.0)
    assert flush(groups, 330.9) == []
    assert flush(groups, 331.0) == [(["AL-2"], ["AL-1"])]


def test_a_restart_neither_repeats_nor_forgets() -> None:
    before = Grouping(ROOT)
    for number in (1, 2):
        before.add(alert(number), 0.0)
    notice = before.due(30.0)[0]
    record = before.sent(notice, 30.0)
    assert record is not None
    after = Grouping(ROOT)
    after.restore(notice.place, record, -70.0)  # told 100 s ago on the new clock
    after.add(alert(1), -100.0)
    after.add(alert(3), -100.0)
    after.add(over(alert(2)), 30.0)
    after.in_order()
    assert flush(after, 229.0) == []
    assert flush(after, 230.0) == [(["AL-1", "AL-3"], ["AL-2"])]


def test_an_unwritten_message_is_repeated_with_its_key() -> None:
    keys = []
    for _ in range(2):
        groups = Grouping(ROOT)
        groups.add(alert(1), 0.0)
        keys.append(groups.due(30.0)[0].key)
    assert keys[0] == keys[1]
    again = Grouping(ROOT)
    place = places(ROOT, routing_labels(alert(1)))[0]
    again.restore(place, Record({"AL-1": mark(alert(1))}, keys[0]), 0.0)
    again.add(alert(1), 0.0)
    assert again.due(REPEAT)[0].key != keys[0], "a repetition is another message"


def test_routes_as_in_alertmanager() -> None:
    root = parse_routing(TREE)

    def receivers(**more: object) -> list[str]:
        return [place.route.receiver for place in places(root, routing_labels(alert(1, **more)))]

    assert receivers() == ["duty"]
    assert receivers(level=Level.RED) == ["leader", "duty"]
    assert receivers(level=Level.RED, event="gas leak") == ["leader", "gas"]
    alone = [places(root, routing_labels(alert(1, event="gas", sensor=name)))[0].key for name in "ab"]
    assert alone[0] != alone[1]


def test_an_alert_that_leaves_a_route_is_over_for_it() -> None:
    groups = Grouping(parse_routing(TREE))
    groups.add(alert(1, level=Level.RED), 0.0)
    assert sorted(flush(groups, 30.0)) == [(["AL-1"], []), (["AL-1"], [])]
    groups.add(alert(1, level=Level.YELLOW, version=2), 400.0)
    assert sorted(flush(groups, 430.0)) == [([], ["AL-1"]), (["AL-1"], [])]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 1, "route"),
        ("route:\n  receiver: Duty\n", 2, "receiver"),
        ("route:\n  receiver: duty\n  group_wait: 5x\n", 3, "group_wait"),
        ("route:\n  receiver: duty\n  group_interval: 0s\n", 3, "group_interval"),
        ("route:\n  receiver: duty\n  repeat_interval: 1m\n", 3, "repeat_interval"),
        ("route:\n  receiver: duty\n  matchers: ['a=b']\n", 3, "matchers"),
        ("route:\n  receiver: duty\n  routes:\n    - receiver: x\n", 4, "matchers"),
        ("route:\n  receiver: duty\n  routes:\n    - matchers: ['a']\n", 4, "a"),
        ("route:\n  receiver: duty\n  group_by: ['a b']\n", 3, "group_by"),
        ("route:\n  receiver: duty\n  colour: red\n", 3, "colour"),
        ("other: 1\n", 1, "other"),
    ],
)
def test_every_problem_of_a_routing_file_is_named_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_routing(text)
    assert any(said.startswith(f"routing.yaml:{line}: ") and what in said for said in caught.value.where["problems"])


STEPS = st.lists(
    st.tuples(
        st.floats(0, 900),
        st.sampled_from(["fire", "end", "mute", "unmute", "fail", "look"]),
        st.integers(1, 4),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_whatever_happens_everything_firing_is_told_in_time_and_nothing_twice(
    steps: list[tuple[float, str, int]],
) -> None:
    """A receiver that is there: each alert that fires unmuted for wait + interval has been told; two messages about a
    group are at least an interval apart, and equal ones at least a repeat interval."""
    groups, now, versions = Grouping(ROOT), 0.0, dict.fromkeys(range(1, 5), 0)
    state: dict[int, Alert] = {}
    muted: set[str] = set()
    since: dict[str, float] = {}
    heard: dict[str, str] = {}
    last: dict[str, tuple[float, str]] = {}

    def look(at: float, *, reached: bool = True) -> None:
        for notice in groups.due(at):
            if not reached:
                groups.failed(notice, at)
                continue
            said = str(sorted((one.id, mark(one)) for one in notice.firing)) + str(sorted(o.id for o in notice.over))
            before = last.get(notice.place.key)
            if before is not None:
                assert at - before[0] >= INTERVAL - ROUNDING_S
                assert before[1] != said or at - before[0] >= REPEAT - ROUNDING_S
            assert not muted & {one.id for one in notice.firing}
            record = groups.sent(notice, at)
            for one in notice.firing:
                heard[one.id] = mark(one)
            for one in notice.over:
                heard.pop(one.id, None)
            if record is None:
                last.pop(notice.place.key, None)
            else:
                last[notice.place.key] = (at, said)

    for gap, what, number in steps:
        end = now + gap
        while groups.next_due() <= end:
            now = max(now, groups.next_due())
            look(now)
        now = end
        name = f"AL-{number}"
        if what == "fire" and number not in state:
            versions[number] += 2
            state[number] = alert(number, version=versions[number], reopened=versions[number])
            groups.add(state[number], now)
            since[name] = now
        elif what == "end" and number in state:
            versions[number] += 1
            groups.add(replace(state.pop(number), resolved_at=T0, version=versions[number]), now)
            since.pop(name, None)
        elif what in ("mute", "unmute"):
            muted = muted | {name} if what == "mute" else muted - {name}
            groups.mute(muted, now)
            since |= {name: now} if number in state else {}
        elif what == "fail":
            look(now, reached=False)
        for one in state.values():
            if one.id not in muted and now - since[one.id] >= WAIT + INTERVAL + 60.0:
                assert heard.get(one.id) == mark(one)
    end = now + WAIT + INTERVAL + 61.0
    while groups.next_due() <= end:
        now = max(now, groups.next_due())
        look(now)
    for one in state.values():
        assert one.id in muted or heard.get(one.id) == mark(one)
    gone = {f"AL-{number}" for number in versions} - {one.id for one in state.values()}
    assert not gone & heard.keys(), "the end of what was told is told"
