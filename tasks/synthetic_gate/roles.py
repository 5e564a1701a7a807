"""Which real images do what in a gate on any two sets: training, gate and held out, as in the pipeline."""

import hashlib
from collections import defaultdict
from pathlib import Path

import numpy as np

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE
from datasets.published import resolve_version
from datasets.readers import LoadedSplit
from datasets.splits import TEST, TRAIN, VALIDATION
from tasks.imaging.measures import pixel_sha256
from tasks.synthetic_gate.evidence import Evidence
from tasks.synthetic_gate.image_sets import MAX_IMAGES, ImageSet
from tasks.synthetic_gate.settings import SyntheticGateSettings
from tasks.validation_halves import halves_of, validation_halves

GATE_SHARE = 0.2  # of the real images without a validation split
MIN_SYNTHETIC_IMAGES = 8


def evidence_of(
    real: ImageSet, synthetic: ImageSet, place: Path, settings: SyntheticGateSettings, seed: int
) -> tuple[Evidence, str]:
    """The evidence, and which real images it is decided on. Raises BadInput for too few images or other classes."""
    if len(synthetic.images) < MIN_SYNTHETIC_IMAGES:
        raise BadInput(f"{len(synthetic.images)} synthetic images; at least {MIN_SYNTHETIC_IMAGES} are needed")
    names = _class_names(real, synthetic)
    roles, said = _roles(real, _label_ids(real, names), place, settings, seed)
    train, gate, held_out, test = (_split_of(real, indices, names) for indices in roles)
    made = _split_of(synthetic, np.arange(len(synthetic.images)), names if synthetic.is_labelled else None)
    return Evidence(
        train, gate, held_out, made, settings=settings, seed=seed, test=test if len(test.images) else None
    ), said


def _class_names(real: ImageSet, synthetic: ImageSet) -> tuple[str, ...] | None:
    if not real.is_labelled:
        return None
    names = sorted({label for label in real.labels if label is not None})
    unknown = sorted({label for label in synthetic.labels if label is not None} - set(names))
    if unknown:
        raise BadInput(
            f"the synthetic images have classes that the real ones lack: {', '.join(unknown[:5])}; there are "
            f"{', '.join(names[:20])}; rename their folders, or give both without labels"
        )
    return tuple(names)


def _label_ids(real: ImageSet, names: tuple[str, ...] | None) -> np.ndarray | None:
    return None if names is None else np.array([names.index(label or "") for label in real.labels], np.int32)


def _roles(
    real: ImageSet, labels: np.ndarray | None, place: Path, settings: SyntheticGateSettings, seed: int
) -> tuple[tuple[np.ndarray, ...], str]:
    """Indices of training, gate, held-out and test images: by split where there are train and validation, else drawn.

    Test images are in no draw, unless there are no others.
    """
    splits = np.array([split or TRAIN for split in real.splits])
    of = {name: np.flatnonzero(splits == name) for name in (TRAIN, VALIDATION, TEST)}
    if len(of[TRAIN]) and len(of[VALIDATION]):
        train, validation = of[TRAIN], of[VALIDATION]
        gate = validation[_gate_half(real, validation, labels, place)]
        others, test = validation, of[TEST]
        said = "gate half of validation, as in the pipeline"
    else:
        lacking = "validation" if len(of[TRAIN]) else "train"
        pool = next(of[name] for name in (TRAIN, VALIDATION, TEST) if len(of[name]))
        gate = np.sort(pool[_drawn(real, pool, labels, seed)])
        train = np.setdiff1d(pool, gate)
        others, test = gate, np.setdiff1d(of[TEST], pool)
        said = (
            f"a fifth of the real images, drawn by seed {seed}, as there is no {lacking} split; where the generator "
            "learned from these too, copies of them are not found"
        )
    _check_enough(len(train), len(gate), real, settings)
    return (
        train,
        gate,
        np.concatenate([others, test]),
        test,
    ), f"{said} ({len(gate)} images; {len(train)} real images to train on)"


def _gate_half(real: ImageSet, validation: np.ndarray, labels: np.ndarray | None, place: Path) -> np.ndarray:
    """Positions in `validation`. Of our own versions the same images as in the run that made them."""
    ids = [real.ids[index].partition("/")[2] for index in validation]
    chosen = None if labels is None else labels[validation]
    try:
        version = resolve_version(place)
        if (version / MANIFEST_FILE).is_file():
            return halves_of(version, ids, chosen)[1]
    except (BadInput, KeyError):
        pass  # not ours, or its manifest is of other images: equal pixels stay together
    digests = [pixel_sha256(real.images[index]) for index in validation]
    together = np.unique(digests, return_inverse=True)[1]
    return validation_halves([real.ids[index] for index in validation], chosen, together)[1]


def _drawn(real: ImageSet, pool: np.ndarray, labels: np.ndarray | None, seed: int) -> np.ndarray:
    """Positions in `pool` of a fifth of each class; equal pixels are never parted."""
    by_class: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    first_class: dict[str, int] = {}
    for position, index in enumerate(pool):
        digest = pixel_sha256(real.images[index])
        label = first_class.setdefault(digest, 0 if labels is None else int(labels[index]))
        by_class[label][digest].append(position)
    chosen: list[int] = []
    for units in by_class.values():
        ranked = sorted(units, key=lambda digest: hashlib.sha256(f"gate {seed} {digest}".encode()).digest())
        chosen += [position for digest in ranked[: round(GATE_SHARE * len(ranked))] for position in units[digest]]
    return np.array(sorted(chosen), np.int64)


def _check_enough(train: int, gate: int, real: ImageSet, settings: SyntheticGateSettings) -> None:
    if gate < settings.min_gate_images or train < 2 * settings.min_gate_images:
        remedy = f"raise {MAX_IMAGES}" if any(MAX_IMAGES in why for why in real.left_out) else "give more"
        raise BadInput(
            f"{len(real.images)} real images give {train} to train on and {gate} to decide on; at least "
            f"{2 * settings.min_gate_images} and {settings.min_gate_images} are needed; {remedy}, or lower "
            "synthetic_gate.min_gate_images"
        )


def _split_of(images: ImageSet, indices: np.ndarray, names: tuple[str, ...] | None) -> LoadedSplit:
    labels = None
    if names is not None:
        labels = np.array([names.index(images.labels[index] or "") for index in indices], np.int32)
    return LoadedSplit(images.images[indices], labels, [images.ids[index] for index in indices], names)
