"""The tf.data part of `load`. TensorFlow is imported inside functions: a worker for pixels must start without it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from datasets.mixing import phase, synthetic_count
from datasets.published import OpenedSplit
from datasets.tf_augmentations import augmented
from datasets.tf_pixels import Format, decoder, decodes_batches, scaled

if TYPE_CHECKING:
    import tensorflow as tf

    Example = tuple[tf.Tensor, ...]

SHUFFLE_BUFFER_BYTES = 256 << 20
MIN_SHUFFLE_BUFFER_RECORDS = 1024
_SHARDS_READ_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a split is read; see `load`. `scale`: a method of normalise.py, or as_published."""

    batch_size: int | None
    shuffle: bool
    seed: int
    with_labels: bool
    scale: str
    deterministic: bool = True
    augment: Mapping[str, float] = field(default_factory=dict)
    worker_index: int = 0


def pipeline(real: OpenedSplit, synthetic: OpenedSplit | None, ratio: float, how: Reading) -> "tf.data.Dataset":
    """The whole way: serialised records -> shuffled, mixed, decoded, in batches, augmented, scaled, prefetched.

    Decoding comes after shuffling, so that the buffer holds encoded images; scaling after batching, so that it is one
    operation for all. Records whose images need no decoder are parsed by the batch.
    """
    import tensorflow as tf

    form = Format.of(real.index, how.with_labels)
    records = serialised(real, how, how.seed)
    if synthetic is not None:
        others = Format.of(synthetic.index, how.with_labels)
        extra = serialised(synthetic, how, how.seed + 1)
        if others != form:  # of different formats only the levels can be mixed
            records, extra = (_decoded(stream, f, how, levels=True) for stream, f in ((records, form), (extra, others)))
            return _finished(mix(records, real.records, extra, ratio=ratio, seed=how.seed), form, how, levels=True)
        records = mix(records, real.records, extra, ratio=ratio, seed=how.seed)
    levels = form.needs_levels(how.scale) or bool(how.augment)
    if how.batch_size is None or not decodes_batches(form):
        return _finished(_decoded(records, form, how, levels=levels), form, how, levels=levels)
    batches = records.batch(how.batch_size)
    parse = decoder(form, batched=True, keep_floats=not levels)
    examples = batches.map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=how.deterministic)
    return _finished(examples, form, how, levels=levels, in_batches=True)


def serialised(opened: OpenedSplit, how: Reading, seed: int) -> "tf.data.Dataset":
    """One epoch of serialised records. Fails on a record count unlike the index's."""
    import tensorflow as tf

    shuffle = how.shuffle and opened.records > 0
    files = tf.constant([str(file) for file in opened.files], dtype=tf.string, shape=[len(opened.shards)])
    if opened.step > 1 or not shuffle:
        records = tf.data.TFRecordDataset(files)
        if opened.step > 1:
            records = records.shard(opened.step, opened.first)
    else:
        records = (
            tf.data.Dataset.from_tensor_slices(files)
            .shuffle(len(opened.shards), seed=seed)
            .interleave(
                tf.data.TFRecordDataset,
                cycle_length=_SHARDS_READ_AT_ONCE,
                num_parallel_calls=tf.data.AUTOTUNE,
                deterministic=how.deterministic,
            )
        )
    if shuffle:
        records = records.shuffle(_buffer_records(opened), seed=seed)
    return records.apply(tf.data.experimental.assert_cardinality(opened.records))


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
    start = phase(total, seed)

    def which(position: "tf.Tensor") -> "tf.Tensor":
        """1 at a synthetic example, as `synthetic_places`."""
        return ((position + 1) * n_synthetic + start) // total - (position * n_synthetic + start) // total

    choice = tf.data.Dataset.range(total).map(which)
    both = [real, synthetic.repeat().take(n_synthetic)]
    mixed = tf.data.Dataset.choose_from_datasets(both, choice, stop_on_empty_dataset=False)
    return mixed.apply(tf.data.experimental.assert_cardinality(total))


def _decoded(records: "tf.data.Dataset", form: Format, how: Reading, *, levels: bool) -> "tf.data.Dataset":
    """Records one by one -> (pixels [H, W, C], label int64 []) or (pixels,)."""
    import tensorflow as tf

    parse = decoder(form, batched=False, keep_floats=not levels)
    return records.map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=how.deterministic)


def _finished(
    examples: "tf.data.Dataset", form: Format, how: Reading, *, levels: bool, in_batches: bool = False
) -> "tf.data.Dataset":
    """Batch, augment, scale; the last batch may be smaller."""
    import tensorflow as tf

    if how.batch_size is not None and not in_batches:
        examples = examples.batch(how.batch_size)
    single = how.batch_size is None

    def finish(example: "Example", *seed: "tf.Tensor") -> "tf.Tensor | Example":
        example = tuple(tf.expand_dims(part, 0) for part in example) if single else example
        images, labels = example[0], example[1] if len(example) > 1 else None
        if seed:
            images, labels = augmented(images, labels, seed[0], how.augment, form.n_classes)
        if levels or images.dtype == tf.uint8:
            images = scaled(images, form.normalise, how.scale)
        parts = (images,) if labels is None else (images, labels)
        parts = tuple(part[0] for part in parts) if single else parts
        return parts if len(parts) > 1 else parts[0]

    streams = tf.data.Dataset.zip(examples, _seeds(how)) if how.augment else tf.data.Dataset.zip((examples,))
    finished = streams.map(finish, num_parallel_calls=tf.data.AUTOTUNE, deterministic=how.deterministic)
    return finished.prefetch(tf.data.AUTOTUNE)


def _seeds(how: Reading) -> "tf.data.Dataset":
    """A seed int64 [2] per batch; other ones in each epoch, as `shuffle` has another order in each."""
    import tensorflow as tf

    start = random.Random(f"augment {how.seed} {how.worker_index}").getrandbits(31)
    return tf.data.Dataset.random(seed=start, rerandomize_each_iteration=True).batch(2)


def _buffer_records(opened: OpenedSplit) -> int:
    """How many records the shuffle buffer holds: encoded images, so that it can be large."""
    fitting = SHUFFLE_BUFFER_BYTES * opened.records * opened.step // max(opened.size_bytes, 1)
    return min(opened.records, max(fitting, MIN_SHUFFLE_BUFFER_RECORDS))
