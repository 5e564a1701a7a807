"""The names of splits: which are trained on, which hold copies, and in which order they stand.

A data set has train, validation and test, or folds for cross-validation and test. Augmented copies of a split have one
of their own, so that they are only read where that split is trained on.
"""

import re
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

TRAIN, VALIDATION, TEST = "train", "validation", "test"
MAX_FOLDS = 20
_FOLD = re.compile(r"fold_(0|[1-9][0-9]*)")
_AUGMENTED = "_augmented"


def fold_names(count: int) -> tuple[str, ...]:
    """`fold_0` to `fold_{count - 1}`."""
    return tuple(f"fold_{number}" for number in range(count))


def fold_number(split: str) -> int | None:
    """The number of a fold; None for what is none."""
    match = _FOLD.fullmatch(split)
    return int(match[1]) if match else None


def is_fold(split: str) -> bool:
    """Whether it is one of the folds for cross-validation."""
    return fold_number(split) is not None


def is_training(split: str) -> bool:
    """Whether it holds real images that are trained on: train, or a fold, which is when another is held out."""
    return split == TRAIN or is_fold(split)


def augmented_split(split: str) -> str:
    """Where augmented copies of a split's images go, e.g. `train_augmented`."""
    return f"{split}{_AUGMENTED}"


def is_for_training(split: str) -> bool:
    """Whether it may be trained on: real training images, or augmented copies of such."""
    return is_training(split.removesuffix(_AUGMENTED))


def training_rows(table: pa.Table) -> pa.Table:
    """The rows of a manifest whose `split` holds real images that are trained on: of train, or of all folds."""
    names = [name for name in table["split"].unique().to_pylist() if name and is_training(name)]
    return table.filter(pc.is_in(table["split"], value_set=pa.array(names, pa.string())))


def in_order(splits: Iterable[str]) -> list[str]:
    """Train or the folds, validation, test, then augmented copies; what is unknown goes last, by name."""
    return sorted(splits, key=_place)


def _place(split: str) -> tuple[bool, int, int, str]:
    base = split.removesuffix(_AUGMENTED)
    known = (TRAIN, None, VALIDATION, TEST)
    number = fold_number(base)
    kind = 1 if number is not None else known.index(base) if base in known else len(known)
    return base != split, kind, number or 0, split


def cross_validation(splits: Iterable[str], *, augmented: bool = False) -> list[tuple[str, str]]:
    """Names of splits -> per fold (what to train on, what to validate on), as `load` and `load_numpy` take them.

    E.g. `("fold_1+fold_2", "fold_0")`; with `augmented`, the copies of just the folds that are trained on come along.
    Empty where there are no folds.
    """
    names = set(splits)
    folds = in_order(name for name in names if is_fold(name))
    rounds = []
    for held_out in folds:
        real = [fold for fold in folds if fold != held_out]
        copies = [copy for fold in real if augmented and (copy := augmented_split(fold)) in names]
        rounds.append(("+".join(real + copies), held_out))
    return rounds
