"""Whether each part answers, for `/readyz` and the header of every screen."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import redis
import sqlalchemy as sa

from geodata.city import City
from hub.bus import RedisReadingBus
from hub.database import Database
from hub.engine import engines_alive


class Health:
    """`health()` → part → {"up", "needed", …}. Asks each part; a part that is away costs at most its time-out."""

    def __init__(
        self, database: Database, bus: RedisReadingBus, city: City, clock: Callable[[], datetime],
        chromium: str | None, feeds: Callable[[datetime], Mapping[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        self.feeds = feeds
        self.database, self.bus, self.city, self.clock, self.chromium = database, bus, city, clock, chromium

    def __call__(self) -> Mapping[str, Any]:
        parts: dict[str, Any] = {"database": self._database()}
        try:
            engines = engines_alive(self.bus.client, self.clock())
            parts["bus"] = {"up": True, "backlog": self.bus.backlog()}
            parts["engine"] = self._engine(engines)
            if self.feeds is not None:
                parts["feeds"] = self.feeds(self.clock())
        except redis.RedisError as problem:
            parts["bus"] = {"up": False, "problem": type(problem).__name__}
            parts["engine"] = {"up": False, "problem": "总线不可用,引擎状态未知"}
        layers = self.city.versions
        # a city without map data still takes warnings and calls people: it is said, not refused
        note = "" if layers else "没有任何图层:请运行 python app.py import 或 python app.py sample"
        parts["city"] = {"up": bool(layers), "needed": False, "layers": sorted(layers), "note": note}
        parts["reports"] = {"up": self.chromium is not None, "needed": False}
        return parts

    @staticmethod
    def _engine(engines: list[dict[str, Any]]) -> dict[str, Any]:
        """Up only when one of the engines goes by rules: without them readings are kept and nothing is judged."""
        leader = next((said for said in engines if said["figures"].get("leading")), None)
        figures = (leader or engines[0])["figures"] if engines else {}
        found: dict[str, Any] = {"up": leader is not None, "running": len(engines), "figures": figures}
        wrong = next((said["rules_problem"] for said in engines if said.get("rules_problem")), "")
        if wrong:
            what = "仍按上一版规则运行" if leader else "没有规则在运行,读数不会变成告警"
            found["problem"] = f"规则文件有误,{what}:{wrong}"
        elif not leader:
            found["problem"] = "引擎没有运行" if not engines else "引擎正在接手,读数会在接手后判读"
        return found

    def _database(self) -> dict[str, Any]:
        try:
            with self.database.read() as connection:
                connection.execute(sa.select(1))
            return {"up": True, "kind": self.database.engine.dialect.name}
        except sa.exc.SQLAlchemyError as problem:
            return {"up": False, "problem": type(problem).__name__}
