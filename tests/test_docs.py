"""What the documents say is what there is: settings, layers, channels, data, commands, rules, routes, files, links."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from inspect import getmembers, isfunction, signature
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock
from urllib.parse import urlsplit

import pytest

import hub.api
from alerts.quantities import QUANTITIES
from alerts.rule_kinds import SPEC_READERS
from alerts.rules import LevelStep, Rule, SensorFilter
from alerts.series_rules import MEASURES, SERIES_READERS
from app import COMMANDS
from dispatch.channels import BUILTIN_CHANNELS
from geodata.datasets import DATASETS
from hub.push import TOPICS
from hub.rights import RIGHTS, ROLES
from hub.settings import Settings
from layers.builtin import BUILTIN_LAYERS

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {path.name for path in ROOT.iterdir() if path.is_dir()}
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SHOWN_COMMANDS = sorted(name for name, (_, words) in COMMANDS.items() if words)
METHODS = "GET|POST|PUT|PATCH|DELETE"
OWN_HOSTS = re.compile(r"127\.0\.0\.1|localhost|.*\.(invalid|example)|.*[^\x00-\x7f].*|host|h\.invalid")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@cache
def text(name: str) -> str:
    return COMMENT.sub("", (ROOT / name).read_text(encoding="utf-8"))


def named(word: str, name: str) -> bool:
    """Whether `word` stands in code marks, alone or with others, in the document `name`."""
    return (
        re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", " ".join(re.findall(r"`[^`\n]+`", text(name)))) is not None
    )


def api_modules() -> Iterator[ModuleType]:
    for path in sorted(Path(hub.api.__path__[0]).glob("[a-z]*.py")):
        yield import_module(f"hub.api.{path.stem}")


def routes() -> set[str]:
    """`METHOD /path` of every route, read from the routers themselves; no part is started for it."""
    found = set()
    for module in api_modules():
        for name, make in getmembers(module, isfunction):
            if name.endswith("router") and make.__module__ == module.__name__:
                for route in make(*(MagicMock() for _ in signature(make).parameters)).routes:
                    found |= {f"{method} {route.path}" for method in route.methods - {"HEAD"}}
    return found


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_explained(name: str) -> None:
    rows = [
        line for line in text("docs/settings.md").splitlines() if line.startswith(f"| `CITYBRAIN_{name.upper()}` |")
    ]
    assert len(rows) == 1, f"docs/settings.md needs one row for CITYBRAIN_{name.upper()}"
    default = Settings.model_fields[name].default
    shown = str(default).lower() if isinstance(default, bool) else str(getattr(default, "as_posix", lambda: default)())
    if "SecretStr" not in repr(default):
        assert f"| `{shown}` |" in rows[0] or not shown, f"docs/settings.md: the default of {name} is {shown}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_document_names_a_setting_that_is_not_there(path: Path) -> None:
    known = {f"CITYBRAIN_{name.upper()}" for name in Settings.model_fields}
    for bench in (ROOT / "bench").glob("*.py"):  # what only a measurement reads
        known |= set(re.findall(r'"(CITYBRAIN_[A-Z_]+)"', bench.read_text(encoding="utf-8")))
    assert set(re.findall(r"CITYBRAIN_[A-Z_]+[A-Z]", path.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize("layer", BUILTIN_LAYERS, ids=lambda layer: layer.id)
def test_every_layer_is_in_the_operators_guide(layer: object) -> None:
    assert named(layer.id, "docs/operator.md"), f"docs/operator.md does not name the layer {layer.id}"
    assert layer.title in text("docs/operator.md")


@pytest.mark.parametrize("kind", BUILTIN_CHANNELS, ids=lambda kind: kind.id)
def test_every_channel_is_explained(kind: object) -> None:
    assert named(kind.id, "docs/plans.md"), f"docs/plans.md does not explain the channel {kind.id}"
    assert f"CITYBRAIN_{kind.setting.upper()}" in text("docs/plans.md")


@pytest.mark.parametrize("spec", DATASETS, ids=lambda spec: spec.id)
def test_every_dataset_and_its_columns_are_explained(spec: object) -> None:
    row = next((line for line in text("docs/importing.md").splitlines() if line.startswith(f"| `{spec.id}` ")), "")
    assert spec.title in row, f"docs/importing.md has no row for {spec.id} {spec.title}"
    missing = [field.name for field in spec.fields if not re.search(rf"\b{field.name}\b", row)]
    assert not missing, f"docs/importing.md, row {spec.id}: {missing}"
    assert named(spec.id, "docs/api.md")


@pytest.mark.parametrize("name", SHOWN_COMMANDS)
def test_every_command_is_in_the_operators_guide(name: str) -> None:
    assert re.search(rf"app\.py {name}\b", text("docs/operator.md")), f"docs/operator.md does not explain {name}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_document_names_a_command_that_is_not_there(path: Path) -> None:
    assert set(re.findall(r"app\.py ([a-z]+)", path.read_text(encoding="utf-8"))) <= set(COMMANDS)


def test_every_make_target_that_is_named_is_there() -> None:
    makefile = text("Makefile")
    for path in DOCUMENTS:
        for target in re.findall(r"`make ([a-z]+)", path.read_text(encoding="utf-8")):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{path}: make {target}"


RULE_WORDS = {*Rule.__slots__, *SensorFilter.__slots__, *LevelStep.__slots__, "absent_after_s", *MEASURES}
SERIES_WORDS = {one for kind, reader in SERIES_READERS.items() for one in (kind, *reader.fields)}
SPEC_WORDS = {one for kind, reader in SPEC_READERS.items() for one in (kind, *reader.fields)}


@pytest.mark.parametrize("name", sorted(RULE_WORDS | SERIES_WORDS | SPEC_WORDS))
def test_every_field_of_a_rule_is_explained(name: str) -> None:
    found = re.search(rf"(?<!\w){name}(?!\w)", " ".join(re.findall(r"`[^`\n]+`", text("docs/rules.md"))))
    assert found, f"docs/rules.md does not explain {name}"


@pytest.mark.parametrize("name", sorted(QUANTITIES))
def test_every_quantity_is_named(name: str) -> None:
    assert named(name, "docs/api.md")


@pytest.mark.parametrize("word", sorted({*RIGHTS, *TOPICS}))
def test_every_right_and_topic_is_explained(word: str) -> None:
    assert named(word, "docs/api.md")


@pytest.mark.parametrize("role", sorted(ROLES))
def test_every_role_is_in_the_operators_guide(role: str) -> None:
    assert named(role, "docs/operator.md")
    assert ROLES[role] in text("docs/operator.md")


def test_the_api_document_names_every_route_and_no_other() -> None:
    written = set(re.findall(rf"`((?:{METHODS}) /[^\s`?]*)", text("docs/api.md")))
    assert routes() - written == set(), "docs/api.md does not name these"
    assert written - routes() == set(), "docs/api.md names what is not there"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere_and_nothing_is_outside(path: Path) -> None:
    words = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", words):
        if not target.startswith(("http://", "https://", "#")):
            assert (path.parent / target.split("#")[0]).exists(), f"{path.name} links to {target}, which is not there"
    for url in re.findall(r"https?://[^\s`)\"'…,;|]+", words):
        host = urlsplit(url).netloc.rsplit("@", 1)[-1].split(":")[0]
        assert OWN_HOSTS.fullmatch(host), f"{path.name} names {host}: documents must be complete without the internet"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_named_are_there(path: Path) -> None:
    for name in re.findall(
        r"`([\w/.-]+/[\w.-]+\.(?:py|js|css|yaml|md|sh|csv|toml))(?:::[\w]+)?`", text(str(path.relative_to(ROOT)))
    ):
        if name.split("/")[0] in ROOMS:
            assert (ROOT / name).exists(), f"{path.name} names {name}, which is not there"


def test_tests_named_are_there() -> None:
    for path in DOCUMENTS:
        for name, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", path.read_text(encoding="utf-8")):
            assert f"def {test}(" in text(name), f"{path.name} names {name}::{test}"


@pytest.mark.parametrize("number", range(1, 31))
def test_every_fault_has_its_row(number: int) -> None:
    assert len(re.findall(rf"^\| {number} \|", text("docs/reliability.md"), re.MULTILINE)) == 1


def test_every_decision_is_in_the_index() -> None:
    for path in (ROOT / "docs" / "adr").glob("0*.md"):
        assert f"]({path.name})" in text("docs/adr/README.md"), f"docs/adr/README.md does not list {path.name}"
