"""Teams and counties from the city's datasets, as the dispatch room asks for them."""

from collections.abc import Sequence
from typing import Any

from dispatch.ports import Team
from geodata.city import City
from geodata.errors import NotFound
from geodata.query import features_at, nearest


class CityTeams:
    """`dispatch.ports.TeamFinder` on the `teams` and `counties` layers. Positions are stations: no age is claimed."""

    def __init__(self, city: City) -> None:
        self._city = city

    def teams_near(self, lon: float, lat: float, limit: int) -> Sequence[Team]:
        """The `limit` nearest teams by straight distance; none when the layer was never imported."""
        try:
            found = nearest(self._city, "teams", lon, lat, limit)
        except NotFound:
            return []
        return [_team(item) for item in found]

    def county_at(self, lon: float, lat: float) -> str | None:
        """The 6-digit code of the county around the place, None outside the city or without boundaries."""
        try:
            found = features_at(self._city, lon, lat, zoom=14, layers=["counties"])
        except NotFound:
            return None
        return str(found[0]["id"]) if found else None

    def asset_of(self, sensor: str) -> str | None:
        """The asset the sensor belongs to, None when the registry of the map does not know."""
        try:
            row = self._city.row("sensors", sensor)
        except NotFound:
            return None
        return str(row["asset_id"]) if row and row.get("asset_id") else None


def _team(item: Any) -> Team:
    fields = item["fields"]
    words = str(fields.get("capabilities") or "").replace(",", ",").replace("、", ",").split(",")
    return Team(
        id=str(item["id"]),
        name=str(fields.get("name") or item["id"]),
        kind=str(fields.get("kind") or ""),
        capabilities=tuple(word.strip() for word in words if word.strip()),
        lon=float(item["lon"]),
        lat=float(item["lat"]),
        state=str(fields.get("state") or ""),
    )
