"""Records per second and size of a shard by encoding: `load`, `load_numpy`, and a plain tf.data loop as the peer.

    python -m benchmarks.reading DATA

DATA holds `fashion-mnist/` (IDX files) and `clothing/` (JPEG files). Every figure is the best of three epochs after a
first one, in batches of 128 as float32. CPU time is that of all threads.
"""

import argparse
import gzip
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from datasets import load, load_numpy
from datasets.image_codec import encode_image, raw_pixels
from datasets.image_record import ImageRecord, encode_record
from datasets.normalise import Normalise, constants_of, normalise
from datasets.tfds_layout import Index, ShardEntry, ShardFeatures, shard_filename, write_features, write_index
from datasets.tfrecord import write_hashed_tfrecord

BATCH = 128
EPOCHS = 3
SMALL, LARGE_SIDE_PX, N_LARGE = 20_000, 256, 1_000
CASES = [
    ("28 px gray", "png", "uint8"),
    ("28 px gray", "raw", "uint8"),
    ("28 px gray", "raw", "float32"),
    ("256 px RGB", "jpeg", "uint8"),
    ("256 px RGB", "png", "uint8"),
    ("256 px RGB", "raw", "uint8"),
]


def small_images(data: Path) -> np.ndarray:
    """The first images of Fashion-MNIST, uint8 [N, 28, 28, 1]."""
    with gzip.open(data / "fashion-mnist" / "train-images-idx3-ubyte.gz") as file:
        pixels = file.read(16 + SMALL * 28 * 28)[16:]
    return np.frombuffer(pixels, dtype=np.uint8).reshape(-1, 28, 28, 1)


def large_images(data: Path) -> np.ndarray:
    """Photographs, uint8 [N, 256, 256, 3]."""
    files = islice(sorted((data / "clothing").rglob("*.jpg")), N_LARGE)
    side = (LARGE_SIDE_PX, LARGE_SIDE_PX)
    return np.stack(
        [cv2.resize(cv2.imread(str(file)), side, interpolation=cv2.INTER_AREA)[..., ::-1] for file in files]
    )


def write_shard(folder: Path, images: np.ndarray, encoding: str, pixels: str) -> ShardEntry:
    """A data set of one shard."""
    how = Normalise(mean=(0.5,) * images.shape[3], std=(0.25,) * images.shape[3], method="symmetric")
    features = ShardFeatures(*images.shape[1:], encoding, ("a", "b"), pixels)  # type: ignore[arg-type]

    def records() -> Iterator[bytes]:
        for number, image in enumerate(images):
            if pixels == "float32":
                payload = normalise(image, constants_of(how)).tobytes()
            else:
                encoded = encode_image(image, encoding)  # type: ignore[arg-type]
                payload = raw_pixels(encoded) if encoding == "raw" else encoded
            yield encode_record(ImageRecord(image=payload, id=f"bench/{number}#0", kind="real", label=number % 2))

    file = shard_filename("bench", "train", 0, 1)
    written = write_hashed_tfrecord(folder / file, records())
    entry = ShardEntry(file, written.records, written.bytes, written.sha256)
    write_features(folder, features)
    write_index(
        folder,
        Index(
            name="bench", version=None, content_digest="", features=features, normalise=how, splits={"train": (entry,)}
        ),
    )
    return entry


def plain(path: Path, shape: tuple[int, ...], encoding: str, pixels: str) -> Iterator[object]:
    """What one writes by hand: parse, decode and scale record by record, then batch."""
    import tensorflow as tf

    def parse(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        wanted = {"image": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([], tf.int64)}
        values = tf.io.parse_single_example(record, wanted)
        if pixels == "float32":
            return tf.reshape(tf.io.decode_raw(values["image"], tf.float32), shape), values["label"]
        if encoding == "raw":
            image = tf.reshape(tf.io.decode_raw(values["image"], tf.uint8), shape)
        else:
            image = tf.ensure_shape(tf.io.decode_image(values["image"], shape[2], expand_animations=False), shape)
        return tf.cast(image, tf.float32) / 127.5 - 1.0, values["label"]

    data = tf.data.TFRecordDataset(str(path)).map(parse, num_parallel_calls=tf.data.AUTOTUNE)
    return iter(data.batch(BATCH).prefetch(tf.data.AUTOTUNE))


def best(count: int, epoch: Callable[[], object]) -> tuple[float, float]:
    """(records per second, CPU microseconds per record) of the fastest epoch after the first."""
    epoch()
    return max(_timed(count, epoch) for _ in range(EPOCHS))


def _timed(count: int, epoch: Callable[[], object]) -> tuple[float, float]:
    began, cpu_s = time.perf_counter(), _cpu_s()
    epoch()
    return count / (time.perf_counter() - began), 1e6 * (_cpu_s() - cpu_s) / count


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _drain(batches: Iterator[object]) -> None:
    for _ in batches:
        pass


def main() -> None:
    """Print one row per encoding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    images = {"28 px gray": small_images(data), "256 px RGB": large_images(data)}
    ways = ("plain tf.data", "`load`", "`load_numpy`")
    columns = [f"{way}, {what}" for what in ("CPU µs", "records/s of wall time") for way in ways]
    print(f"| images | encoding | bytes a record | {' | '.join(columns)} |\n{'|---' * (3 + len(columns))}|")
    for name, encoding, pixels in CASES:
        with tempfile.TemporaryDirectory() as temporary:
            folder, own = Path(temporary), images[name]
            entry = write_shard(folder, own, encoding, pixels)
            path, shape, count = folder / entry.file, own.shape[1:], len(own)
            ours = load(folder, batch_size=BATCH)
            figures = [
                best(count, lambda: _drain(plain(path, shape, encoding, pixels))),  # noqa: B023
                best(count, lambda: _drain(iter(ours))),  # noqa: B023
                best(count, lambda: load_numpy(folder, scale="as_published")),  # noqa: B023
            ]
        cells = [f"{cpu_us:.0f}" for _, cpu_us in figures] + [f"{speed:,.0f}" for speed, _ in figures]
        print(f"| {name} | {encoding} {pixels} | {entry.bytes // count:,} | {' | '.join(cells)} |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
