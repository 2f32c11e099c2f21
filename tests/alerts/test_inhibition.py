"""Inhibition and silences against Alertmanager's semantics, and that nothing red is ever hidden."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.inhibition import Inhibition, Inhibitor
from alerts.labels import labels_of
from alerts.matchers import Matcher, MatcherIndex, all_match, parse_matchers
from alerts.model import Alert, AlertState, Level
from alerts.silences import Silence, ended, is_active, new_silence, silence_to_plain
from alerts.standing import standing_to_plain, standings
from geodata.errors import BadInput, Conflict

T0 = datetime(2026, 7, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def alert(name: str, level: Level = Level.YELLOW, **more: object) -> Alert:
    plain = Alert(
        id=name, dedup_key=name, source="rule", event="积水", headline="h", level=level, native_level="x",
        status="Actual", onset_at=T0, fired_at=T0, updated_at=T0,
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]


def rule(source: str, target: str, *equal: str) -> Inhibition:
    return Inhibition("i", parse_matchers(source.split()), parse_matchers(target.split()), equal, "更重的已发")


# source matchers, target matchers, equal, the labels that fire, the labels asked, whether they are inhibited
TABLE = [
    ("equal labels agree", "s=1", "t=1", ("e",), [{"s": "1", "e": "1"}], {"t": "1", "e": "1"}, True),
    ("equal labels differ", "s=1", "t=1", ("e",), [{"s": "1", "e": "1"}], {"t": "1", "e": "2"}, False),
    ("missing in both", "s=1", "t=1", ("e",), [{"s": "1"}], {"t": "1"}, True),
    ("missing equals empty", "s=1", "t=1", ("e",), [{"s": "1", "e": ""}], {"t": "1"}, True),
    ("missing in one", "s=1", "t=1", ("e",), [{"s": "1", "e": "1"}], {"t": "1"}, False),
    ("no equal labels", "s=1", "t=1", (), [{"s": "1", "e": "1"}], {"t": "1", "e": "2"}, True),
    ("no source fires", "s=1", "t=1", ("e",), [{"x": "1", "e": "1"}], {"t": "1", "e": "1"}, False),
    ("not a target", "s=1", "t=1", ("e",), [{"s": "1", "e": "1"}], {"x": "1", "e": "1"}, False),
    ("both sides, by itself", "s=1", "t=1", ("e",), [{"s": "1", "t": "1"}], {"s": "1", "t": "1"}, False),
    ("both sides, by another such", "s=1", "t=1", (), [{"s": "1", "t": "1", "n": "2"}], {"s": "1", "t": "1"}, False),
    ("both sides, by a source only", "s=1", "t=1", (), [{"s": "1", "t": "0"}], {"s": "1", "t": "1"}, True),
    ("target only, by one of both sides", "s=1", "t=1", (), [{"s": "1", "t": "1"}], {"s": "0", "t": "1"}, True),
    ("a pattern", "s~re*", "t!=1", ("e",), [{"s": "red", "t": "1", "e": "a"}], {"s": "blue", "e": "a"}, True),
    ("a drill's does not", "s=1", "t=1", (), [{"s": "1", "status": "Exercise"}], {"t": "1", "status": "Actual"}, False),
    ("nor is a drill's by a real one", "s=1", "t=1", (), [{"s": "1"}], {"t": "1", "status": "Exercise"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "source", "target", "equal", "firing", "asked", "expected"), TABLE)
def test_as_alertmanager(
    name: str, source: str, target: str, equal: tuple[str, ...], firing: list[dict[str, str]],
    asked: dict[str, str], expected: bool,
) -> None:  # fmt: skip
    inhibitor = Inhibitor([rule(source, target, *equal)], [(str(n), labels) for n, labels in enumerate(firing)])
    assert (inhibitor.by(asked) is not None) == expected, name


_LABELS = st.dictionaries(st.sampled_from("ste"), st.sampled_from(["", "1", "2"]), max_size=3)
_MATCHERS = st.lists(
    st.builds(
        Matcher, st.sampled_from("ste"), st.sampled_from(["=", "!=", "~", "!~"]), st.sampled_from(["", "1", "*"])
    ),
    min_size=1, max_size=2,
).map(tuple)  # fmt: skip


@given(st.lists(st.tuples(_MATCHERS, _MATCHERS, st.sampled_from([(), ("e",), ("s", "e")])), max_size=4),
       st.lists(_LABELS, max_size=6))  # fmt: skip
def test_the_index_answers_as_the_plain_loop_of_alertmanager(rules: list[tuple], every: list[dict]) -> None:  # type: ignore[type-arg]
    inhibitions = [Inhibition(str(n), *parts) for n, parts in enumerate(rules)]
    inhibitor = Inhibitor(inhibitions, [(str(n), labels) for n, labels in enumerate(every)])
    for labels in every:
        expected = any(
            all_match(one.target, labels)
            and any(
                all_match(one.source, other)
                and all(other.get(name, "") == labels.get(name, "") for name in one.equal)
                and not (all_match(one.source, labels) and all_match(one.target, other))
                for other in every
            )
            for one in inhibitions
        )
        assert (inhibitor.by(labels) is not None) == expected


@given(st.lists(_MATCHERS, max_size=6), _LABELS)
def test_the_matcher_index_finds_what_trying_all_finds(
    lists: list[tuple[Matcher, ...]], labels: dict[str, str]
) -> None:
    assert list(MatcherIndex(lists).matching(labels)) == [n for n, one in enumerate(lists) if all_match(one, labels)]


def test_a_source_that_is_over_does_not_inhibit() -> None:
    worse, milder = alert("A", Level.ORANGE, county="兰山区"), alert("B", county="兰山区")
    rules = [rule("level=orange", "level=yellow", "county")]
    found = standings([worse, milder], [], rules, T0)["B"]
    assert (found.state, found.by, found.hides) == (AlertState.SUPPRESSED, "A", True)
    assert "更重的已发" in found.why
    over = replace(worse, resolved_at=T0)
    assert standings([over, milder], [], rules, T0)["B"].state is AlertState.FIRING
    lapsed = replace(worse, expires_at=T0)
    assert standings([lapsed, milder], [], rules, T0)["B"].state is AlertState.FIRING


def silence(*texts: str, hours: float = 8, reason: str = "检修") -> Silence:
    return new_silence(parse_matchers(texts), T0, T0 + hours * HOUR, "张三", reason, T0)


def test_a_silence_says_its_reason_its_end_and_its_owner() -> None:
    found = standings([alert("A", county="兰山区")], [silence("county=兰山区")], [], T0 + HOUR)["A"]
    assert (found.state, found.why, found.hides) == (AlertState.SUPPRESSED, "静默:检修,至 16:00,张三", True)
    assert standing_to_plain(found)["until"] == (T0 + 8 * HOUR).isoformat()
    assert standings([alert("A", county="兰山区")], [silence("county=兰山区")], [], T0 + 8 * HOUR)["A"].why == ""
    next_day = standings([alert("A")], [silence("event=积水", hours=30)], [], T0 + HOUR)["A"]
    assert "至 07-02 14:00" in next_day.why


def test_nothing_red_is_hidden_but_it_is_said_on_it() -> None:
    red = alert("R", Level.RED)
    quiet = standings([red], [silence("event=积水")], [], T0)["R"]
    assert (quiet.state, quiet.hides, quiet.mutes) == (AlertState.SUPPRESSED, False, True)
    shelved = replace(red, shelved_until=T0 + HOUR, shelved_by="王", shelved_why="复核")
    put_aside = standings([shelved], [], [], T0)["R"]
    assert (put_aside.state, put_aside.hides, put_aside.why) == (AlertState.SHELVED, False, "搁置:复核,至 09:00,王")


@given(
    st.lists(st.sampled_from(Level), min_size=1, max_size=8),
    st.lists(st.sampled_from(["event=积水", "level=red", "level!=red", "county~*"]), max_size=3),
    st.booleans(),
)
def test_red_stays_on_the_list_whatever_is_asked(levels: list[Level], texts: list[str], shelve: bool) -> None:
    more = {"shelved_until": T0 + HOUR} if shelve else {}
    every = [alert(f"A{n}", level, **more) for n, level in enumerate(levels)]
    silences = [Silence("S", parse_matchers([text]), T0, T0 + HOUR, "o", "r", T0) for text in texts]
    found = standings(every, silences, [rule("event=积水", "level~*")], T0)
    assert found.keys() == {one.id for one in every}
    assert not [one.id for one in every if one.level is Level.RED and found[one.id].hides]
    assert all(found[one.id].why for one in every if found[one.id].mutes)


@pytest.mark.parametrize(
    ("texts", "hours", "reason", "wrong"),
    [
        ([], 1, "r", "不匹配空值"), (["county~*"], 1, "r", "不匹配空值"), (["level!=red"], 1, "r", "不匹配空值"),
        (["event=积水"], 0, "r", "晚于"), (["event=积水"], 24 * 32, "r", "最长 31 天"),
        (["event=积水"], 1, " ", "原因"), (["event=积水"], 1, "长" * 501, "500"),
        (["event=积水"] * 21, 1, "r", "最多 20"),
    ],
)  # fmt: skip
def test_a_silence_that_cannot_be(texts: list[str], hours: float, reason: str, wrong: str) -> None:
    with pytest.raises(BadInput, match=wrong):
        silence(*texts, hours=hours, reason=reason)


def test_ending_by_hand() -> None:
    one = silence("event=积水")
    over = ended(one, "李四", "修好了", T0 + HOUR)
    assert [is_active(over, T0 + n * HOUR / 2) for n in range(3)] == [True, True, False]
    assert silence_to_plain(over, T0 + HOUR)["state"] == "ended"
    with pytest.raises(Conflict, match="李四"):
        ended(over, "王五", "", T0 + 2 * HOUR)
    with pytest.raises(Conflict, match="到期"):
        ended(one, "王五", "", T0 + 8 * HOUR)


def test_labels_of_a_source_cannot_replace_our_own() -> None:
    assert labels_of(alert("A", labels={"level": "blue", "team": "排水"}))["level"] == "yellow"
