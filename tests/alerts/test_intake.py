"""Checking readings: every kind of bad input is named, the rest of the batch is kept."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.intake import check_observations
from alerts.quantities import QUANTITIES
from geodata.clock import epoch_ms
from geodata.errors import BadInput, TooLarge

NOW = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
REGISTRY = {"g1": 1, "g2": 2, "g3": 3}
OK = "2026-07-01T10:00:00+08:00"


def row(**other: Any) -> dict[str, Any]:
    return {"sensor": "g1", "quantity": "depth_m", "value": 0.2, "observed_at": OK} | other


def check(payload: object) -> Any:
    return check_observations(payload, REGISTRY, QUANTITIES, NOW)


BAD_ROWS = [
    ({"sensor": "nobody"}, "未知的传感器"),
    ({"sensor": 7}, "必须是文本"),
    ({"sensor": ["g1"]}, "必须是文本"),
    ({"sensor": None}, "缺少 sensor"),
    ({"quantity": "magic"}, "未知的观测量"),
    ({"quantity": None}, "缺少 quantity"),
    ({"quantity": 3}, "quantity 必须是文本"),
    ({"value": math.nan}, "NaN"),
    ({"value": math.inf}, "无穷大"),
    ({"value": -math.inf}, "无穷大"),
    ({"value": None}, "缺少 value"),
    ({"value": "0.2"}, "必须是数字"),
    ({"value": True}, "必须是数字"),
    ({"value": [1]}, "必须是数字"),
    ({"value": 1e308}, "超出可信范围"),
    ({"value": 10**400}, "超出可信范围"),
    ({"value": -0.01}, "超出可信范围"),
    ({"observed_at": None}, "缺少观测时间"),
    ({"observed_at": "2026-07-01T10:00:00"}, "没有时区"),
    ({"observed_at": "yesterday"}, "不是 ISO 8601"),
    ({"observed_at": 1.5}, "必须是 ISO 8601"),
    ({"observed_at": True}, "必须是 ISO 8601"),
    ({"observed_at": 10**30}, "超出范围"),
    ({"observed_at": "0001-01-01T00:00:00+14:00"}, "超出范围"),
    ({"observed_at": "2026-07-01T10:01:01+08:00"}, "在未来"),
    ({"observed_at": "2026-06-30T09:59:59+08:00"}, "历史数据没有保存"),
]


@pytest.mark.parametrize(("wrong", "says"), BAD_ROWS)
def test_a_bad_row_is_named_and_its_neighbours_are_kept(wrong: dict[str, Any], says: str) -> None:
    checked = check({"observations": [row(sensor="g2"), row(**wrong), row(sensor="g3")]})
    assert [(reject.index, says in reject.reason) for reject in checked.rejects] == [(1, True)], checked.rejects
    assert checked.accepted == 2
    assert checked.batches[0].sensor_no.tolist() == [2, 3]
    assert len(checked.rejects[0].original) <= 4_000


@pytest.mark.parametrize(("wrong", "says"), [case for case in BAD_ROWS if "quantity" not in case[0]])
def test_columns_know_the_same_reasons(wrong: dict[str, Any], says: str) -> None:
    rows = [row(sensor="g2"), row(**wrong), row(sensor="g3")]
    payload = {"quantity": "depth_m"} | {key: [one[key] for one in rows] for key in ("sensor", "value", "observed_at")}
    checked = check(payload)
    assert [(reject.index, says in reject.reason) for reject in checked.rejects] == [(1, True)], checked.rejects
    assert checked.batches[0].sensor_no.tolist() == [2, 3]


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "x",
        3,
        {},
        {"observations": {}},
        {"quantity": "depth_m", "observed_at": OK, "sensor": ["g1"], "value": [1, 2]},
        {"quantity": "depth_m", "observed_at": [OK], "sensor": ["g1", "g2"], "value": [1, 2]},
        {"quantity": "depth_m", "observed_at": "soon", "sensor": ["g1"], "value": [1]},
        {"quantity": "depth_m", "observed_at": OK, "sensor": "g1", "value": [1]},
        {"quantity": 3, "observed_at": OK, "sensor": ["g1"], "value": [1]},
        {"quantity": "depth_m", "observed_at": OK, "sensor": ["g1"], "value": [1], "exercise": 3},
    ],
)
def test_what_cannot_be_read_at_all(payload: object) -> None:
    with pytest.raises(BadInput):
        check(payload)


def test_too_many_rows() -> None:
    with pytest.raises(TooLarge):
        check({"observations": [0] * 200_001})


def test_minus_zero_is_zero_and_repeats_collapse_to_the_first() -> None:
    checked = check({"observations": [row(value=-0.0), row(value=0.3), row(value=0.4, observed_at=epoch_ms(NOW) - 5)]})
    (batch,) = checked.batches
    assert (checked.accepted, batch.value.tolist()) == (3, [0.0, 0.4])
    assert math.copysign(1, batch.value[0]) == 1


def test_edges_of_time_are_inside() -> None:
    edges = [NOW + timedelta(seconds=60), NOW - timedelta(hours=24)]
    checked = check({"observations": [row(observed_at=edge.isoformat()) for edge in edges]})
    assert (checked.accepted, checked.rejects) == (2, [])


def test_one_quantity_one_batch_and_the_drill_is_named() -> None:
    payload = {"observations": [row(), row(quantity="stage_m", value=60), row(sensor="g2")], "exercise": "演练"}
    checked = check(payload)
    assert [(b.quantity, len(b.value), b.exercise) for b in checked.batches] == [
        ("depth_m", 2, "演练"),
        ("stage_m", 1, "演练"),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "sensor": st.sampled_from(["g1", "g2", "x"]) | JSON,
        "quantity": st.sampled_from(["depth_m", "flow_m3s"]) | JSON,
        "value": st.floats(0, 5) | JSON,
        "observed_at": st.just(OK) | st.just(epoch_ms(NOW)) | JSON,
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ROWS | JSON, max_size=8))
def test_every_row_is_accepted_or_rejected_once(rows: list[Any]) -> None:
    checked = check({"observations": rows})
    assert checked.accepted + len(checked.rejects) == len(rows)
    assert len({reject.index for reject in checked.rejects}) == len(checked.rejects)
    assert sum(len(batch.value) for batch in checked.batches) <= checked.accepted


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["quantity", "observed_at", "sensor", "value", "exercise", "observations"]), JSON)
)
def test_any_object_is_an_answer_or_bad_input(payload: dict[str, Any]) -> None:
    try:
        checked = check(payload)
    except BadInput:
        return
    assert checked.accepted >= 0
