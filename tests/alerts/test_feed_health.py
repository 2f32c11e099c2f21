"""State of a feed, and the bucket that limits it: tables with an explicit time, and what holds for every sequence."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.feeds.health import FeedFacts, lag_s, state_of, to_plain, worst_first
from alerts.feeds.limits import Bucket
from alerts.feeds.model import Limit

NOW = datetime(2026, 7, 1, 4, tzinfo=UTC)


def facts(ago_s: float | None, **more: object) -> FeedFacts:
    last = None if ago_s is None else NOW - timedelta(seconds=ago_s)
    return FeedFacts("a", "mqtt", "甲", last_message_at=last, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (facts(None), "waiting"),
        (facts(1), "ok"),
        (facts(600), "ok"),
        (facts(601), "stale"),
        (facts(9_999, stale_after_s=0), "ok"),
        (facts(1, problem="断开"), "failing"),
        (facts(None, problem="断开"), "failing"),
        (facts(1, on=False, problem="断开"), "off"),
    ],
)
def test_states(given: FeedFacts, state: str) -> None:
    assert state_of(given, NOW) == state


def test_lag_is_arrival_minus_observed_and_never_negative() -> None:
    assert lag_s(facts(10, last_observed_at=NOW - timedelta(seconds=70))) == 60
    assert lag_s(facts(10, last_observed_at=NOW)) == 0
    assert lag_s(facts(None)) is None


def test_what_fails_stands_first_and_what_drops_before_what_does_not() -> None:
    rows = [
        to_plain(one, NOW)
        for one in (
            FeedFacts("d", "mqtt", "丁", on=False),
            facts(1),
            FeedFacts("c", "mqtt", "丙", problem="x"),
            FeedFacts("b", "mqtt", "乙", last_message_at=NOW, dropped=5),
        )
    ]
    assert [row["id"] for row in worst_first(rows)] == ["c", "b", "a", "d"]


@given(st.lists(st.tuples(st.integers(1, 5_000), st.floats(0, 5)), max_size=60))
def test_no_sequence_passes_more_than_rate_and_burst_allow(steps: list[tuple[int, float]]) -> None:
    """At most burst + rate·time, and one batch that borrowed; and whoever waits as told is let through."""
    bucket, now, passed, largest = Bucket(Limit(100.0, 500.0)), 0.0, 0, 0
    for rows, pause in steps:
        now += pause
        wait = bucket.take(rows, now)
        if wait:
            assert bucket.take(rows, now + wait * 0.5) > 0
            now += wait + 1e-6
            assert bucket.take(rows, now) == 0.0
        passed, largest = passed + rows, max(largest, rows)
        assert passed <= 500 + 100 * now + largest + 1e-3


def test_no_limit_is_no_limit() -> None:
    bucket = Bucket(Limit())
    assert all(bucket.take(10**9, 0.0) == 0.0 for _ in range(100))
