"""The operator load against hand-made tables, the standards' limits, and a slow reference that counts one by one."""

import csv
import io
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.load import BIN, Step, calls_for, first_bin, load_of, topic_of, verdict_of
from alerts.load_lists import ISA_CHATTER, ChatterRule, chatterers, waits
from alerts.load_out import load_csv, load_to_plain, safe_cell
from alerts.load_view import LoadView, officers_of, period_of, stale_of
from alerts.load_words import MEASURES, seconds_words, verdict_words
from geodata.clock import epoch_ms
from geodata.errors import BadInput
from tests.screen_services import alert

NOW = datetime(2026, 8, 14, 12, 4, 30, tzinfo=UTC)  # 20:04:30 in Shanghai
START = datetime(2026, 8, 14, 11, 10, tzinfo=UTC)  # one hour: six bins, the running one among them
LONG_AGO = NOW - timedelta(days=90)


def step(minutes: float, kind: str = "fired", level: int = 2, was: int | None = None, **more: str) -> Step:
    """A history row `minutes` after `START`."""
    at = epoch_ms(START + timedelta(minutes=minutes))
    return (at, kind, level, was, more.get("topic", "rule:a:s1"), more.get("alert_id", f"A{minutes:g}"))


def many(minute: float, count: int, topic: str = "rule:a:s1") -> list[Step]:
    """`count` calls spread over the nine minutes from `minute`."""
    return [step(minute + 9 * i / count, topic=topic, alert_id=f"{minute}-{i}") for i in range(count)]


def load(steps: list[Step], hours: int = 1, recorded_from: datetime | None = LONG_AGO) -> object:
    return load_of(sorted(steps), first_bin(NOW, timedelta(hours=hours)), NOW, recorded_from, (ISA_CHATTER,))


def test_bins_stand_on_the_round_ten_minutes_and_the_last_one_runs() -> None:
    found = load([step(0), step(9.99), step(10), step(54.4)])
    assert first_bin(NOW, timedelta(hours=1)) == START
    assert [one.count for one in found.bins] == [2, 1, 0, 0, 0, 1]
    assert [one.begin for one in found.bins] == [START + i * BIN for i in range(6)]
    assert [one.whole for one in found.bins] == [True] * 5 + [False]
    assert found.average == pytest.approx(4 / 5.45)
    assert (found.busiest.begin, found.busiest.count) == (START, 2)


@pytest.mark.parametrize(
    ("kind", "level", "was", "calls"),
    [("fired", 1, None, True), ("reopened", 2, 2, True), ("escalated", 2, 2, True), ("level", 3, 2, True),
     ("level", 2, 3, False), ("level", 2, 2, False), ("updated", 4, 3, True), ("updated", 3, 3, False),
     ("level", 3, None, False), ("acknowledged", 3, 3, False), ("resolved", 3, 3, False), ("linked", 3, 3, False),
     ("chattering", 3, 3, False), ("shelved", 3, 3, False)],
)  # fmt: skip
def test_what_calls_for_a_person(kind: str, level: int, was: int | None, calls: bool) -> None:
    assert calls_for(kind, level, was) is calls


def test_a_flood_begins_above_ten_and_ends_below_five() -> None:
    counts = [11, 10, 5, 4, 10, 0]
    found = load([one for place, count in enumerate(counts) for one in many(10 * place, count)])
    assert [one.flood for one in found.bins] == [True, True, True, False, False, False]
    (flood,) = found.floods
    assert (flood.begin, flood.end) == (START, START + 3 * BIN)
    assert (flood.count, flood.peak) == (26, 11)
    assert found.flood_share == 0.5


def test_ten_is_no_flood() -> None:
    assert load(many(0, 10)).floods == ()


def test_the_running_bin_ends_no_flood_but_may_begin_one() -> None:
    running = load(many(40, 30))
    assert running.floods[0].end is None
    assert [one.flood for one in running.bins] == [False] * 4 + [True, True]
    begun = load([step(50 + i / 100, alert_id=str(i)) for i in range(11)])
    assert [one.begin for one in begun.floods] == [START + 5 * BIN]


def test_a_flood_that_began_before_the_period_goes_on_in_it() -> None:
    found = load([*many(-20, 40), *many(-10, 6), *many(0, 6)])
    (flood,) = found.floods
    assert (flood.begin, flood.end, flood.count, flood.peak) == (START - 2 * BIN, START + BIN, 52, 40)
    assert (found.total, found.flood_share) == (6, 1 / 6)


def test_time_without_a_record_is_not_counted_as_calm() -> None:
    found = load(many(45, 4), recorded_from=START + timedelta(minutes=40))
    assert found.average == pytest.approx(4 / 1.45)
    assert load([], recorded_from=None).average == 0


@pytest.mark.parametrize(
    ("average", "peak", "share", "band", "measure"),
    [(1.0, 1, 0, 0, "steady"), (1.01, 5, 0, 1, "steady"), (2.01, 5, 0, 2, "steady"), (10.01, 60, 0, 3, "steady"),
     (0.5, 10, 0, 0, "steady"), (0.5, 11, 0, 1, "peak"), (0.5, 21, 0, 2, "peak"), (0.5, 101, 0, 3, "peak"),
     (0.5, 8, 0.01, 1, "share"), (0.5, 8, 0.0099, 0, "steady")],
)  # fmt: skip
def test_the_verdict_is_the_worst_of_three(average: float, peak: int, share: float, band: int, measure: str) -> None:
    bins = load(many(0, peak)).bins
    found = verdict_of(average, bins, share)
    assert (found.band, found.measure) == (band, measure)


def test_the_top_ten_with_their_share() -> None:
    steps = [one for n in range(12) for one in many(n, n + 1, topic=f"rule:r:s{n:02}")]
    found = load(steps)
    assert [(one.topic, one.count) for one in found.top] == [(f"rule:r:s{n:02}", n + 1) for n in range(11, 1, -1)]
    assert found.top[0].share == 12 / 78
    assert found.top_share == pytest.approx(75 / 78)
    assert found.topics == 12


@pytest.mark.parametrize(
    ("seconds", "bursts", "most"),
    [([0, 30, 60], 1, 3), ([0, 30, 60.01], 0, 0), ([0, 59], 0, 0), ([0, 10, 20, 30], 1, 4),
     ([0, 10, 20, 200, 210, 220], 2, 3), ([0, 40, 50, 90, 100], 1, 4)],
)  # fmt: skip
def test_three_within_a_minute_is_chattering(seconds: list[float], bursts: int, most: int) -> None:
    found = chatterers([step(s / 60) for s in seconds], (ISA_CHATTER,))
    assert [(one.bursts, one.most) for one in found] == ([(bursts, most)] if bursts else [])


def test_chatter_by_two_rules_stands_twice() -> None:
    ours = ChatterRule(2, 600, "本系统设置")
    found = chatterers([step(0), step(0.5), step(1)], (ISA_CHATTER, ours))
    assert [(one.rule.source, one.most) for one in found] == [("ISA-18.2", 3), ("本系统设置", 3)]


def test_how_long_people_took() -> None:
    steps = [
        step(0, alert_id="a"), step(1, "acknowledged", alert_id="a"),  # 60 s at level 2
        step(2, "level", 4, 2, alert_id="a"), step(5, "acknowledged", 4, 4, alert_id="a"),  # 180 s at level 4
        step(3, level=1, alert_id="b"), step(6, "escalated", 1, 1, alert_id="b"),
        step(8, "resolved", 1, 1, alert_id="b"),
        step(9, alert_id="c"),
        step(-5, alert_id="d"), step(2, "acknowledged", alert_id="d"),  # began before the period
        step(10, "acknowledged", alert_id="e"),  # nothing known of its beginning
    ]  # fmt: skip
    every, red, orange, yellow, blue = waits(sorted(steps), calls_for, epoch_ms(START))
    assert (every.answered, every.median_s, every.p90_s, every.unseen, every.waiting) == (2, 120, 180, 1, 1)
    assert (red.level, red.answered, red.median_s) == (4, 1, 180)
    assert (orange.level, orange.answered, orange.median_s) == (3, 0, None)
    assert (yellow.median_s, yellow.waiting) == (60, 1)
    assert (blue.unseen, blue.waiting) == (1, 0)


def test_topics_group_what_keeps_calling() -> None:
    rule = alert(1, rule_id="water", sensor="s1")
    assert topic_of(rule) == "rule:water:s1"
    warning = alert(2, source="cap", sender="met@x", event="暴雨")
    assert topic_of(warning) == "cap:met@x:暴雨"
    assert len(topic_of(alert(3, source="cap", sender="x" * 300))) == 200


def test_stale_is_open_for_more_than_a_day() -> None:
    day = 24 * 60
    rows = [alert(1, minutes=day), alert(2, minutes=day + 1), alert(3, minutes=day + 9),
            alert(4, minutes=day + 5, resolved_at=alert().fired_at)]  # fmt: skip
    now = alert().fired_at + timedelta(minutes=5)
    assert [one.id for one in stale_of(rows, now)] == ["A3", "A2"]


def test_officers_by_what_they_acknowledged() -> None:
    rows = officers_of([("甲", 1, 3), ("甲", 2, 9), ("乙", 1, 20)])
    assert [(one.who, one.count, one.busiest) for one in rows] == [("乙", 20, 20), ("甲", 12, 9)]


@pytest.mark.parametrize(("text", "hours"), [("1h", 1), ("8h", 8), ("7d", 168), ("30d", 720), ("720h", 720)])
def test_periods(text: str, hours: int) -> None:
    assert period_of(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "0h", "31d", "721h", "1m", "-1h", "1.5h", "8", "h", "9999d", "８h"])
def test_periods_that_are_none(text: str) -> None:
    with pytest.raises(BadInput, match="period"):
        period_of(text)


def view(steps: list[Step]) -> LoadView:
    names = {"rule:a:s1": alert(1, event="=1+1", place="@坏人")}
    return LoadView("1h", False, load(steps), (), (), names)


def test_spreadsheets_get_text_not_formulae() -> None:
    body = load_csv(view(many(0, 3)), "top")
    assert body.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    assert rows[1][2:4] == ["'=1+1", "'@坏人"]
    assert rows[1][5:7] == ["3", "100.0"]
    assert [safe_cell(text) for text in ("-1", "+1", "\t=1", " =1", "a=1", -1)] == [
        "'-1",
        "'+1",
        "'\t=1",
        "' =1",
        "a=1",
        -1,
    ]


def test_one_row_a_bin() -> None:
    rows = list(csv.reader(io.StringIO(load_csv(view(many(0, 11)), "bins").decode("utf-8-sig"))))
    assert len(rows) == 7
    assert rows[1] == ["2026-08-14 19:10", "11", "0", "11", "0", "0", "是", "是"]
    assert rows[6][-1] == "否"


def test_the_words_say_number_and_limit() -> None:
    assert verdict_words(load([])) == "可接受:本时段没有告警呼叫"
    assert verdict_words(load(many(0, 30))) == "过载:平均每 10 分钟 5.5 次,宜不超过 1 次;最忙的 10 分钟 30 次"
    assert verdict_words(load(many(0, 300), hours=720)) == "失控:08-14 19:10 起的 10 分钟有 300 次,宜不超过 10 次"
    assert [seconds_words(s) for s in (None, 59.4, 200, 7500)] == ["—", "59 秒", "3 分 20 秒", "2 小时 5 分"]
    assert all(one.limit and one.source and one.means for one in MEASURES)


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(-36_000, 3_270),
                st.sampled_from(["fired", "level", "acknowledged", "resolved", "escalated", "reopened", "closed"]),
                st.integers(0, 4), st.one_of(st.none(), st.integers(0, 4)), st.integers(0, 3),
            ),
            max_size=120,
        )
    )  # fmt: skip
    begun = epoch_ms(START)
    return sorted(
        ((begun + s * 1000, kind, level, was, f"t{n % 3}", f"A{n}") for s, kind, level, was, n in rows),
        key=lambda row: row[0],
    )


def slow_counts(steps: list[Step], first: datetime, bins: int) -> list[int]:
    """Counting again for every bin, from the first row that is known."""
    counts = []
    for number in range(bins):
        low, high = epoch_ms(first + number * BIN), epoch_ms(first + (number + 1) * BIN)
        counts.append(sum(1 for s in steps if low <= s[0] < high and calls_for(*s[1:4])))
    return counts


@settings(max_examples=150, deadline=None)
@given(histories())
def test_it_equals_the_slow_way(steps: list[Step]) -> None:
    first = START - timedelta(hours=12)
    counts = slow_counts(steps, first, 78)
    flood, flooded = False, []
    for number, count in enumerate(counts):
        if count > 10:
            flood = True
        elif count < 5 and number < 77:
            flood = False
        flooded.append(flood)
    found = load_of(steps, START, NOW, LONG_AGO, (ISA_CHATTER,))
    assert [one.count for one in found.bins] == counts[72:]
    assert [one.flood for one in found.bins] == flooded[72:]
    assert found.total == sum(counts[72:]) == sum(found.levels)
    assert found.flood_share == sum(flooded[72:]) / 6


@settings(max_examples=150, deadline=None)
@given(histories())
def test_waits_equal_the_slow_way(steps: list[Step]) -> None:
    """Alert by alert: each wait runs from a call with nothing waiting to the next answer."""
    begun, seconds, unseen, waiting = epoch_ms(START), [], 0, 0
    for alert_id in {row[5] for row in steps}:
        rows = [row for row in steps if row[5] == alert_id]
        place = 0
        while place < len(rows):
            if not calls_for(*rows[place][1:4]):
                place += 1
                continue
            since = rows[place][0]
            end = next(
                (i for i in range(place, len(rows)) if rows[i][1] in ("acknowledged", "resolved", "closed")), None
            )
            if since >= begun:
                if end is None:
                    waiting += 1
                elif rows[end][1] == "acknowledged":
                    seconds.append((rows[end][0] - since) / 1000)
                else:
                    unseen += 1
            if end is None:
                break
            place = end + 1
    every = waits(steps, calls_for, begun)[0]
    assert (every.answered, every.unseen, every.waiting) == (len(seconds), unseen, waiting)
    assert every.median_s == (median(seconds) if seconds else None)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 600_000), max_size=40), st.integers(2, 5), st.integers(1, 120))
def test_chatter_equals_the_slow_way(times: list[int], count: int, within_s: int) -> None:
    rows = sorted((time, "fired", 1, None, "t", "A") for time in times)
    inside = [
        sum(1 for other in rows[: place + 1] if row[0] - other[0] <= within_s * 1000) for place, row in enumerate(rows)
    ]
    found = chatterers(rows, (ChatterRule(count, within_s, "x"),))
    most = max(inside, default=0)
    bursts = sum(n >= count and (place == 0 or inside[place - 1] < count) for place, n in enumerate(inside))
    assert [(one.most, one.bursts) for one in found] == ([(most, bursts)] if most >= count else [])


def test_plain_json_holds_every_number() -> None:
    plain = load_to_plain(view(many(0, 30)))
    assert plain["verdict"]["band"] == "over"
    assert (plain["total"], len(plain["bins"]), plain["busiest"]["count"]) == (30, 6, 30)
    assert [one["share"] for one in plain["priorities"]] == [0, 0, 1]
    assert plain["top"][0]["place"] == "@坏人"
    assert {one["id"] for one in plain["definitions"]} >= {"steady", "peak", "share", "top", "stale", "chatter", "wait"}
