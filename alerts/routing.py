"""Which receiver is told of which alert, and together with which others: Alertmanager's route tree as data.

An alert goes down the tree to the deepest route that matches; it stops at the first sibling that matches unless that
says `continue`. A route without its own value has its parent's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from alerts.feeds.nodes import FeedNode, top_node
from alerts.labels import labels_of
from alerts.matchers import Matcher, all_match, parse_matcher
from alerts.model import Alert
from alerts.rules_read import ListedProblems
from geodata.errors import BadInput

GROUP_WAIT_S, GROUP_INTERVAL_S, REPEAT_INTERVAL_S = 30.0, 300.0, 14_400.0
EACH_ALONE = "..."  # in group_by: every alert is a group of its own
_FIELDS = {
    "receiver", "group_by", "group_wait", "group_interval", "repeat_interval", "continue", "matchers", "routes",
}  # fmt: skip
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
_UNITS_S = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_RECEIVER = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LONGEST_S = 31 * 86_400.0


@dataclass(frozen=True, slots=True)
class Route:
    """`path` names the route in the tree ("0", "0.2", …). `group_by` None: each alert alone."""

    path: str
    receiver: str
    group_by: tuple[str, ...] | None
    group_wait_s: float = GROUP_WAIT_S
    group_interval_s: float = GROUP_INTERVAL_S
    repeat_interval_s: float = REPEAT_INTERVAL_S
    matchers: tuple[Matcher, ...] = ()
    goes_on: bool = False
    routes: "tuple[Route, ...]" = ()
    line: int = 0

    def receivers(self) -> set[str]:
        return {self.receiver}.union(*(route.receivers() for route in self.routes))

    def for_labels(self, labels: Mapping[str, str]) -> "list[Route]":
        """The routes an alert takes, in the order of the file. The root takes whatever no branch of it takes."""
        found: list[Route] = []
        for route in self.routes:
            if all_match(route.matchers, labels):
                found += route.for_labels(labels)
                if not route.goes_on:
                    break
        return found or [self]


@dataclass(frozen=True, slots=True)
class Place:
    """One group: the route that makes it and the labels its alerts share. `key` stands for both in the log."""

    route: Route
    labels: tuple[tuple[str, str], ...]
    key: str


def routing_labels(alert: Alert) -> Mapping[str, str]:
    """The alert's labels, `alertname` for receivers that know Prometheus, how often it was escalated and to whom."""
    labels = dict(labels_of(alert))
    labels.setdefault("alertname", alert.event)
    if alert.escalation:
        labels["escalation"] = str(alert.escalation)
        labels["escalated_to"] = alert.escalated_to
    return labels


def places(root: Route, labels: Mapping[str, str]) -> list[Place]:
    """The groups an alert with `labels` belongs to."""
    return [_place(route, labels) for route in root.for_labels(labels)]


def group_text(place: Place) -> str:
    """The group's key as Alertmanager writes it: {route}:{labels}."""
    shared = ", ".join(f'{name}="{value}"' for name, value in place.labels)
    return f"{{{place.route.path}}}:{{{shared}}}"


def _place(route: Route, labels: Mapping[str, str]) -> Place:
    names = sorted(labels) if route.group_by is None else route.group_by
    shared = tuple([(name, labels[name]) for name in names if name in labels])
    text = "\0".join([route.path, route.receiver, *(f"{name}\0{value}" for name, value in shared)])
    return Place(route, shared, sha256(text.encode("utf-8", "surrogatepass")).hexdigest())


def parse_routing(text: str, name: str = "routing.yaml") -> Route:
    """The tree of a routing file. Raises `BadInput` with the line of every problem."""
    problems = ListedProblems(name)
    top = top_node(text, problems)
    if top is not None:
        top.only({"route"})
    node = top.part("route") if top is not None else None
    root = _route(node, "0", None) if node is not None else None
    if root is None and not problems.lines:
        problems.add(1, "缺少 route")
    if problems.lines or root is None:
        listed = [f"{name}:{line}: {what}" for line, what in sorted(problems.lines)]
        raise BadInput("通知路由有误\n" + "\n".join(listed), problems=listed)
    return root


def _route(node: FeedNode, path: str, parent: Route | None) -> Route:
    node.only(_FIELDS)
    receiver = node.text("receiver", required=parent is None) or (parent.receiver if parent else "")
    if receiver and not _RECEIVER.fullmatch(receiver):
        node.problem("receiver", "receiver 只能用小写字母、数字、横线和下划线(不超过 64 个字符)")
    if parent is None and (node.has("matchers") or node.has("continue")):
        node.problem("matchers", "最上层的 route 接收一切告警,不能写 matchers 或 continue")
    route = Route(
        path,
        receiver,
        _group_by(node, parent),
        _seconds(node, "group_wait", parent.group_wait_s if parent else GROUP_WAIT_S, 0.0),
        _seconds(node, "group_interval", parent.group_interval_s if parent else GROUP_INTERVAL_S, 0.001),
        _seconds(node, "repeat_interval", parent.repeat_interval_s if parent else REPEAT_INTERVAL_S, 1.0),
        _matchers(node) if parent is not None else (),
        node.flag("continue", False),
        line=node.line,
    )
    if route.repeat_interval_s < route.group_interval_s:
        node.problem("repeat_interval", "repeat_interval 不能短于 group_interval")
    branches = [_route(part, f"{path}.{number}", route) for number, part in enumerate(node.parts("routes"))]
    return _with_routes(route, tuple(branches))


def _with_routes(route: Route, branches: tuple[Route, ...]) -> Route:
    return Route(
        route.path, route.receiver, route.group_by, route.group_wait_s, route.group_interval_s,
        route.repeat_interval_s, route.matchers, route.goes_on, branches, route.line,
    )  # fmt: skip


def _group_by(node: FeedNode, parent: Route | None) -> tuple[str, ...] | None:
    if not node.has("group_by"):
        return parent.group_by if parent else ()
    names = node.words("group_by")
    if names == [EACH_ALONE]:
        return None
    for label in names:
        if not _LABEL.fullmatch(label):
            node.problem("group_by", f"group_by 的标签 {label[:40]!r} 不合规定")
    return tuple(sorted(set(names)))


def _matchers(node: FeedNode) -> tuple[Matcher, ...]:
    found = []
    for text in node.words("matchers"):
        try:
            found.append(parse_matcher(text))
        except BadInput as wrong:
            node.problem("matchers", str(wrong))
    if not node.has("matchers"):
        node.problem("matchers", "缺少 matchers(这一支接收哪些告警)")
    return tuple(found)


def _seconds(node: FeedNode, key: str, default: float, least_s: float) -> float:
    if not node.has(key):
        return default
    text = node.text(key)
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        node.problem(key, f"{key} 应写成 30s、5m、4h、1h30m 的样子")
        return default
    total = sum(int(part) * unit for part, unit in zip(found.groups(), _UNITS_S, strict=True) if part)
    if not least_s <= total <= _LONGEST_S:
        node.problem(key, f"{key} 应在 {least_s:g} 秒与 31 天之间")
        return default
    return total
