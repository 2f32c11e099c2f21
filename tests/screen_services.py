"""A small, real-shaped `Services` for tests of the screens: a real city index, desks that only hold values."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
from flask import Flask
from shapely.geometry import Point, box

from alerts.load import first_bin, load_of, topic_of
from alerts.load_lists import ISA_CHATTER
from alerts.load_view import LoadView, officers_of, period_of, stale_of
from alerts.model import Alert, Level
from alerts.standing import standings
from callbacks.build import build_screens
from dispatch.model import Person
from geodata.catalog import Catalog
from geodata.city import City
from geodata.clock import epoch_ms
from hub.rights import Identity
from layers.builtin import BUILTIN_LAYERS

NOW = datetime(2026, 8, 14, 11, 0, tzinfo=UTC)
HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
RESPONSIBLE = Person("p1", "示例人", "巡查", "示例区城管", "371302", ("城管",), {"voice": "***0001"})
USER = Identity("duty", "王值班", "duty", "no-token", "cookie")


def alert(number: int = 1, level: Level = Level.RED, minutes: int = 5, **more: Any) -> Alert:
    at = NOW - timedelta(minutes=minutes)
    base: dict[str, Any] = {
        "id": f"A{number}", "dedup_key": f"k{number}", "source": "rule", "event": "积水", "headline": HOSTILE,
        "level": level, "native_level": "封路水深", "status": "Actual", "onset_at": at, "fired_at": at,
        "updated_at": at, "lon": 118.35, "lat": 35.06, "place": HOSTILE,
    }  # fmt: skip
    return Alert(**(base | more))


def small_city(folder: Path) -> City:
    """One county and two waterlogging points with gauges, one of them with a hostile name."""
    catalog = Catalog(folder)
    counties = {"id": ["371302"], "name": [HOSTILE], "sample": [True]}
    catalog.write("counties", gpd.GeoDataFrame(counties, geometry=[box(118.2, 34.9, 118.5, 35.2)], crs="EPSG:4326"))
    points = {
        "id": ["W1", "W2"], "name": [HOSTILE, "二号"], "kind": ["underpass", "road"], "county_code": ["371302"] * 2,
        "sensor_id": ["S1", "S2"], "slow_depth_m": [0.2] * 2, "close_depth_m": [0.27] * 2, "pump_m3_h": [0.0] * 2,
        "camera_id": ["", ""], "sample": [True] * 2,
    }  # fmt: skip
    places = [Point(118.35, 35.06), Point(118.36, 35.07)]
    catalog.write("waterlogging_points", gpd.GeoDataFrame(points, geometry=places, crs="EPSG:4326"))
    return City.load(catalog)


def services(folder: Path, alerts: tuple[Alert, ...] = (), latest: dict[str, Any] | None = None) -> Any:
    return SimpleNamespace(
        city_name="临沂市", demo=False, clock=lambda: NOW, last_event=lambda: 7,
        city=small_city(folder), layers=BUILTIN_LAYERS,
        alerts=SimpleNamespace(
            list=lambda state, limit, now: [], standings=lambda now, among: standings(among, (), (), now),
            guarded=lambda now: False,
            open=lambda now: list(alerts), as_of=lambda at: [one for one in alerts if one.fired_at <= at]
        ),
        incidents=SimpleNamespace(counts=lambda ids, now: {}, suggestions=lambda now: []),
        responses=SimpleNamespace(list=lambda alert, limit: []),
        dispatch=SimpleNamespace(
            active_calls=lambda: [], tasks=lambda username: [],
            incidents=lambda status, limit=200: [], calls=lambda incident: [],
            plans_approved=False,
            responsible_for=lambda asset: [RESPONSIBLE] if asset == "W1" else [],
        ),
        readings=SimpleNamespace(series=lambda *_: [(NOW - timedelta(hours=1), 0.1), (NOW, 0.3)]),
        registry=SimpleNamespace(numbers=lambda: {"S1": 1, "S2": 2}),
        latest=lambda: latest or {}, exercise=lambda: "",
        feeds=SimpleNamespace(rows=lambda: [], book=SimpleNamespace(problem="")),
        load=SimpleNamespace(view=lambda period, now, exercise=False: load_view(alerts, period, now, exercise)),
    )  # fmt: skip


def load_view(alerts: tuple[Alert, ...], period: str, now: datetime, exercise: bool) -> LoadView:
    """The operator load of `alerts`, each fired once."""
    calls = sorted((epoch_ms(one.fired_at), "fired", int(one.level), None, topic_of(one), one.id) for one in alerts)
    load = load_of(calls, first_bin(now, period_of(period)), now, NOW - timedelta(days=40), (ISA_CHATTER,))
    names = {topic_of(one): one for one in alerts}
    return LoadView(period, exercise, load, stale_of(alerts, now), officers_of([("王值班", 1, 1)]), names)


def client(made: Any) -> tuple[Any, dict[str, Any]]:
    """A test client that is signed in, and the Dash apps."""
    flask_app = Flask("screens")
    apps = build_screens(flask_app, made)
    browser = flask_app.test_client()
    browser.environ_base["citybrain.user"] = USER
    return browser, apps


def walk(node: Any) -> Any:
    """Every component of a layout as JSON."""
    if isinstance(node, list):
        for one in node:
            yield from walk(one)
    elif isinstance(node, dict) and "props" in node:
        yield node
        yield from walk(node["props"].get("children"))
