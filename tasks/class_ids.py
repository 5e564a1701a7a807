"""Class ids are append-only: a new class never renumbers the old ones."""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from tasks.digests import canonical_json

CLASSES_FILE = "classes.json"


def class_names(labels: Iterable[str | None], known: Sequence[str] | None) -> list[str] | None:
    """Known names in their order, then new ones by name: an id never changes. None where nothing is labelled."""
    names = list(known or ())
    names += sorted({label for label in labels if label is not None} - set(names), key=natural)
    return names or None


def write_class_names(folder: Path, names: Sequence[str] | None) -> None:
    """Keep the names that a split stage decided on."""
    (folder / CLASSES_FILE).write_text(canonical_json({"class_names": names}), encoding="utf-8")


def read_class_names(folder: Path) -> list[str] | None:
    """Class names in order of id that a split stage decided on; None where nothing is labelled."""
    names: list[str] | None = json.loads((folder / CLASSES_FILE).read_text(encoding="utf-8"))["class_names"]
    return names


def natural(name: str) -> tuple[int, int, str, str]:
    """Sort key: `2` before `10`, numbers before words.

    Numbers are compared by their digits, the longer one being larger: `int` reads no more than 4,300 of them.
    """
    if not name.isdecimal():
        return (1, 0, "", name)
    digits = "".join(str(unicodedata.decimal(digit)) for digit in name).lstrip("0")
    return (0, len(digits), digits, name)
