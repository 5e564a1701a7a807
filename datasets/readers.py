"""Read a data set that this project wrote: `load` for tf.data, `load_numpy` without TensorFlow.

Others need neither: `tfds.builder_from_directory` opens the same folder.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from datasets.errors import BadInput, FormatError
from datasets.image_record import ImageRecord, decode_record
from datasets.mixing import check_mix, open_synthetic, synthetic_count, synthetic_places
from datasets.normalise import Constants, Method, constants_of, normalise
from datasets.published import OpenedSplit, is_whole, open_split, resolve_version, share_of
from datasets.record_pixels import levels_of
from datasets.shard_records import read_shard
from datasets.splits import is_for_training
from datasets.tf_augmentations import MIXING, Augment, strengths_of

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["LoadedSplit", "Scale", "load", "load_numpy", "resolve_version"]

Scale = Literal["as_published"] | Method
SCALES = ("as_published", *get_args(Method))


@dataclass(frozen=True, slots=True)
class LoadedSplit:
    """`images` [N, H, W, C], uint8 for scale none, else float32; `labels` int32 [N], None without labels.

    `ids` are key texts of the manifest. `constants`: what `normalise.denormalise` needs to give the levels back, None
    for scale none.
    """

    images: np.ndarray
    labels: np.ndarray | None
    ids: list[str]
    class_names: tuple[str, ...] | None
    constants: Constants | None = None


def load_numpy(
    path: str | Path,
    split: str = "train",
    *,
    limit: int | None = None,
    scale: Scale = "none",
    synthetic: str | Path | None = None,
    ratio: float = 0.0,
    seed: int = 0,
) -> LoadedSplit:
    """The first `limit` images of a split (`a+b` joins splits), in the order of the files, without TensorFlow.

    They are uint8 [0, 255] unless another `scale` is asked for: a method of normalise.py, or as_published, that of the
    index. `synthetic` and `ratio` mix in synthetic images, in the places and the order that `load` with this seed has
    without shuffling. Raises BadInput for a folder or split that is not there, or that cannot be mixed, FormatError for
    shards that are damaged or not as `index.json` says.
    """
    if limit is not None and not (is_whole(limit) and limit >= 0):
        raise BadInput(f"got limit {limit!r}; allowed are 0 or more images, or None for all")
    _check_scale(scale)
    check_mix(synthetic, ratio)
    opened = open_split(path, split)
    features = opened.index.features
    labelled = features.class_names is not None
    mixed = None if synthetic is None else open_synthetic(opened, synthetic, labelled)
    places = synthetic_places(opened.records, synthetic_count(opened.records, ratio), seed)[:limit]
    images = np.empty((len(places), *features.shape), dtype=np.uint8)
    labels = np.empty(len(places), dtype=np.int32)
    ids = []
    for row, (record, origin) in enumerate(_in_places(places, opened, mixed)):
        images[row] = _checked_image(record, origin)
        labels[row] = 0 if record.label is None else record.label
        ids.append(record.id)
    values, constants = _scaled(images, opened, scale)
    return LoadedSplit(values, labels if labelled else None, ids, features.class_names, constants)


def load(
    path: str | Path,
    split: str = "train",
    *,
    batch_size: int | None = None,
    shuffle: bool = False,
    seed: int = 0,
    synthetic: str | Path | None = None,
    ratio: float = 0.0,
    scale: Scale = "as_published",
    with_labels: bool = True,
    augment: Augment = (),
    worker: tuple[int, int] = (0, 1),
    deterministic: bool = True,
) -> "tf.data.Dataset":
    """Images [H, W, C] with labels int64 [], or with `batch_size` [B, H, W, C] and [B]; without labels only images.

    `scale`: none: uint8 [0, 255]; float32 otherwise, by the method of normalise.py of that name: unit [0, 1], symmetric
    [-1, 1], centre, standardise, min_max, percentile_clip; as_published: by the one that `index.json` names.

    `split` may join several: `train+train_augmented`. Without `shuffle` the records come in the order of the files.
    With it the order depends only on `seed` (and on `tf.random.set_seed` where that was called), and differs from
    epoch to epoch; what does not fit into a buffer of about 256 MiB is mixed by shards only.

    `augment` names random changes (flip, shift, brightness, contrast, cutout, mixup, cutmix), or maps them to their
    strengths; see tf_augmentations.py. They follow from `seed` and the batch, and are others in every epoch. With mixup
    or cutmix, labels are float32 [B, classes]. For training splits only.

    `worker` (index, count): only this worker's share of the records; every record is in one share. With
    `deterministic=False` elements come as they are ready, in an order that differs from run to run.

    `synthetic` is the folder of a synthetic data set whose `train` split makes up `ratio` of the mix, in (0, 1). One
    epoch has every real record once and round(real * ratio / (1 - ratio)) synthetic ones, spread evenly; they begin
    again from the first when there are too few, and the last are left out when there are more.

    Raises BadInput for anything above that is not allowed, or for synthetic images of another shape or classes. What
    is wrong inside a shard is raised while reading, by TensorFlow: DataLossError for damage, for instance.
    """
    if batch_size is not None and not (is_whole(batch_size) and batch_size >= 1):
        raise BadInput(f"got batch_size {batch_size!r}; allowed are 1 or more, or None for single images")
    _check_scale(scale)
    check_mix(synthetic, ratio)
    strengths = strengths_of(augment)
    real = share_of(open_split(path, split), worker)
    if with_labels and real.index.features.class_names is None:
        raise BadInput(f"{real.folder}: this data set has no labels; load it with with_labels=False")
    _check_augment(real, strengths, batch_size, with_labels)
    mixed = None if synthetic is None else open_synthetic(real, synthetic, with_labels, worker)

    from datasets.tf_pipeline import Reading, pipeline

    how = Reading(
        batch_size=batch_size,
        shuffle=shuffle,
        seed=seed,
        with_labels=with_labels,
        scale=scale,
        deterministic=deterministic,
        augment=strengths,
        worker_index=worker[0],
    )
    return pipeline(real, mixed, ratio, how)


def _records(opened: OpenedSplit) -> Iterator[ImageRecord]:
    for file, shard in zip(opened.files, opened.shards, strict=True):
        yield from map(decode_record, read_shard(file, shard.records))


def _in_places(
    places: np.ndarray, real: OpenedSplit, synthetic: OpenedSplit | None
) -> Iterator[tuple[ImageRecord, OpenedSplit]]:
    """A record for each place, True for a synthetic one, and where it is from; synthetic ones begin again."""
    ours = _records(real)
    others = iter(()) if synthetic is None else chain.from_iterable(map(_records, repeat(synthetic)))
    for is_synthetic in places:
        if is_synthetic:
            assert synthetic is not None
            yield next(others), synthetic
        else:
            yield next(ours), real
    next(ours, None)  # at the end of a shard, its count is compared


def _checked_image(record: ImageRecord, opened: OpenedSplit) -> np.ndarray:
    """The levels of a record, uint8 [H, W, C]."""
    try:
        image = levels_of(record, opened.index)
    except FormatError as error:
        raise FormatError(f"{opened.folder}: record {record.id!r}: {error}; shard again") from error
    if record.label is None and opened.index.features.class_names is not None:
        raise FormatError(f"{opened.folder}: record {record.id!r} has no label, index.json names classes; shard again")
    return image


def _scaled(images: np.ndarray, opened: OpenedSplit, scale: Scale) -> tuple[np.ndarray, Constants | None]:
    published = opened.index.normalise
    how = published if scale == "as_published" else replace(published, method=scale)
    if how.method == "none":
        return images, None
    constants = constants_of(how, images)
    return normalise(images, constants), constants


def _check_scale(scale: str) -> None:
    if scale not in SCALES:
        raise BadInput(f"got scale {scale!r}; allowed are {', '.join(SCALES)}")


def _check_augment(opened: OpenedSplit, strengths: dict[str, float], batch_size: int | None, with_labels: bool) -> None:
    if not strengths:
        return
    names = ", ".join(strengths)
    for split in opened.names:
        if not is_for_training(split):
            raise BadInput(f"got augment {names} for split {split}; images are changed for training only: leave it out")
    for name in MIXING:
        if name in strengths and batch_size is None:
            raise BadInput(f"got augment {name} without batch_size; it mixes images of a batch: give a batch_size")
        if name in strengths and not with_labels:
            raise BadInput(f"got augment {name} without labels; it mixes labels as it mixes images: leave it out")
