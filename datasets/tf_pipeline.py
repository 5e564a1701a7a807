"""The tf.data part of `load`. TensorFlow is imported inside functions: a worker for pixels must start without it."""

import random
from typing import TYPE_CHECKING

from datasets.published import OpenedSplit
from datasets.tfds_layout import Normalise

if TYPE_CHECKING:
    import tensorflow as tf

SHUFFLE_BUFFER_BYTES = 256 << 20
MIN_SHUFFLE_BUFFER_RECORDS = 1024
_SHARDS_READ_AT_ONCE = 16
_SMALLEST_STD = 1e-6
"""A channel that is constant in the whole training split is standardised to 0, not divided by 0."""


def examples(opened: OpenedSplit, *, shuffle: bool, seed: int, with_labels: bool) -> "tf.data.Dataset":
    """One epoch of (image uint8 [H, W, C], label int64 []) or of images. Fails on a record count unlike the index's."""
    import tensorflow as tf

    features = opened.index.features
    shape = (features.height_px, features.width_px, features.channels)

    def decode(serialised: "tf.Tensor") -> "tf.Tensor | tuple[tf.Tensor, tf.Tensor]":
        wanted = {"image": tf.io.FixedLenFeature([], tf.string)}
        if with_labels:
            wanted["label"] = tf.io.FixedLenFeature([], tf.int64)
        values = tf.io.parse_single_example(serialised, wanted)
        image = tf.ensure_shape(_decode_pixels(values["image"], features.encoding, features.channels), shape)
        return (image, values["label"]) if with_labels else image

    records = _serialised(opened, shuffle, seed).apply(tf.data.experimental.assert_cardinality(opened.records))
    return records.map(decode, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def mix(
    real: "tf.data.Dataset", n_real: int, synthetic: "tf.data.Dataset", *, ratio: float, seed: int
) -> "tf.data.Dataset":
    """All real examples once, with evenly spread synthetic ones that make up `ratio` of the whole.

    The seed decides where the first synthetic example stands. Any stretch of the mix has the share it should have,
    to within one example.
    """
    import tensorflow as tf

    n_synthetic = synthetic_count(n_real, ratio)
    total = n_real + n_synthetic
    phase = random.Random(f"mix {seed}").randrange(max(total, 1))

    def which(position: "tf.Tensor") -> "tf.Tensor":
        """1 where the running count of synthetic examples, rounded down, steps up."""
        return ((position + 1) * n_synthetic + phase) // total - (position * n_synthetic + phase) // total

    choice = tf.data.Dataset.range(total).map(which)
    both = [real, synthetic.repeat().take(n_synthetic)]
    mixed = tf.data.Dataset.choose_from_datasets(both, choice, stop_on_empty_dataset=False)
    return mixed.apply(tf.data.experimental.assert_cardinality(total))


def synthetic_count(n_real: int, ratio: float) -> int:
    """How many synthetic examples make up `ratio` of a mix with all the real ones."""
    return round(n_real * ratio / (1 - ratio))


def finish(
    examples: "tf.data.Dataset", *, scale: str, normalise: Normalise, batch_size: int | None
) -> "tf.data.Dataset":
    """Batch, then scale the images; the last batch may be smaller."""
    import tensorflow as tf

    def scaled(image: "tf.Tensor", *label: "tf.Tensor") -> "tf.Tensor | tuple[tf.Tensor, ...]":
        pixels = _scaled(image, scale, normalise)
        return (pixels, *label) if label else pixels

    if batch_size is not None:
        examples = examples.batch(batch_size)
    examples = examples.map(scaled, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return examples.prefetch(tf.data.AUTOTUNE)


def _serialised(opened: OpenedSplit, shuffle: bool, seed: int) -> "tf.data.Dataset":
    import tensorflow as tf

    files = tf.constant([str(file) for file in opened.files], dtype=tf.string, shape=[len(opened.shards)])
    if not shuffle or opened.records == 0:
        return tf.data.TFRecordDataset(files)
    shards = tf.data.Dataset.from_tensor_slices(files).shuffle(len(opened.shards), seed=seed)
    records = shards.interleave(
        tf.data.TFRecordDataset,
        cycle_length=_SHARDS_READ_AT_ONCE,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return records.shuffle(_buffer_records(opened), seed=seed)


def _buffer_records(opened: OpenedSplit) -> int:
    """How many records the shuffle buffer holds: encoded images, so that it can be large."""
    fitting = SHUFFLE_BUFFER_BYTES * opened.records // max(opened.size_bytes, 1)
    return min(opened.records, max(fitting, MIN_SHUFFLE_BUFFER_RECORDS))


def _decode_pixels(payload: "tf.Tensor", encoding: str, channels: int) -> "tf.Tensor":
    import tensorflow as tf

    if encoding == "png":
        return tf.io.decode_png(payload, channels=channels)
    # The accurate transform, so that the pixels are those of decode_image.
    return tf.io.decode_jpeg(payload, channels=channels, dct_method="INTEGER_ACCURATE")


def _scaled(image: "tf.Tensor", scale: str, normalise: Normalise) -> "tf.Tensor":
    import tensorflow as tf

    if scale == "none":
        return image
    unit = tf.cast(image, tf.float32) / 255.0
    if scale == "unit":
        return unit
    if scale == "symmetric":
        return unit * 2.0 - 1.0
    return (unit - normalise.mean) / [max(std, _SMALLEST_STD) for std in normalise.std]
