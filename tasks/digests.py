"""Digests of content, settings and code: what a fingerprint is made of."""

import ast
import hashlib
import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from tasks.kept_meanings import KeptMeanings

ROOT = Path(__file__).resolve().parent.parent
OUR_PACKAGES = ("flows", "tasks", "gan", "datasets")


def canonical_json(value: Any, indent: int | None = None) -> str:
    """The same value gives the same text."""
    separators = None if indent else (",", ":")
    return json.dumps(value, sort_keys=True, indent=indent, separators=separators, ensure_ascii=False)


def digest_of(value: Any) -> str:
    """sha256, hex, of a JSON value."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """sha256, hex, of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_digests(folder: Path, leave_out: Iterable[str] = ()) -> dict[str, str]:
    """sha256 of every file below a folder, by its relative path."""
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: file_sha256(names[name]) for name in sorted(names.keys() - set(leave_out))}


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Installed version of each distribution."""
    from importlib.metadata import version

    return {name: version(name) for name in sorted(names)}


def code_digest(function: Callable[..., Any]) -> str:
    """Digest of the source of a function's module and of all modules of ours that it imports, at any depth."""
    return _module_code_digest(function.__module__)


@cache
def _module_code_digest(module: str) -> str:
    sources = {}
    seen = {module}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _source_of(name)
        if path is None:
            continue
        source = path.read_bytes()
        sources[name], imported = meanings.of(source)
        new = {*imported, *found_by_package(name, path, source)} - seen
        seen |= new
        waiting += new
    meanings.keep()
    return digest_of(sources)


def digest_and_imports(source: bytes) -> tuple[str, list[str]]:
    """Digest of what a source file means, and the names of our own modules that it imports."""
    tree = ast.parse(source)
    imported = imported_modules(tree)
    return hashlib.sha256(meaning(tree).encode()).hexdigest(), sorted(imported)


def meaning(tree: ast.Module) -> str:
    """A source file without comments, docstrings and layout: what cannot change a result is left out. Changes it."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            body[0] = ast.Pass()
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def imported_modules(tree: ast.Module) -> set[str]:
    """Names of our own modules that a source file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    ours = {name for name in names if name.split(".")[0] in OUR_PACKAGES}
    packages = {name.rpartition(".")[0] for name in ours} - {""}  # their __init__ runs too
    return ours | packages


def found_by_package(module: str, path: Path, source: bytes) -> list[str]:
    """Modules in the folder of a package that looks for them there instead of importing them by name."""
    if path.name != "__init__.py" or b"iter_modules(__path__)" not in source:
        return []
    return [f"{module}.{file.stem}" for file in sorted(path.parent.glob("*.py")) if file != path]


def _source_of(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    return next((source for source in (path.with_suffix(".py"), path / "__init__.py") if source.is_file()), None)


meanings = KeptMeanings(digest_and_imports)
