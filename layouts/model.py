"""What a screen is, and what it is given when it is opened."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from dash import Dash
from dash.development.base_component import Component

from hub.services import Services


@dataclass(frozen=True, slots=True)
class ScreenContext:
    """Who opens the screen, and for which moment. `at` None: live; else the past moment asked for by `?at=`."""

    now: datetime
    username: str
    name: str
    role: str
    at: datetime | None = None
    query: Mapping[str, str] | None = None
    asked: datetime | None = None  # the moment of `?at=` even when it is so near that the screen counts as live
    may_sign: bool = False  # whether this person may sign a response
    may_call: bool = False  # whether this person may acknowledge, open incidents and call

    @property
    def moment(self) -> datetime:
        """The time the screen stands for."""
        return self.at or self.now


@dataclass(frozen=True, slots=True)
class Screen:
    """One screen: its id is its path. `theme` is `dark` or `light`; `installable` ones carry a manifest."""

    id: str
    title: str
    layout: Callable[[Services, ScreenContext], Component]
    register: Callable[[Dash, Services], None]
    theme: str = "dark"
    installable: bool = False
