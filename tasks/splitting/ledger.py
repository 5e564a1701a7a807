"""What was published binds: an image stays in its split, a class keeps its id, and a data set its kind of splits."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE, in_use, read_table
from datasets.splits import TRAIN, VALIDATION, fold_number
from tasks.splitting.settings import SplitSettings
from tasks.stage_context import StageContext
from tasks.state import State, known_state

KEYS = ("sha256", "pixel_sha256")


def published_splits(images: pa.Table, ledger: Mapping[str, str], names: Sequence[str]) -> np.ndarray:
    """Rows with KEYS -> int32 [N]: bits of the splits in which an image, or one of its pixels, was published.

    Bit n stands for `names[n]`.
    """
    found = np.zeros(len(images), np.int32)
    if not ledger:
        return found
    known = pa.array(ledger.keys(), pa.string())
    bit = {name: 1 << place for place, name in enumerate(names)}
    bits = np.array([*(bit.get(split, 0) for split in ledger.values()), 0], np.int32)
    for key in KEYS:
        found |= bits[pc.fill_null(pc.index_in(images[key], value_set=known), len(ledger)).to_numpy()]
    return found


def check_same_splits(settings: SplitSettings, published: Iterable[str], dataset: str) -> None:
    """Raises BadInput where a data set was published with other folds, or with none, or now gets some.

    `published` are the names of splits that it was published with, none of augmented copies.
    """
    names = set(published)
    before = max((number + 1 for name in names if (number := fold_number(name)) is not None), default=0)
    if before != settings.folds and (before or names & {TRAIN, VALIDATION}):
        was = f"{before} folds" if before else "train and validation"
        raise BadInput(
            f"split.folds is {settings.folds}, but {dataset} was published with {was}, and no image ever moves: "
            f"set split.folds to {before}, or give the data set another name (dataset)"
        )


def agrees_with_state(settings: SplitSettings, context: StageContext, folder: Path) -> str | None:
    """What in an old output contradicts what was published since, None if nothing."""
    state = known_state(context.shared, context.published, context.dataset)
    used = in_use(read_table(folder / MANIFEST_FILE, [*KEYS, "split", "label", "class_id", "status"]))
    return _moved(used, state.splits) or _renumbered(used, state)


def _moved(used: pa.Table, ledger: Mapping[str, str]) -> str | None:
    names = sorted({*ledger.values(), *used["split"].to_pylist()})
    published = published_splits(used, ledger, names)
    own = np.left_shift(1, pc.index_in(used["split"], value_set=pa.array(names)).to_numpy())
    elsewhere = published & ~own
    for row in np.flatnonzero(elsewhere):
        before = next(name for place, name in enumerate(names) if elsewhere[row] >> place & 1)
        return f"an image assigned to {used['split'][row]} was published in {before}"
    return None


def _renumbered(used: pa.Table, state: State) -> str | None:
    names = state.class_names or ()
    for entry in used.group_by(["label", "class_id"]).aggregate([]).to_pylist():
        label, class_id = entry["label"], entry["class_id"]
        fits = names.index(label) == class_id if label in names else class_id is None or class_id >= len(names)
        if not fits:
            return f"class {label} was published under another id"
    return None
