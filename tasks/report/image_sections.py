"""Sections that show prepared, augmented and synthetic images, and how classes and splits are filled."""

from typing import Any

import numpy as np
import pyarrow as pa

from datasets.errors import BadInput
from datasets.image_codec import decode_image
from datasets.manifest import in_use
from datasets.published import resolve_version
from datasets.readers import load_numpy
from datasets.splits import fold_number, in_order, is_fold, training_rows
from datasets.tfds_layout import read_index
from tasks.class_ids import natural
from tasks.publishing.mirror import readable_folder
from tasks.report.absent import Absent
from tasks.report.evidence import Evidence
from tasks.report.nearest import nearest
from tasks.report.picks import pick, pick_rows, value_counts, where
from tasks.report.pictures import PACK_COLUMNS, Album, Picture

SPLITS = ("train", "validation", "test", "train_augmented")
MOST_CLASSES = 20
MOST_CLASS_ROWS = 200
PER_CLASS = 10
SEARCHED_PER_CLASS = 500  # training images among which the nearest is looked for
CLOSEST_SIDE_PX = 1600
READ_BYTES = 32 * 2**20
UNLABELLED = "all images"


def balance(evidence: Evidence, album: Album) -> dict[str, Any] | Absent:
    """Files listed per class, and images per split, with augmented copies."""
    table = evidence.manifest("split", ["label", "split", "status"])
    if table is None:
        return Absent("classes and splits are decided in the stage split, which this run did not finish")
    copies = evidence.manifest("augment", ["label", "split", "status"])
    listed = {label or UNLABELLED: count for label, count in value_counts(table, "label").items()}
    used = in_use(pa.concat_tables([table, copies]) if copies is not None else table)
    counts: dict[str, dict[str, int]] = {}
    for entry in used.group_by(["label", "split"]).aggregate([([], "count_all")]).to_pylist():
        counts.setdefault(entry["label"] or UNLABELLED, {})[entry["split"]] = entry["count_all"]
    splits = _shown_splits({split for of_class in counts.values() for split in of_class})
    bars = [(index, _bar(split)) for index, split in enumerate(splits) if not split.endswith("_augmented")]
    rows = [
        (label, listed.get(label, 0), [counts.get(label, {}).get(split, 0) for split in splits])
        for label in sorted({*counts, *listed}, key=natural)
    ]
    return {
        "splits": splits,
        "bars": bars,
        "rows": rows[:MOST_CLASS_ROWS],
        "more": max(0, len(rows) - MOST_CLASS_ROWS),
        "listed": sum(count for _, count, _ in rows),
        "totals": [sum(row[index] for _, _, row in rows) for index in range(len(splits))],
        "most": max([1, *(sum(row[index] for index, _ in bars) for _, _, row in rows)]),
    }


def split_counts(evidence: Evidence) -> dict[str, int]:
    """Images in use by split, without augmented copies; none where nothing was split."""
    table = evidence.manifest("split", ["split", "status"])
    if table is None:
        return {}
    counts = {entry["values"]: entry["counts"] for entry in in_use(table)["split"].value_counts().to_pylist()}
    return {split: counts[split] for split in in_order(counts)}


def _shown_splits(there: set[str]) -> list[str]:
    """The usual four, or folds, with what there is of test and copies."""
    return in_order(there if any(map(is_fold, there)) else there | set(SPLITS))


def _bar(split: str) -> str:
    """The colour of a split's bar, as the style names it; folds take turns."""
    number = fold_number(split)
    return split if number is None else SPLITS[number % 2]


def samples(evidence: Evidence, album: Album) -> dict[str, Any] | Absent:
    """Real images of each class, beside synthetic ones and what is nearest to these, and the closest pairs."""
    synthetic = _training_rows(evidence, "generate")
    real = _training_rows(evidence, "split")
    published = _from_published(evidence) if real is None and synthetic is not None else {}
    if real is None and synthetic is None:
        return Absent("no image was prepared in this run")
    labels = sorted(_labels(real) | _labels(synthetic), key=natural)
    chosen = [labels[index] for index in pick(len(labels), MOST_CLASSES, evidence.seed, "classes")] or [None]
    most = PER_CLASS if synthetic is None else SEARCHED_PER_CLASS
    rows = []
    for label in chosen:
        pool = published.get(label, []) if real is None else _images(evidence, album, real, label, most)
        reals = pool[:PER_CLASS]
        made = _images(evidence, album, synthetic, label) if synthetic is not None else []
        name = label or UNLABELLED
        rows.append(
            {
                "label": name,
                "real": album.strip(reals, f"{len(reals)} real images, {name}"),
                "synthetic": album.strip(made, f"{len(made)} synthetic images, {name}"),
                "nearest": album.strip(
                    nearest(made, pool),
                    f"the training image nearest to each synthetic one, {name}",
                ),
            }
        )
    return {
        "rows": rows,
        "classes": len(labels),
        "has_synthetic": synthetic is not None,
        "per_class": PER_CLASS,
        "searched": SEARCHED_PER_CLASS,
        "closest": _closest_pairs(evidence, album),
    }


def _training_rows(evidence: Evidence, stage: str) -> pa.Table | None:
    """Training images of a manifest."""
    table = evidence.manifest(stage, ["label", "split", "status", *PACK_COLUMNS])
    return None if table is None else training_rows(in_use(table))


def _labels(table: pa.Table | None) -> set[str]:
    return set() if table is None else set(table["label"].unique().to_pylist()) - {None}


def _images(
    evidence: Evidence, album: Album, table: pa.Table, label: str | None, most: int = PER_CLASS
) -> list[np.ndarray]:
    """Some images of a class, or of all."""
    rows = table if label is None else where(table, "label", [label])
    images = [album.image(row) for row in pick_rows(rows, most, evidence.seed, f"samples {label}")]
    return [image for image in images if image is not None]


def _from_published(evidence: Evidence) -> dict[str | None, list[np.ndarray]]:
    """Training images of the published version by class (None: without), of the first ones of its shuffled shards."""
    if evidence.shared is None:
        return {}
    place = evidence.record["settings"].get("published", "")
    folder = readable_folder(evidence.shared, place) / evidence.record["dataset"]
    try:
        shape = read_index(resolve_version(folder)).features
        image_bytes = shape.height_px * shape.width_px * shape.channels
        loaded = load_numpy(folder, "train", limit=max(PER_CLASS, min(2000, READ_BYTES // image_bytes)))
    except BadInput:
        return {}
    if loaded.labels is None or loaded.class_names is None:
        return {None: list(loaded.images[:SEARCHED_PER_CLASS])}
    return {
        name: list(loaded.images[np.flatnonzero(loaded.labels == index)[:SEARCHED_PER_CLASS]])
        for index, name in enumerate(loaded.class_names)
    }


def _closest_pairs(evidence: Evidence, album: Album) -> Picture | None:
    folder = evidence.folder("gate_synthetic")
    path = folder / "closest_pairs.png" if folder else None
    if path is None or not path.is_file():
        return None
    alt = "Closest pairs: synthetic images above, the training image nearest to each below"
    return album.picture(decode_image(path.read_bytes()), alt, CLOSEST_SIDE_PX)
