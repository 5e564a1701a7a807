"""What ARCHITECTURE.md draws is what the sources import."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PACKAGES = ("flows", "tasks", "gan", "datasets")


def module_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = {module_of(path): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}


def statements(tree):
    """All but what only the type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from statements(node)


def imported_modules(path):
    """Those of this project that a file imports, wherever in it."""
    for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in FILES else node.module for name in inner]
        else:
            continue
        yield from (name for name in names if name in FILES)


IMPORTS = {module: set(imported_modules(path)) - {module} for module, path in FILES.items()}


def folder_of(module):
    """E.g. tasks/report; None for a module that lies in no folder of a package."""
    parts = FILES[module].relative_to(ROOT).parts
    return "/".join(parts[:2]) if len(parts) > 2 else None


def between_folders():
    """Folder -> the folders that its modules import."""
    found = {}
    for module, imported in IMPORTS.items():
        here = folder_of(module)
        there = {folder_of(name) for name in imported} - {None, here}
        if here:
            found.setdefault(here, set()).update(there)
    return found


def shortest(graph):
    """The arrows of an acyclic graph that do not follow from others."""

    def reached(start):
        found = set(graph.get(start, ()))
        return found.union(*map(reached, found))

    return {
        (start, end)
        for start, ends in graph.items()
        for end in ends
        if not any(end in reached(other) for other in ends - {end})
    }


def test_no_two_modules_import_each_other():
    try:
        TopologicalSorter(IMPORTS).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def test_the_diagram_shows_which_folders_import_which():
    drawn = set(re.findall(r"^ *(\S+) --> (\S+)$", PAGE, flags=re.MULTILINE))
    assert sorted(drawn) == sorted(shortest(between_folders()))


def test_every_folder_is_told_of():
    folders = {folder_of(module) for module in FILES} - {None}
    assert sorted(folder for folder in folders if f"`{folder}/`" not in PAGE) == []
