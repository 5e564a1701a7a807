"""Split: train, validation and test, or folds; stratified by class, copies together, and sticky.

Once published, an image never moves: see splitting/ledger.py. Splits that a source comes with are kept where nothing
was published otherwise: see splitting/source_splits.py. Who goes where is decided in splitting/assignment.py; see
docs/splits.md.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datasets.errors import BadInput, brief
from datasets.manifest import (
    MANIFEST_FILE,
    Status,
    manifest_writer,
    read_in_pieces,
    read_table,
    reason_counts,
    with_columns,
)
from datasets.splits import TRAIN, in_order
from tasks.class_ids import class_names, write_class_names
from tasks.curation.kept_pairs import read_kept_pairs
from tasks.splitting.assignment import NOWHERE, Assignment, assign_splits
from tasks.splitting.balance import BalanceSettings, over_class_size
from tasks.splitting.ledger import check_same_splits, published_splits
from tasks.splitting.settings import SplitSettings
from tasks.splitting.source_splits import agreement
from tasks.stage_context import StageContext, Summary
from tasks.state import known_state

COPY_REASONS = ("duplicate_exact", "duplicate_near")
NEEDED = ["source", "sha256", "pixel_sha256", "label", "group", "duplicate_group", "source_split", "status", "reason"]
IN_USE = (Status.KEPT, Status.REPAIRED)


def split(settings: SplitSettings, context: StageContext) -> Summary:
    """Manifest of curate -> manifest with `split` and `class_id`. Raises BadInput for too few images."""
    table = read_table(context.inputs["curate"] / MANIFEST_FILE, NEEDED)
    state = known_state(context.shared, context.published, context.dataset)
    check_same_splits(settings, state.splits.values(), context.dataset)
    numbers, images, used = _rows_to_place(table, settings)
    check_enough(images.filter(pa.array(used)), settings)
    pairs = read_kept_pairs(context.inputs["curate"])
    found = assign_splits(images, used, settings.shares, context.seed, state.splits, pairs)
    agreed = agreement(images, used, found.placed, found.names)
    found = balanced(images, found, settings.balance, context.seed, state.splits)
    labels = images["label"].filter(pa.array(used))
    names = class_names(labels.unique().to_pylist(), state.class_names)
    check_labelled(labels.null_count, names, context.dataset)
    write_class_names(context.out, names)
    rejected = _write(context, len(table), numbers, found, names or ())
    per_split = {name: found.placed.tolist().count(place) for place, name in enumerate(found.names)}
    _check_every_split(per_split, settings, agreed is not None)
    return {
        "images_in": len(table),
        "images_out": sum(per_split.values()),
        "rejected": rejected,
        "splits": {name: per_split[name] for name in in_order(per_split) if per_split[name] or settings.shares[name]},
        "classes": list(names or ()),
        "source_splits": agreed,
    }


def check_labelled(unlabelled: int, names: Sequence[str] | None, dataset: str) -> None:
    """Raises BadInput where images without a label would be published beside classes: readers could not read them."""
    if names and unlabelled:
        raise BadInput(
            f"{unlabelled} images in use have no label, and {dataset} has classes ({brief(', '.join(names))}), of this "
            "run or of its published versions; label the images, or choose another dataset name"
        )


def balanced(
    images: pa.Table, found: Assignment, settings: BalanceSettings, seed: int, ledger: Mapping[str, str]
) -> Assignment:
    """The same places, but for training images of classes that have too many: those are then not used.

    After the splits are assigned, not before: so the shares are of all images, no policy ever moves an image from one
    split to another, and validation and test keep the classes as the source has them.
    """
    if settings.policy == "none":
        return found
    rows = np.flatnonzero(found.placed == found.names.index(TRAIN))
    training = images.take(pa.array(rows))
    published = (published_splits(training, ledger, found.names) > 0).tolist()
    over = over_class_size(training, published, settings, seed)
    left_out = {int(rows[number]): ("over_class_size", why) for number, why in over.items()}
    placed = found.placed.copy()
    placed[list(left_out)] = NOWHERE
    return Assignment(found.names, placed, {**found.left_out, **left_out})


def check_enough(used: pa.Table, settings: SplitSettings) -> None:
    """Raises BadInput where there are fewer different images in use than splits that need one."""
    distinct = pc.count_distinct(pc.coalesce(used["duplicate_group"], used["sha256"])).as_py()
    if distinct < len(settings.needed):
        raise BadInput(
            f"{distinct} different usable images are too few to split; at least {len(settings.needed)} are needed, "
            f"one each for {settings.needed_text}; add images or loosen the settings under curate"
        )


def _rows_to_place(table: pa.Table, settings: SplitSettings) -> tuple[np.ndarray, pa.Table, np.ndarray]:
    """Rows in use and rejected copies of them: their numbers in the table, themselves, and whether each is in use."""
    used = pc.is_in(table["status"], pa.array(IN_USE))
    wanted = pc.or_(used, pc.is_in(table["reason"], pa.array(COPY_REASONS)))
    images = table.filter(wanted)
    if settings.source_splits == "ignore":
        images = with_columns(images, source_split=pa.nulls(len(images)))
    return np.flatnonzero(wanted.to_numpy()), images, used.filter(wanted).to_numpy()


def _check_every_split(per_split: Mapping[str, int], settings: SplitSettings, by_source: bool) -> None:
    if not all(per_split[name] for name in settings.needed):
        counted = ", ".join(f"{name} {per_split[name]}" for name in in_order(per_split))
        otherwise = ", or set split.source_splits to ignore" if by_source else ""
        raise BadInput(
            f"the splits would be {counted}, and each needs an image; a class is split from three images on: "
            f"add images, or merge classes{otherwise}"
        )


def _write(
    context: StageContext, count: int, numbers: np.ndarray, found: Assignment, names: Sequence[str]
) -> Mapping[str, int]:
    """Write the manifest piece by piece, as it also holds thumbnails; count what is not in use by its reason."""
    placed = np.full(count, NOWHERE, np.int8)
    placed[numbers] = found.placed
    left_out = {int(numbers[row]): why for row, why in found.left_out.items()}
    reasons: Counter[str] = Counter()
    start = 0
    with manifest_writer(context.out / MANIFEST_FILE) as writer:
        for piece in read_in_pieces(context.inputs["curate"] / MANIFEST_FILE):
            stop = start + len(piece)
            here = {row - start: left_out[row] for row in range(start, stop) if row in left_out} if left_out else {}
            piece = _with_splits(piece, placed[start:stop], found.names, here, names)
            writer.write(piece)
            reasons.update(reason_counts(piece))
            start = stop
    return dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))


def _with_splits(
    piece: pa.Table,
    placed: np.ndarray,
    names: Sequence[str],
    left_out: Mapping[int, tuple[str, str]],
    classes: Sequence[str],
) -> pa.Table:
    is_placed = pa.array(placed != NOWHERE)
    splits = pa.array(names).take(pa.array(np.where(placed == NOWHERE, 0, placed)))
    class_ids = pc.index_in(piece["label"], value_set=pa.array(classes, pa.string()))
    columns = {
        "split": pc.if_else(is_placed, splits, None),
        "class_id": pc.if_else(is_placed, class_ids, None),
    }
    if left_out:
        texts = {name: piece[name].to_pylist() for name in ("status", "reason", "detail")}
        for row, (reason, detail) in left_out.items():
            texts["status"][row], texts["reason"][row], texts["detail"][row] = Status.UNSELECTED, reason, detail
        return with_columns(piece, **columns, **texts)
    return with_columns(piece, **columns)
