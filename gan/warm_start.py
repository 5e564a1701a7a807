"""Beginning with the weights of an earlier version's generator, where little of the data changed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.errors import FormatError, brief
from gan.checkpoints import Checkpoint, newest_checkpoint
from gan.models.spec import ModelSpec
from gan.sampling import SPEC_FILE
from gan.settings import TrainingSettings
from gan.weight_files import read_arrays, write_arrays

TRAINED_ON_FILE = "trained_on.npz"


@dataclass(frozen=True, slots=True)
class WarmStart:
    """The checkpoint to begin with, None for a cold start, and why."""

    checkpoint: Checkpoint | None
    sentence: str


def write_trained_on(images: np.ndarray, labels: np.ndarray | None, folder: Path) -> None:
    """Note which images a run learns from: one number of 64 bits each."""
    write_arrays(folder / TRAINED_ON_FILE, {"images": image_numbers(images, labels)}, {})


def image_numbers(images: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """uint64 [N], sorted: the start of a digest of each image with its label."""
    seen = np.zeros(len(images), np.int32) - 1 if labels is None else labels.astype(np.int32)
    digests = (
        hashlib.blake2b(np.ascontiguousarray(image).tobytes() + label.tobytes(), digest_size=8).digest()
        for image, label in zip(images, seen, strict=True)
    )
    return np.sort(np.frombuffer(b"".join(digests), dtype="<u8"))


def gone_and_new(before: np.ndarray, now: np.ndarray) -> tuple[int, int]:
    """How many of the images with these sorted numbers went, and how many came."""
    return len(np.setdiff1d(before, now)), len(np.setdiff1d(now, before))


def warm_start(
    earlier: Path,
    spec: ModelSpec,
    class_names: tuple[str, ...] | None,
    images: np.ndarray,
    labels: np.ndarray | None,
    settings: TrainingSettings,
    shapes: Mapping[str, tuple[int, ...]],
) -> WarmStart:
    """Whether a run can begin with what training left in the folder `earlier`.

    The networks and classes must be the same, and no image that was learned from may be gone: it would live on in
    weights of which trace and data card say that they know the training images alone. With `warm_start: auto`, at most
    `warm_start_changed_share` of the images may be new. `shapes` are those of the arrays that the run restores, by
    name: settings of precision, penalty and augmentation decide what there is besides weights. Raises nothing: what is
    damaged or missing is a reason for a cold start.
    """
    try:
        record = json.loads((earlier / SPEC_FILE).read_text(encoding="utf-8"))
        then = {**record["spec"], "latent_scale": spec.latent_scale}, record["class_names"] or None
        numbers = read_arrays(earlier / TRAINED_ON_FILE)[0]["images"]
        found = newest_checkpoint(earlier / "checkpoints").checkpoint
    except (OSError, ValueError, LookupError, TypeError, FormatError) as error:
        return WarmStart(None, f"cold start: the last version's training cannot be read ({brief(error)})")
    if then != (spec.model_dump(), _listed(class_names)):  # latent_scale is of sampling alone
        return WarmStart(None, "cold start: the last version's networks or classes are others")
    gone, new = gone_and_new(numbers, image_numbers(images, labels))
    if gone:
        return WarmStart(None, f"cold start: {gone} of the images that were learned from are no training images now")
    share = new / len(images)
    if settings.warm_start == "auto" and share > settings.warm_start_changed_share:
        limit = f"train.warm_start_changed_share is {settings.warm_start_changed_share:.0%}"
        return WarmStart(None, f"cold start: {share:.1%} of the training images are new, {limit}")
    if found is None:
        return WarmStart(None, "cold start: the last version's training left no intact checkpoint")
    if any(name not in found.arrays or found.arrays[name].shape != shape for name, shape in shapes.items()):
        kept = "train.precision, penalty, path_length, beta2 or discriminator_augmentation"
        return WarmStart(None, f"cold start: the last version was trained with another {kept}")
    return WarmStart(found, f"warm start: {share:.1%} of the training images are new since {earlier.name}")


def _listed(names: tuple[str, ...] | None) -> list[str] | None:
    return list(names) if names else None
