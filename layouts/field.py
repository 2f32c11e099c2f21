"""The field screen: what I am asked to do, where, and three buttons big enough for a wet thumb."""

from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from dispatch.model import to_plain
from hub.services import Services
from layouts import ids
from layouts.attrs import attrs
from layouts.model import ScreenContext
from layouts.parts import boot, link_dot, map_for, mode_badge, person, plain_json
from layouts.snapshot import take


def layout(services: Services, context: ScreenContext) -> Component:
    """My tasks (filled by assets/field.js, which keeps what was pressed until it is sent) and a map with me on it."""
    shot = take(services, context)
    tasks = [] if context.at else list(services.dispatch.tasks(context.username))
    return html.Div(
        [
            *boot("field", services, shot, context),
            html.Header(
                [
                    html.H1("我的任务", className="city"),
                    mode_badge(shot.mode),
                    link_dot(),
                    person(context),
                ],
                className="head",
            ),
            html.Div(id=ids.LINK_BANNER, className="link-banner", hidden=True, role="alert"),
            html.Main(
                [
                    html.Ol(
                        id=ids.TASKS,
                        className="tasks",
                        **attrs({"data-tasks": plain_json(tasks_plain(tasks)), "data-empty": "目前没有派给您的任务"}),
                    ),
                    html.Div(
                        [
                            map_for(services),
                            html.Button(
                                "我的位置",
                                id=ids.POSITION,
                                type="button",
                                className="tool locate",
                                **attrs({"data-act": "locate"}),
                            ),
                        ],
                        className="stage",
                    ),
                ],
                className="field-main",
            ),
            html.Div(id=ids.TOAST, className="toast", role="alert"),
        ],
        className="field",
    )


def tasks_plain(tasks: Sequence[Any]) -> list[Any]:
    """Tasks as plain JSON values, whichever form the desk hands over."""
    return [to_plain(task) for task in tasks]
