"""Writes the table of licences in docs/security.md from what is installed of requirements.lock.

python docs/make_licence_table.py
"""

import re
import sys
from collections import defaultdict
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from docs.page_parts import PagePart  # noqa: E402, the path has to be set first

TABLE = PagePart("table of licences", "docs/make_licence_table.py")
PAGE = ROOT / "docs" / "security.md"
PERMISSIVE = ("MIT", "BSD", "Apache", "ISC", "PSF", "Python Software Foundation", "0BSD", "Zlib", "CC0", "CNRI")
SHORT = {
    "MIT License": "MIT",
    "BSD License": "BSD",
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
ABSENT = "not installed here"


def table() -> str:
    """A row per licence, those first that are not permissive; Markdown."""
    by_licence: dict[str, list[str]] = defaultdict(list)
    for name in locked_names():
        by_licence[licence_of(name)].append(name)
    order = sorted(by_licence, key=lambda licence: (is_permissive(licence), licence.lower()))
    rows = [
        f"| {licence} | {'yes' if is_permissive(licence) else '**look**'} | {len(by_licence[licence])} | "
        f"{', '.join(by_licence[licence])} |"
        for licence in order
    ]
    return "\n".join(["| licence | permissive | packages | which |", "|---|---|---|---|", *rows])


def locked_names() -> list[str]:
    """Names of the locked runtime dependencies, in order."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return sorted(set(re.findall(r"^([A-Za-z0-9_.-]+)==", text, re.MULTILINE)), key=str.lower)


def licence_of(name: str) -> str:
    """Its licence expression; where it has none its classifiers, else the first line of its licence."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return ABSENT
    said = _said(found)
    return " or ".join(sorted({SHORT.get(part, part) for part in said})) or "says none"


def is_permissive(licence: str) -> bool:
    """Whether each part that has to be kept, or one part of those to choose from, is permissive."""
    choices = re.split(r" or ", licence)
    return any(
        all(part.strip("( )").startswith(PERMISSIVE) for part in re.split(r" AND | OR ", one)) for one in choices
    )


def _said(found: Distribution) -> list[str]:
    metadata = found.metadata
    if expression := metadata.get("License-Expression"):
        return [expression]
    classified = [
        line.split(" :: ")[-1] for line in metadata.get_all("Classifier", []) if line.startswith("License ::")
    ]
    return classified or [line for line in (metadata.get("License") or "").splitlines()[:1] if line]


if __name__ == "__main__":
    TABLE.replace_in(PAGE, table())
