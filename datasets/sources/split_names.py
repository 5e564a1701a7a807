"""What other data sets call train, validation and test."""

import re

_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "t10k": "test",
}


def split_of(name: str) -> str | None:
    """The split that a name stands for: train, validation, test, or None for any other."""
    return _SPLITS.get(name.lower())


def split_in(text: str) -> str | None:
    """The only split that stands as a word in a text, e.g. train for `pets-train-0001`; None for several or none."""
    words = re.split(r"[^a-z0-9]+|(?<=[a-z])(?=[0-9]+(?![a-z0-9]))", text.lower())
    found = {split for word in words if (split := split_of(word))}
    return found.pop() if len(found) == 1 else None
