"""One product for all fault tests: each leaves it ready for the next."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.sink import Sink
from tests.faults.parts import is_ready
from tests.serving import ROOT, Server, sample_data, serving, until


@pytest.fixture(scope="session")
def sink() -> Iterator[Sink]:
    """The gateways, in the test's own process: they live on while the product's parts die."""
    with Sink() as made:
        yield made


@pytest.fixture(scope="session")
def city_server(tmp_path_factory: pytest.TempPathFactory, sample_source: Path, sink: Sink) -> Iterator[Server]:
    data = sample_data(tmp_path_factory.mktemp("faults"), sample_source)
    shutil.copy(ROOT / "alerts/rules.yaml", data / "rules.yaml")
    shutil.copy(ROOT / "alerts/feeds.yaml", data / "feeds.yaml")  # a test that wants feeds writes its own there
    settings = {
        "CITYBRAIN_FEEDS_FILE": str(data / "feeds.yaml"),
        "CITYBRAIN_DEMO": "true",
        "CITYBRAIN_DRILL": "",
        "CITYBRAIN_RULES_FILE": str(data / "rules.yaml"),
        "CITYBRAIN_SMTP_URL": sink.smtp_url,
        "CITYBRAIN_WEBHOOK_URL": sink.webhook_url,
    }
    with serving(data, **settings) as made:
        yield made


@pytest.fixture
def city(city_server: Server, sink: Sink) -> Server:
    sink.trouble.hang_s, sink.trouble.fail_next = 0.0, 0
    until(lambda: is_ready(city_server), 30)
    return city_server
