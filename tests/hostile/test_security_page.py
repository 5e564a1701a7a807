"""docs/security.md names every exception that the code makes, and every licence that is installed."""

import re
import tomllib
from pathlib import Path

from docs.make_licence_table import PAGE, TABLE, is_permissive, locked_names

ROOT = Path(__file__).parents[2]
TEXT = PAGE.read_text(encoding="utf-8")
PACKAGES = ("flows", "tasks", "gan", "datasets", "benchmarks", "examples", "docs")


def test_every_exception_of_the_security_rules_is_explained():
    made = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            rules = re.findall(r"# noqa: (S\d+)", path.read_text(encoding="utf-8"))
            made |= {(path.relative_to(ROOT).as_posix(), rule) for rule in rules}
    assert set(re.findall(r"^\| `(\S+)` \| (S\d+) \|", TEXT, re.MULTILINE)) == made


def test_every_rule_that_is_left_out_is_explained():
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    assert "S" in ruff["select"]
    assert all(rule in TEXT for rule in ruff["ignore"] if re.fullmatch(r"S\d+", rule))


def test_every_locked_package_is_in_the_table_of_licences():
    cells = [line.split(" | ")[-1].strip(" |") for line in TABLE.on_page(TEXT).splitlines()[2:]]
    assert sorted(", ".join(cells).split(", "), key=str.lower) == locked_names()


def test_which_licences_are_permissive():
    assert is_permissive("MIT AND PSF-2.0") and is_permissive("Apache-2.0 OR BSD-3-Clause")
    assert not is_permissive("MPL-2.0") and not is_permissive("says none") and not is_permissive("MPL-2.0 AND MIT")
