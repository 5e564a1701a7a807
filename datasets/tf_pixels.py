"""Serialised records -> levels -> pixel values, in TensorFlow. It is imported inside functions."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from datasets.image_record import RANGE_FEATURE
from datasets.normalise import MAX_LEVEL, METHODS, PER_IMAGE, Normalise, affine, percentile_ranks
from datasets.tfds_layout import Index, Pixels, has_ranges

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True, slots=True)
class Format:
    """What has to be known to decode a record."""

    shape: tuple[int, int, int]
    encoding: str
    pixels: Pixels
    normalise: Normalise
    has_ranges: bool
    with_labels: bool
    n_classes: int

    @classmethod
    def of(cls, index: Index, with_labels: bool) -> "Format":
        features, method = index.features, index.normalise.method
        ranges = has_ranges(features, method)
        n_classes = len(features.class_names or ())
        return cls(features.shape, features.encoding, features.pixels, index.normalise, ranges, with_labels, n_classes)

    def needs_levels(self, scale: str) -> bool:
        """Whether the scale is another than the one that the records are in."""
        return self.pixels == "uint8" or scale not in ("as_published", self.normalise.method)


def decodes_batches(form: Format) -> bool:
    """Whether records of this format can be parsed by the batch: TensorFlow's image decoders take one at a time."""
    return form.encoding == "raw"


def decoder(form: Format, *, batched: bool, keep_floats: bool) -> Callable[["tf.Tensor"], tuple["tf.Tensor", ...]]:
    """A function of serialised records [] or [B] to (pixels, label) or (pixels,).

    Pixels are levels uint8, or with `keep_floats` the float32 values of records that hold them.
    """
    import tensorflow as tf

    wanted: dict[str, Any] = {"image": tf.io.FixedLenFeature([], tf.string)}
    if form.with_labels:
        wanted["label"] = tf.io.FixedLenFeature([], tf.int64)
    if form.has_ranges and not keep_floats:
        wanted[RANGE_FEATURE] = tf.io.FixedLenFeature([2], tf.int64)

    def decode(serialised: "tf.Tensor") -> tuple["tf.Tensor", ...]:
        parse = tf.io.parse_example if batched else tf.io.parse_single_example
        values = parse(serialised, wanted)
        images = _pixels(values["image"], form, batched)
        if form.pixels == "float32" and not keep_floats:
            images = as_levels(images, form.normalise, values.get(RANGE_FEATURE))
        return (images, values["label"]) if form.with_labels else (images,)

    return decode


def as_levels(values: "tf.Tensor", how: Normalise, ranges: "tf.Tensor | None") -> "tf.Tensor":
    """Float32 [..., H, W, C] as records hold them -> uint8, as normalise.denormalise does; `ranges` int64 [..., 2]."""
    import tensorflow as tf

    if ranges is None:
        # The constants are float32 numbers wherever they are used.
        shift, divisor = (tf.cast(tf.constant(part, tf.float32), tf.float64) for part in affine(how))
    else:
        low, high = (tf.cast(ranges[..., side], tf.float64)[..., None, None, None] for side in (0, 1))
        shift, divisor = low, high - low
    levels = tf.round(tf.cast(values, tf.float64) * divisor + shift)
    return tf.cast(tf.clip_by_value(levels, 0.0, float(MAX_LEVEL)), tf.uint8)


def scaled(images: "tf.Tensor", published: Normalise, scale: str) -> "tf.Tensor":
    """Batch uint8 [B, H, W, C] -> float32 as normalise.normalise does, bit for bit; none: as it is."""
    import tensorflow as tf

    how = published if scale == "as_published" else replace(published, method=_method(scale))
    if how.method == "none":
        return images
    levels = tf.cast(images, tf.float32)
    if how.method not in PER_IMAGE:
        shift, divisor = (tf.constant(part, tf.float32) for part in affine(how))
        return (levels - shift) / divisor
    low, high = _ranges(images, how)
    if how.method == "percentile_clip":
        levels = tf.clip_by_value(levels, low, high)
    return (levels - low) / (high - low)


def _method(scale: str) -> Any:
    assert scale in METHODS
    return scale


def _pixels(payloads: "tf.Tensor", form: Format, batched: bool) -> "tf.Tensor":
    import tensorflow as tf

    if form.encoding == "raw":
        values = tf.io.decode_raw(payloads, tf.uint8 if form.pixels == "uint8" else tf.float32)
        return tf.reshape(values, [-1, *form.shape] if batched else form.shape)
    if form.encoding == "png":
        image = tf.io.decode_png(payloads, channels=form.shape[2])
    else:  # the accurate transform, so that the pixels are those of decode_image
        image = tf.io.decode_jpeg(payloads, channels=form.shape[2], dct_method="INTEGER_ACCURATE")
    return tf.ensure_shape(image, form.shape)


def _ranges(images: "tf.Tensor", how: Normalise) -> tuple["tf.Tensor", "tf.Tensor"]:
    """Pixel ranges as normalise.pixel_ranges has them, float32 [B, 1, 1, 1] each."""
    import tensorflow as tf

    if how.method == "min_max":
        low, high = (tf.cast(extreme(images, axis=[1, 2, 3]), tf.int32) for extreme in (tf.reduce_min, tf.reduce_max))
    else:
        values = tf.reshape(images, [-1, images.shape[1] * images.shape[2] * images.shape[3]])
        counts = tf.math.bincount(tf.cast(values, tf.int32), minlength=MAX_LEVEL + 1, maxlength=MAX_LEVEL + 1, axis=-1)
        below = tf.cumsum(counts, axis=-1)
        low, high = (
            tf.reduce_sum(tf.cast(below < rank, tf.int32), axis=-1) for rank in percentile_ranks(values.shape[1], how)
        )
    high = tf.maximum(high, low + 1)
    return tuple(tf.cast(side, tf.float32)[:, None, None, None] for side in (low, high))
