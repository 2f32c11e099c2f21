"""Every route of the running product, as its OpenAPI document describes it, with what nobody would send: no 5xx."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.serving import Server

EXAMPLES = 6
SLOW = ("/api/v1/brief.png", "/api/v1/brief.pdf", "/api/v1/load.png")  # Chromium draws each: asked for once
LEFT_OUT = ("/stream", "/logout")  # the one never ends, the other ends the sign-in that asks
PICTURE_S = 90


@pytest.fixture(scope="module")
def signed_in(server: Server) -> Iterator[httpx.Client]:
    with server.api("admin") as client:
        yield client


@pytest.fixture(scope="module")
def schema(signed_in: httpx.Client) -> Any:
    return schemathesis.openapi.from_dict(signed_in.get("/api/openapi.json").json())


def answer(client: httpx.Client, case: Any, body: bytes) -> int:
    """The status of one generated request. Most routes read their bodies themselves, so that the document does not
    describe them: those get `body`."""
    kwargs = case.as_transport_kwargs(base_url=str(client.base_url))
    kwargs.pop("cookies", None)
    kwargs["headers"] = {
        key: word for key, word in (kwargs.get("headers") or {}).items() if key.lower() != "authorization"
    }
    if body and not any(kwargs.get(name) for name in ("json", "data", "content", "files")):
        kwargs |= {"content": body}
        kwargs["headers"]["Content-Type"] = "application/json"
    if isinstance(kwargs.get("data"), bytes | str):  # made for another client
        kwargs["content"] = kwargs.pop("data")
    timeout = PICTURE_S if case.operation.path in SLOW else 20
    return sendable(client, kwargs, timeout)


def sendable(client: httpx.Client, kwargs: dict[str, Any], timeout: float) -> int:
    try:
        request = client.build_request(**kwargs, timeout=timeout)
    except (httpx.InvalidURL, ValueError, TypeError):  # what no client can put on the wire
        return 0
    try:
        return client.send(request).status_code
    except httpx.LocalProtocolError:
        return 0


NAMES = ("ids", "note", "reason", "until", "minutes", "matchers", "ends_at", "starts_at", "alert_ids", "type", "lon",
         "lat", "title", "level", "observations", "quantity", "sensor", "value", "observed_at", "exercise", "text",
         "why", "body", "status", "alerts", "labels", "identifier", "info", "person", "step", "name")  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(
    ["2026-07-01T08:00:00+08:00", "2026-07-01", "event=积水", "Ⅱ", "admin", "\x00", "9" * 400]
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8) | VALUES
WRITES = ("POST", "PUT", "PATCH", "DELETE")


def ask(client: httpx.Client, operation: Any, asked: Counter[str], statuses: Counter[int], broke: list[str]) -> None:
    """A few requests of one operation."""
    label = f"{operation.method.upper()} {operation.path}"

    @seed(20_261_122)
    @settings(
        max_examples=1 if operation.path in SLOW else EXAMPLES, deadline=None, database=None,
        phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(), body=BODIES)
    def each(case: Any, body: Any) -> None:
        status = answer(client, case, json.dumps(body).encode() if label.startswith(WRITES) else b"")
        asked[label] += 1
        statuses[status] += 1
        if status >= 500:
            broke.append(f"{status} {label} {json.dumps(body)[:300]} {case.as_curl_command()[:400]}")

    each()


@pytest.mark.parametrize("who", ["admin", "nobody"])
def test_no_route_ever_answers_that_it_broke(server: Server, signed_in: httpx.Client, schema: Any, who: str) -> None:
    with httpx.Client(base_url=server.url, trust_env=False) as stranger:
        broke, asked, statuses = every_route(schema, signed_in if who == "admin" else stranger)
    assert broke == []
    assert len(asked) > 40, asked
    assert statuses[401] > 40 if who == "nobody" else statuses[200] > 40, statuses


def every_route(schema: Any, client: httpx.Client) -> tuple[list[str], Counter[str], Counter[int]]:
    """(what answered 5xx, requests by route, requests by status)."""
    broke: list[str] = []
    asked: Counter[str] = Counter()
    statuses: Counter[int] = Counter()
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path in LEFT_OUT:
            continue
        ask(client, operation, asked, statuses, broke)
    return broke, asked, statuses


def test_a_stream_is_described_and_answers(signed_in: httpx.Client) -> None:
    with signed_in.stream("GET", "/stream?topics=alerts") as answered:
        assert answered.status_code == 200
        assert next(answered.iter_lines())
