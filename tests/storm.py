"""A storm of alerts for tests and benches: as many as wanted, the same ones each time, named 示例 throughout."""

import random
from datetime import datetime, timedelta

from alerts.model import Alert, AlertChange, Level
from geodata.clock import new_id

COUNTIES = (
    "兰山区",
    "罗庄区",
    "河东区",
    "沂南县",
    "郯城县",
    "沂水县",
    "兰陵县",
    "费县",
    "平邑县",
    "莒南县",
    "蒙阴县",
    "临沭县",
)
EVENTS = ("积水", "传感器无数据", "井盖异常", "暴雨", "泵站停机", "燃气泄漏", "洪水", "道路中断")
LEVELS = (Level.BLUE, Level.BLUE, Level.BLUE, Level.YELLOW, Level.YELLOW, Level.ORANGE, Level.RED)


def made_up(count: int, now: datetime, first: int = 0) -> list[AlertChange]:
    """Alerts with a fixed seed; named 示例 throughout."""
    pick, changes = random.Random(20260701), []
    for number in range(first, first + count):
        event, county, level = pick.choice(EVENTS), pick.choice(COUNTIES), pick.choice(LEVELS)
        at = now - timedelta(seconds=pick.uniform(0, 6 * 3600))
        alert = Alert(
            id=new_id("AL", at), dedup_key=f"bench:{number}", source="rule", event=event, level=level,
            headline=f"示例点 {number} {event}", native_level=f"示例 {level.name.lower()}", status="Exercise",
            onset_at=at, fired_at=at, updated_at=at, sensor=f"sample-{number}", place=f"示例点 {number}", county=county,
            lon=117.5 + pick.random() * 1.6, lat=34.5 + pick.random() * 1.6, value=pick.random(), unit="m",
        )  # fmt: skip
        changes.append(AlertChange(alert, "fired", at, "engine"))
    return changes
