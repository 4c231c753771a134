"""Imports point down only, as docs/architecture.md draws it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

# A module's layer is that of the longest prefix of its name; it imports from layers below its
# own, and from its own neighbours in the same package.
LAYERS = (
    (
        "scened.errors",
        "scened.clock",
        "scened.wording",
        "scened.formats",
        "scened.installation",
        "scened.landlock",
        "scened.logs",
        "scened",
    ),
    ("scened.config", "scened.findings", "scened.notify", "scened.progress", "scened.sidecars"),
    ("scened.records",),
    ("scened.models", "scened.settings_file", "scened.units"),
    ("scened.store",),
    ("scened.governor",),
    ("scened.migrations", "scened.photos", "scened.analysis", "scened.search"),
    ("scened.packs",),
    (
        "scened.requests",
        "scened.dispatch",
        "scened.health",
        "scened.library",
        "scened.metrics",
    ),
    ("scened.service", "scened.export", "scened.gallery"),
    ("scened.cli",),
)
DAEMON_MAY_LOAD_OF_ANALYSIS = {
    "scened.analysis.appearance",
    "scened.analysis.captions",
    "scened.analysis.drawing",
    "scened.analysis.protocol",
    "scened.analysis.supervisor",
    "scened.analysis.trial",
    "scened.analysis.thumbnailing",
}


def modules() -> dict[str, Path]:
    found = {}
    for package, folder in (
        ("scened", "daemon"),
        ("scened.models", "models"),
        ("scened.migrations", "migrations"),
    ):
        for file in (REPOSITORY / folder).rglob("*.py"):
            relative = file.relative_to(REPOSITORY / folder)
            if relative.parts[0] == "training":  # not part of what is installed
                continue
            parts = relative.with_suffix("").parts
            found[".".join((package, *(part for part in parts if part != "__init__")))] = file
    return found


def imports(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    known = modules()
    return {name for name in names if name in known}


def layer(module: str) -> tuple[int, str]:
    best = ""
    number = -1
    for position, prefixes in enumerate(LAYERS):
        for prefix in prefixes:
            if (module == prefix or module.startswith(prefix + ".")) and len(prefix) > len(best):
                best, number = prefix, position
    return number, best


def test_every_module_has_a_layer_of_its_own() -> None:
    unplaced = {module for module in modules() if layer(module)[1] == "scened"} - {"scened"}
    assert unplaced == set()


# the package itself names what it hands out, for type checkers only
@pytest.mark.parametrize("module", sorted(modules().keys() - {"scened"}))
def test_imports_point_down(module: str) -> None:
    number, package = layer(module)
    for imported in imports(modules()[module]):
        below, of = layer(imported)
        assert below < number or of == package, f"{module} imports {imported}"


@pytest.mark.parametrize(
    "module", sorted(name for name in modules() if not name.startswith("scened.analysis"))
)
@pytest.mark.promise(
    "file: any",
    "decoded in a confined process only",
)
def test_only_the_analyzer_loads_what_decodes(module: str) -> None:
    of_analysis = {
        name for name in imports(modules()[module]) if name.startswith("scened.analysis.")
    }
    assert of_analysis <= DAEMON_MAY_LOAD_OF_ANALYSIS
