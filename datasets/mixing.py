"""How synthetic images are mixed into real ones: which may be, how many, and where they stand."""

import random
from pathlib import Path

import numpy as np

from datasets.errors import BadInput
from datasets.published import OpenedSplit, open_split, share_of
from datasets.splits import is_for_training


def check_mix(synthetic: str | Path | None, ratio: float) -> None:
    """Raises BadInput where a share is asked for of nothing, or nothing of a folder."""
    if not 0 <= ratio < 1:
        raise BadInput(f"got ratio {ratio}; allowed is the share of synthetic images from 0 to below 1")
    if ratio > 0 and synthetic is None:
        raise BadInput(f"got ratio {ratio} without synthetic; give the folder of a synthetic data set, or ratio 0")
    if ratio == 0 and synthetic is not None:
        raise BadInput(
            f"got synthetic {synthetic} with ratio 0, which takes nothing of it; give the share of synthetic images, "
            "above 0 and below 1, or leave synthetic out"
        )


def open_synthetic(
    real: OpenedSplit, synthetic: str | Path, with_labels: bool, worker: tuple[int, int] = (0, 1)
) -> OpenedSplit:
    """A worker's share of its split `train`. Raises BadInput where it cannot be mixed into the real one."""
    held_out = [name for name in real.names if not is_for_training(name)]
    if held_out:
        raise BadInput(f"got split {held_out[0]} with synthetic images; they are for training only: use a train split")
    opened = open_split(synthetic, "train")
    _check_kinds(real, opened)
    ours, theirs = real.index.features, opened.index.features
    shapes = [[item.height_px, item.width_px, item.channels] for item in (ours, theirs)]
    if shapes[0] != shapes[1]:
        raise BadInput(f"{opened.folder}: images {shapes[1]}, the real ones are {shapes[0]}; train on this version")
    # Class ids are only ever appended, so a generator that knows fewer classes still means the same ones.
    names = ours.class_names or ()
    if with_labels and theirs.class_names is None:
        raise BadInput(f"{opened.folder}: its images have no labels, the real ones have; train on this version")
    if with_labels and names[: len(theirs.class_names or ())] != theirs.class_names:
        raise BadInput(f"{opened.folder}: its class ids are not those of {real.folder}; train on this version")
    if opened.records == 0:
        raise BadInput(f"{opened.folder}: split train has no records; generate some, or leave synthetic out")
    share = share_of(opened, worker)
    if share.records == 0:
        raise BadInput(f"{opened.folder}: has fewer synthetic images than the {worker[1]} workers; use fewer workers")
    return share


def _check_kinds(real: OpenedSplit, synthetic: OpenedSplit) -> None:
    """Raises BadInput where an index says that it is the other kind; shards of other writers may say nothing."""
    for opened, wrong, right in ((synthetic, "real", "synthetic"), (real, "synthetic", "real")):
        if opened.index.lineage.get("kind") == wrong:
            raise BadInput(
                f"{opened.folder}: is a {wrong} data set, given as the {right} one; swap them, so that synthetic names "
                "a synthetic data set"
            )


def synthetic_count(n_real: int, ratio: float) -> int:
    """How many synthetic examples make up `ratio` of a mix with all the real ones."""
    return round(n_real * ratio / (1 - ratio))


def phase(total: int, seed: int) -> int:
    """Where in a mix of so many the spacing of the synthetic ones begins."""
    return random.Random(f"mix {seed}").randrange(max(total, 1))


def synthetic_places(n_real: int, n_synthetic: int, seed: int) -> np.ndarray:
    """Bool [n_real + n_synthetic], True where a synthetic one stands, evenly spaced.

    A place is synthetic where the running count of synthetic examples, rounded down, steps up.
    """
    total = n_real + n_synthetic
    counts = (np.arange(total + 1, dtype=np.int64) * n_synthetic + phase(total, seed)) // max(total, 1)
    return np.diff(counts) > 0
