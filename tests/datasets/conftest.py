"""Builds small published data sets from code, as the shard and publish stages do."""

import functools
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from datasets.image_codec import encode_image, raw_pixels
from datasets.image_record import ImageRecord, encode_record
from datasets.manifest import Kind
from datasets.normalise import Normalise, constants_of, normalise, pixel_ranges
from datasets.tfds_layout import (
    LATEST_FILE,
    Index,
    ShardFeatures,
    describe_shard,
    has_ranges,
    shard_filename,
    write_dataset_info,
    write_features,
    write_index,
)
from datasets.tfrecord import write_tfrecord

# Where other work shares the machine, one example may take far longer than the next.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

CLASS_NAMES = ("bag", "été", "t-shirt")


def images_of(count: int, shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """Uint8 [count, H, W, C] of soft gradients, so that JPEG has something to keep; image i has i at [0, 0]."""
    rng = np.random.default_rng(seed)
    height, width, channels = shape
    rows, columns = np.mgrid[0:height, 0:width]
    slopes = rng.uniform(0, 6, size=(count, 2, 1, 1, channels))
    values = 40 + slopes[:, 0] * rows[..., None] + slopes[:, 1] * columns[..., None]
    images = np.clip(values, 0, 255).astype(np.uint8)
    images[:, 0, 0] = np.arange(count, dtype=np.uint8)[:, None]
    return images


def payload_of(image: np.ndarray, features: ShardFeatures, how: Normalise) -> tuple[bytes, tuple[int, int] | None]:
    """What a record holds of an image."""
    if features.pixels == "float32":
        images = image[None]
        pixels = normalise(images, constants_of(how, images)).tobytes()
        return pixels, tuple(pixel_ranges(images, how)[0].tolist()) if has_ranges(features, how.method) else None
    payload = encode_image(image, features.encoding)
    return raw_pixels(payload) if features.encoding == "raw" else payload, None


def record_of(image: np.ndarray, number: int, split: str, features: ShardFeatures, kind: Kind, how: Normalise) -> bytes:
    label = None if features.class_names is None else number % len(features.class_names)
    derived_from = "" if kind is Kind.REAL else f"parent of {number}"
    payload, pixel_range = payload_of(image, features, how)
    return encode_record(
        ImageRecord(
            image=payload,
            id=f"{split}/ü{number}.png#0",
            kind=kind,
            derived_from=derived_from,
            label=label,
            pixel_range=pixel_range,
        )
    )


@pytest.fixture(scope="session")
def build_dataset_in():
    """build(root, name, {split: images}, ...) -> the version's folder, `<root>/<name>/1.0.0` unless told otherwise."""

    def build(
        root: Path,
        name: str,
        splits: dict[str, np.ndarray],
        *,
        encoding: str = "png",
        class_names: tuple[str, ...] | None = CLASS_NAMES,
        records_per_shard: int = 4,
        kind: Kind = Kind.REAL,
        version: str | None = "1.0.0",
        pixels: str = "uint8",
        method: str = "symmetric",
    ) -> Path:
        folder = root / name / (version or "shards")
        folder.mkdir(parents=True)
        first = next(iter(splits.values()))
        features = ShardFeatures(*first.shape[1:], encoding, class_names, pixels)
        channels = first.shape[-1]
        how = Normalise((0.25, 0.5, 0.5)[:channels], (0.5, 0.25, 0.0)[:channels], method, 5.0, 90.0)
        shards = {}
        for split, images in splits.items():
            count = -(-len(images) // records_per_shard)
            shards[split] = []
            for shard in range(count):
                rows = range(shard * records_per_shard, min(len(images), (shard + 1) * records_per_shard))
                path = folder / shard_filename(name, split, shard, count)
                write_tfrecord(path, (record_of(images[row], row, split, features, kind, how) for row in rows))
                shards[split].append(describe_shard(path, len(rows)))
        write_features(folder, features, method)
        write_index(
            folder,
            Index(
                name=name,
                version=version,
                content_digest="ab" * 32,
                features=features,
                normalise=how,
                splits={split: tuple(entries) for split, entries in shards.items()},
                lineage={"source": "made by the tests"},
            ),
        )
        if version is not None:
            info = {
                split: {"shard_lengths": [s.records for s in entries], "bytes": sum(s.bytes for s in entries)}
                for split, entries in shards.items()
            }
            write_dataset_info(
                folder,
                name=name,
                version=version,
                description="Gradients.",
                splits=info,
                labelled=class_names is not None,
                licence="CC0-1.0",
                homepage="https://example.org/gradients",
            )
            (folder.parent / LATEST_FILE).write_text(f"{version}\n")
        return folder

    return build


@pytest.fixture
def build_dataset(build_dataset_in, tmp_path: Path):
    """build(name, {split: images}, ...), below the test's own folder."""
    return functools.partial(build_dataset_in, tmp_path)


@pytest.fixture(scope="session")
def make_images():
    return images_of


@pytest.fixture(scope="session")
def tf():
    """TensorFlow, whose own import may warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow
    return tensorflow
