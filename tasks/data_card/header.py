"""The YAML head that HuggingFace reads off a card."""

from collections.abc import Sequence
from typing import Any

import yaml

from datasets.tfds_layout import Index

_SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
_SIZE_NAMES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B")
KNOWN_LICENCES = frozenset(
    [
        *("apache-2.0", "bsd-2-clause", "bsd-3-clause", "gfdl", "gpl-3.0", "lgpl-3.0", "mit", "mpl-2.0", "unlicense"),
        *("cc0-1.0", "pddl", "odbl", "odc-by", "etalab-2.0", "c-uda", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0"),
        *("cc-by-4.0", "cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0"),
        *("cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
    ]
)
"""What HuggingFace has a name for; the others are called `other` there, and named beside it."""


def header(index: Index, licences: Sequence[str]) -> str:
    """YAML between two lines of dashes, for an index and the licences of its images in words of their sources."""
    known = [licence.lower() for licence in licences if licence.lower() in KNOWN_LICENCES]
    unknown = [licence for licence in licences if licence.lower() not in KNOWN_LICENCES]
    named = known + (["other"] if unknown else [])
    head: dict[str, Any] = {
        "pretty_name": f"{index.name} {index.version}",
        "license": named[0] if len(named) == 1 else named or "unknown",
    }
    if unknown:
        head["license_name"] = ", ".join(unknown)
    labelled = index.features.class_names is not None
    head["task_categories"] = ["image-classification" if labelled else "unconditional-image-generation"]
    head["size_categories"] = [size_category(sum(index.records(split) for split in index.splits))]
    head["tags"] = tags(index)
    text = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{text}---\n"


def tags(index: Index) -> list[str]:
    """Words to search for; `synthetic` where a generator made the images."""
    found = ["image", "tfrecord", "tensorflow-datasets", "augment-dataset"]
    if index.lineage.get("kind") == "synthetic":
        return [*found, "synthetic", "gan"]
    return [*found, "augmented"] if any(split.endswith("_augmented") for split in index.splits) else found


def size_category(count: int) -> str:
    """As HuggingFace words it, e.g. `1K<n<10K`."""
    place = sum(count >= size for size in _SIZES)
    if place == 0:
        return f"n<{_SIZE_NAMES[0]}"
    if place == len(_SIZES):
        return f"n>{_SIZE_NAMES[-1]}"
    return f"{_SIZE_NAMES[place - 1]}<n<{_SIZE_NAMES[place]}"
