"""Labels: missing and unknown ones, classes that are empty or small, and how even the classes are."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tasks.curation.finding_list import Findings, usable
from tasks.digests import canonical_json

Row = dict[str, Any]
BALANCE_FILE = "class_balance.json"
_SHOWN_CLASSES = 12


def check_labels(rows: Sequence[Row], classes: Sequence[str] | None, findings: Findings) -> None:
    """Where some images have labels, reject those without; where classes are named, reject other labels."""
    labelled = classes is not None or any(row["label"] is not None for row in rows)
    known = None if classes is None else set(classes)
    for row in usable(rows) if labelled else ():
        if row["label"] is None:
            findings.reject(row, "label_missing", "it has no label, though others have; put it into a class folder")
        elif known is not None and row["label"] not in known:
            detail = f"label {row['label']} is none of curate.classes ({_few(sorted(known))}); correct one or the other"
            findings.reject(row, "label_unknown", detail)


def check_class_sizes(rows: Sequence[Row], min_images_per_class: int, findings: Findings) -> None:
    """Reject the images of classes that have too few."""
    sizes = Counter(row["label"] for row in usable(rows))
    for row in list(usable(rows)):
        size = sizes[row["label"]]
        if row["label"] is not None and size < min_images_per_class:
            detail = f"class {row['label']} has {size} images, needs {min_images_per_class}"
            findings.reject(row, "class_too_small", detail)


def class_balance(rows: Iterable[Row], classes: Sequence[str] | None) -> dict[str, Any] | None:
    """Images in use per class and how even that is; None where nothing is labelled.

    `empty`: classes that are named in the settings or by some file, and have no image in use; files whose label the
    settings leave out name none, as they are out on purpose. `largest_to_smallest` leaves empty ones out.
    `effective_classes`: exp of the entropy of the shares, the number of equal classes that would be as even (Hill
    number of order 1, doi:10.2307/1934352).
    """
    rows = list(rows)
    sizes = Counter(row["label"] for row in usable(rows) if row["label"] is not None)
    named = {row["label"] for row in rows if row["reason"] != "label_left_out"} - {None} | set(classes or ())
    if classes is not None:
        named &= set(classes)
    if not named:
        return None
    images = {name: sizes[name] for name in sorted(named)}
    some = [size for size in images.values() if size]
    return {
        "images": images,
        "empty": [name for name, size in images.items() if not size],
        "largest_to_smallest": round(max(some) / min(some), 4) if some else None,
        "effective_classes": round(effective_classes(some), 4),
    }


def effective_classes(sizes: Sequence[int]) -> float:
    """Exp of the entropy of the shares; as many as there are where all are equal, 0 for none."""
    total = sum(sizes)
    return math.exp(-sum(size / total * math.log(size / total) for size in sizes if size)) if total else 0.0


def write_balance(folder: Path, balance: dict[str, Any] | None) -> None:
    """Keep what `class_balance` says beside the manifest."""
    (folder / BALANCE_FILE).write_text(canonical_json(balance, indent=1), encoding="utf-8")


def read_balance(folder: Path) -> dict[str, Any] | None:
    """What `class_balance` said."""
    balance: dict[str, Any] | None = json.loads((folder / BALANCE_FILE).read_text(encoding="utf-8"))
    return balance


def _few(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN_CLASSES
    return ", ".join(names[:_SHOWN_CLASSES]) + (f" and {more} more" if more > 0 else "")
