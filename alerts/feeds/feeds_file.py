"""The feeds file: which feeds there are, whom we listen to, how much each may send. Checked with line numbers."""

from collections.abc import Mapping

from alerts.feeds.builtin import BUILTIN_FEEDS
from alerts.feeds.model import Feed, FeedsFile, FeedSpec, Limit
from alerts.feeds.nodes import FeedNode, top_node
from alerts.quantities import QUANTITIES
from alerts.rules_read import ListedProblems
from geodata.errors import BadInput

COMMON = ("id", "kind", "title", "on", "stale_after_s", "limit", "exercise")
FEEDS_MAX = 200


def read_feeds(text: str, name: str = "feeds.yaml") -> FeedsFile:
    """The file's feeds and limits; raises `BadInput` with `problems`, one line each: `name:line: what`."""
    problems = ListedProblems(name)
    top = top_node(text, problems)
    found = FeedsFile() if top is None else _file(top)
    if problems.lines:
        listed = [f"{name}:{line}: {what}" for line, what in sorted(problems.lines)]
        raise BadInput("接入文件有误\n" + "\n".join(listed), problems=listed)
    return found


def _file(top: FeedNode) -> FeedsFile:
    top.only({"feeds", "http", "sensorthings"})
    configurable = {feed.kind: feed for feed in BUILTIN_FEEDS if feed.read is not None}
    specs, seen = [], set[str]()
    nodes = top.parts("feeds")
    if len(nodes) > FEEDS_MAX:
        top.problem("feeds", f"最多 {FEEDS_MAX} 个接入")
    for node in nodes:
        spec = _spec(node, configurable)
        if spec is None:
            continue
        if spec.id in seen:
            node.problem("id", f"编号 {spec.id} 用了两次")
        seen.add(spec.id)
        specs.append(spec)
    http = top.part("http")
    if http is not None:
        http.only({"limit", "identities", "stale_after_s"})
    things = top.part("sensorthings")
    if things is not None:
        things.only({"datastreams"})
    return FeedsFile(
        tuple(specs),
        _limit(http),
        _identities(http),
        600.0 if http is None else http.number("stale_after_s", 600.0, 0, 31_536_000),
        {} if things is None else _datastreams(things),
    )


def _spec(node: FeedNode, kinds: Mapping[str, Feed]) -> FeedSpec | None:
    kind = node.choice("kind", tuple(kinds), "")
    feed = kinds.get(kind)
    if feed is None or feed.read is None:
        return None
    node.only({*COMMON, *feed.fields})
    name = node.word("id")
    if ":" in name:
        node.problem("id", "id 里不能有冒号")
    return FeedSpec(
        id=name, kind=kind, title=node.text("title") or name, own=feed.read(node), on=node.flag("on", True),
        stale_after_s=node.number("stale_after_s", 600.0, 0, 31_536_000), limit=_limit(node),
        exercise=node.text("exercise")[:64], line=node.line,
    )  # fmt: skip


def _limit(node: FeedNode | None) -> Limit:
    given = None if node is None else node.part("limit")
    if given is None:
        return Limit()
    given.only({"rows_per_s", "burst"})
    rate = given.number("rows_per_s", None, 0, 10_000_000)
    return Limit(rate, given.number("burst", max(1.0, rate * 10), 1, 1_000_000_000))


def _identities(http: FeedNode | None) -> dict[str, Limit]:
    table = None if http is None else http.part("identities")
    if table is None:
        return {}
    found = {}
    for username in table.names():
        node = table.part(username)
        if node is not None:
            node.only({"limit"})
            found[username] = _limit(node)
    return found


def _datastreams(node: FeedNode) -> dict[str, tuple[str, str]]:
    found, table = {}, node.part("datastreams")
    for name, target in node.table("datastreams").items():
        sensor, slash, quantity = target.rpartition("/")
        if (not slash or not sensor or quantity not in QUANTITIES) and table is not None:
            table.problem(name, f"{name} 应写成 传感器编号/观测量,观测量可用:{'、'.join(QUANTITIES)}")
        found[name] = (sensor, quantity)
    return found
