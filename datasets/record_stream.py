"""Images of a split one after the other, without TensorFlow, shared among workers: for loaders of other libraries."""

import random
from collections.abc import Iterator
from itertools import chain, count, islice
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from datasets.errors import BadInput, FormatError
from datasets.image_record import decode_record
from datasets.mixing import check_mix, open_synthetic, synthetic_count, synthetic_places
from datasets.published import OpenedSplit, is_whole, open_split, resolve_version, share_of
from datasets.record_pixels import levels_of
from datasets.shard_records import read_shard
from datasets.tfds_layout import Index, read_index

Item = TypeVar("Item")


class LabelledImage(NamedTuple):
    """`image` uint8 [H, W, C]; `label` is a class id, None in a data set without labels; `id` a key of the manifest."""

    image: np.ndarray
    label: int | None
    id: str


def stream(
    path: str | Path,
    split: str = "train",
    *,
    worker: tuple[int, int] = (0, 1),
    shuffle_buffer: int = 0,
    seed: int = 0,
    synthetic: str | Path | None = None,
    ratio: float = 0.0,
) -> Iterator[LabelledImage]:
    """The images of a split (`a+b` joins splits) that fall to a worker (index, count): each falls to exactly one.

    In the order of the files; with `shuffle_buffer`, shards come in an order of the seed and so many images are mixed.
    Every worker has to be given the same seed, and another one in each epoch. `synthetic` is the folder of a synthetic
    data set, of which evenly spread images make up `ratio` of the whole, as with `datasets.load`. Raises BadInput for a
    folder, split, worker or buffer that cannot be, or images that cannot be mixed, FormatError for damaged shards.
    """
    if not (is_whole(shuffle_buffer) and shuffle_buffer >= 0):
        raise BadInput(
            f"got shuffle_buffer {shuffle_buffer!r}; allowed are 1 or more images, or 0 for the order of the files"
        )
    check_mix(synthetic, ratio)
    opened = share_of(open_split(path, split), worker)
    images = _images(opened, shuffle_buffer, seed, worker[0])
    if synthetic is None:
        return images
    others = open_synthetic(opened, synthetic, opened.index.features.class_names is not None, worker)
    rounds = (_images(others, shuffle_buffer, seed + number, worker[0]) for number in count(1))
    places = synthetic_places(opened.records, synthetic_count(opened.records, ratio), seed)
    return _in_places(places, images, chain.from_iterable(rounds))


def class_names(path: str | Path) -> tuple[str, ...] | None:
    """In order of class id; None in a data set without labels."""
    return _index(path).features.class_names


def mean_and_std(path: str | Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Per channel, of the real training images as levels in [0, 1]."""
    normalise = _index(path).normalise
    return normalise.mean, normalise.std


def _index(path: str | Path) -> Index:
    return read_index(resolve_version(path))


def _images(opened: OpenedSplit, shuffle_buffer: int, seed: int, worker: int) -> Iterator[LabelledImage]:
    shards = list(zip(opened.files, opened.shards, strict=True))
    if shuffle_buffer:
        random.Random(f"shards {seed}").shuffle(shards)
    everything = chain.from_iterable(read_shard(file, shard.records) for file, shard in shards)
    images = (_decoded(payload, opened) for payload in islice(everything, opened.first, None, opened.step))
    return _mixed(images, shuffle_buffer, random.Random(f"images {seed} {worker}")) if shuffle_buffer else images


def _in_places(
    places: np.ndarray, real: Iterator[LabelledImage], synthetic: Iterator[LabelledImage]
) -> Iterator[LabelledImage]:
    """One image for each place, a synthetic one where it says True."""
    for is_synthetic in places:
        yield from islice(synthetic if is_synthetic else real, 1)
    next(real, None)  # at the end of a shard, its count is compared


def _decoded(payload: bytes, opened: OpenedSplit) -> LabelledImage:
    record = decode_record(payload)
    try:
        return LabelledImage(levels_of(record, opened.index), record.label, record.id)
    except FormatError as error:
        raise FormatError(f"{opened.folder}: record {record.id!r}: {error}; run augment-dataset verify") from error


def _mixed(items: Iterator[Item], size: int, rng: random.Random) -> Iterator[Item]:
    """Each item leaves at random a buffer of so many."""
    buffer = list(islice(items, size))
    for item in items:
        place = rng.randrange(size)
        yield buffer[place]
        buffer[place] = item
    rng.shuffle(buffer)
    yield from buffer
