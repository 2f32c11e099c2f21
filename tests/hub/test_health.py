"""What `/readyz` says of the engine: up only when somebody goes by rules."""

import pytest

from hub.health import Health


def said(leading: int, problem: str = "") -> dict[str, object]:
    return {"figures": {"leading": leading, "readings": 5}, "rules_problem": problem}


@pytest.mark.parametrize(
    ("engines", "up", "words"),
    [
        ([], False, "没有运行"),
        ([said(0)], False, "正在接手"),
        ([said(1)], True, ""),
        ([said(0), said(1)], True, ""),
        ([said(1, "rules.yaml:3: x")], True, "仍按上一版规则运行"),
        ([said(0, "rules.yaml:3: x")], False, "没有规则在运行"),
    ],
)
def test_the_engine_is_up_when_one_leads(engines: list[dict], up: bool, words: str) -> None:
    found = Health._engine(engines)
    assert found["up"] is up
    assert found["running"] == len(engines)
    assert words in found.get("problem", "")
    assert bool(words) == ("problem" in found)
