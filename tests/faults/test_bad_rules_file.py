"""The rules file breaks while the engine runs: the old rules stay, the error is seen, a restart changes nothing."""

import pytest

from tests.faults.parts import ago, columns, kill, leader, leads_anew, post, ready, rows, sensors
from tests.serving import ROOT, Server, until

pytestmark = pytest.mark.faults
FIRED = "SELECT count(*) FROM alerts WHERE source = 'rule' AND dedup_key LIKE '%:' || ?"
GOOD = (ROOT / "alerts/rules.yaml").read_text(encoding="utf-8")


def problem(server: Server) -> str:
    found = ready(server)
    return str(found["parts"]["engine"].get("problem", "")) if found.get("code") == 200 else ""


@pytest.mark.parametrize("broken", ["rules:\n  - id: [", GOOD.replace("at: 0.20", "at: viel"), None])
def test_old_rules_stay_in_force(city: Server, broken: str | None, request: pytest.FixtureRequest) -> None:
    path = city.data_dir / "rules.yaml"
    case = ["syntax", "value", "missing"].index(
        "missing" if broken is None else "value" if "viel" in broken else "syntax"
    )
    with city.api("admin") as api:
        ids = sensors(api, "depth_m")[2 * case : 2 * case + 2]
        try:
            path.unlink()
            if broken is not None:
                path.write_text(broken, encoding="utf-8")
            until(lambda: "仍按上一版规则运行" in problem(city), 30)
            assert "rules.not-taken" in city.said()
            assert post(api, columns("depth_m", ago(1), ids[:1], [0.35])).status_code == 202
            until(lambda: rows(city, FIRED, ids[0]) == [(1,)], 20)
            holder = leader(city)
            kill(city, "engine")
            until(lambda: leads_anew(city, holder), 30)
            assert post(api, columns("depth_m", ago(0), ids[1:], [0.35])).status_code == 202
            until(lambda: rows(city, FIRED, ids[1]) == [(1,)], 20)
            until(lambda: "仍按上一版规则运行" in problem(city), 30)
        finally:
            path.write_text(GOOD, encoding="utf-8")
        until(lambda: ready(city).get("code") == 200 and not problem(city), 30)
