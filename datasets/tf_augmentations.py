"""Random changes of training images while they are read, in TensorFlow: cheap, and other ones in every epoch.

Each function takes a batch of levels float32 [B, H, W, C] in [0, 255] and a seed int64 [2], and gives a batch of the
same shape; the same seed gives the same batch. TensorFlow is imported inside functions.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datasets.errors import BadInput

if TYPE_CHECKING:
    import tensorflow as tf

Augment = Iterable[str] | Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Strength:
    """What the number of an augmentation means, the one it has unless told, and the largest allowed."""

    meaning: str
    usual: float
    largest: float


STRENGTHS: dict[str, _Strength] = {
    "flip": _Strength("the chance to be mirrored left to right", 0.5, 1.0),
    "shift": _Strength("the largest shift as a share of the side", 0.1, 1.0),
    "brightness": _Strength("the largest change as a share of the range", 0.2, 1.0),
    "contrast": _Strength("the largest change of contrast as a share", 0.2, 1.0),
    "cutout": _Strength("the side of the square that is blotted out as a share of the image's", 0.25, 1.0),
    "mixup": _Strength("alpha of Beta(alpha, alpha), from which shares are drawn", 0.2, 100.0),
    "cutmix": _Strength("alpha of Beta(alpha, alpha), from which areas are drawn", 1.0, 100.0),
}
MIXING = ("mixup", "cutmix")
"""They mix each image with another of its batch, and the labels with them."""


def strengths_of(augment: Augment) -> dict[str, float]:
    """Names, or names with strengths -> strengths, in the order in which they are applied (that of STRENGTHS).

    Raises BadInput for a name or strength that cannot be, and for both kinds of mixing at once.
    """
    given = dict(augment) if isinstance(augment, Mapping) else dict.fromkeys(_names(augment))
    for name in given:
        if name not in STRENGTHS:
            raise BadInput(f"got augment {name!r}; allowed are {', '.join(STRENGTHS)}")
    wanted = {name: _strength(name, given[name]) for name in STRENGTHS if name in given}
    if all(name in wanted for name in MIXING):
        raise BadInput("got augment with mixup and cutmix; both mix each image with another: name one of them")
    return wanted


def _names(augment: Iterable[str]) -> Iterable[str]:
    return (augment,) if isinstance(augment, str) else augment


def _strength(name: str, given: float | None) -> float:
    known = STRENGTHS[name]
    if given is None:
        return known.usual
    if not 0 < given <= known.largest:
        raise BadInput(
            f"got augment {name} {given:g}; it is {known.meaning}: above 0, at most {known.largest:g}; "
            "leave the name out for none"
        )
    return float(given)


def augmented(
    images: "tf.Tensor", labels: "tf.Tensor | None", seed: "tf.Tensor", strengths: Mapping[str, float], n_classes: int
) -> "tuple[tf.Tensor, tf.Tensor | None]":
    """Batch uint8 [B, H, W, C], labels int64 [B] -> the same, changed; labels float32 [B, n_classes] where mixed.

    Every augmentation draws from a seed of its own, made of `seed` and its place in STRENGTHS.
    """
    import tensorflow as tf

    levels = tf.cast(images, tf.float32)
    for number, name in enumerate(STRENGTHS):
        if name not in strengths:
            continue
        own_seed = tf.random.experimental.stateless_fold_in(seed, number)
        if name in MIXING:
            shares = tf.one_hot(labels, n_classes, dtype=tf.float32)
            levels, labels = (mixup if name == "mixup" else cutmix)(levels, shares, own_seed, strengths[name])
        else:
            levels = _SINGLE[name](levels, own_seed, strengths[name])
    return tf.cast(tf.clip_by_value(tf.round(levels), 0.0, 255.0), tf.uint8), labels


def flip(images: "tf.Tensor", seed: "tf.Tensor", chance: float) -> "tf.Tensor":
    """Mirrored left to right, each image with this chance."""
    import tensorflow as tf

    return tf.where(_draw(images, seed) < chance, images[:, :, ::-1], images)


def shift(images: "tf.Tensor", seed: "tf.Tensor", share: float) -> "tf.Tensor":
    """Moved by whole pixels, up to this share of the height and of the width; the edge is repeated."""
    import tensorflow as tf

    for axis in (1, 2):
        side_px = images.shape[axis]
        seed_of_axis = tf.random.experimental.stateless_fold_in(seed, axis)
        farthest_px = round(share * side_px)
        moves = tf.random.stateless_uniform(
            [tf.shape(images)[0], 1], seed_of_axis, -farthest_px, farthest_px + 1, dtype=tf.int32
        )
        places = tf.clip_by_value(tf.range(side_px)[tf.newaxis] + moves, 0, side_px - 1)
        images = tf.gather(images, places, axis=axis, batch_dims=1)
    return images


def brightness(images: "tf.Tensor", seed: "tf.Tensor", share: float) -> "tf.Tensor":
    """Lighter or darker by up to this share of the range."""
    return images + 255.0 * share * (2.0 * _draw(images, seed) - 1.0)


def contrast(images: "tf.Tensor", seed: "tf.Tensor", share: float) -> "tf.Tensor":
    """Differences from the image's mean made larger or smaller by up to this share."""
    import tensorflow as tf

    means = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return means + (images - means) * (1.0 + share * (2.0 * _draw(images, seed) - 1.0))


def cutout(images: "tf.Tensor", seed: "tf.Tensor", share: float) -> "tf.Tensor":
    """A box of this share of each side becomes the image's mean; it may reach over the edge; arXiv:1708.04552."""
    import tensorflow as tf

    means = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return tf.where(_rectangles(images, seed, tf.constant(share)), means, images)


def mixup(images: "tf.Tensor", labels: "tf.Tensor", seed: "tf.Tensor", alpha: float) -> "tuple[tf.Tensor, tf.Tensor]":
    """Each image and label float32 [B, K] mixed with those of another of the batch (arXiv:1710.09412)."""
    import tensorflow as tf

    shares, partners = _beta(images, seed, alpha), _partners(images, seed)
    mixed = shares * images + (1.0 - shares) * tf.gather(images, partners)
    own = shares[:, :, 0, 0]
    return mixed, own * labels + (1.0 - own) * tf.gather(labels, partners)


def cutmix(images: "tf.Tensor", labels: "tf.Tensor", seed: "tf.Tensor", alpha: float) -> "tuple[tf.Tensor, tf.Tensor]":
    """A rectangle of each image is that of another of the batch; labels float32 [B, K] by area (arXiv:1905.04899)."""
    import tensorflow as tf

    sides = tf.sqrt(1.0 - _beta(images, seed, alpha))
    partners = _partners(images, seed)
    inside = _rectangles(images, tf.random.experimental.stateless_fold_in(seed, 2), sides)
    mixed = tf.where(inside, tf.gather(images, partners), images)
    own = 1.0 - tf.reduce_mean(tf.cast(inside[:, :, :, 0], tf.float32), axis=[1, 2])[:, tf.newaxis]
    return mixed, own * labels + (1.0 - own) * tf.gather(labels, partners)


_SINGLE: dict[str, "Callable[[tf.Tensor, tf.Tensor, float], tf.Tensor]"] = {
    "flip": flip,
    "shift": shift,
    "brightness": brightness,
    "contrast": contrast,
    "cutout": cutout,
}


def _draw(images: "tf.Tensor", seed: "tf.Tensor") -> "tf.Tensor":
    """One number in [0, 1) per image, float32 [B, 1, 1, 1]."""
    import tensorflow as tf

    return tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], seed)


def _rectangles(images: "tf.Tensor", seed: "tf.Tensor", sides: "tf.Tensor") -> "tf.Tensor":
    """Bool [B, H, W, 1]: inside a rectangle with these shares of the sides, whose centre is anywhere in the image."""
    import tensorflow as tf

    inside = tf.constant(True)
    for axis in (1, 2):
        side_px = images.shape[axis]
        centres = side_px * _draw(images, tf.random.experimental.stateless_fold_in(seed, axis))
        shape = [1, side_px, 1, 1] if axis == 1 else [1, 1, side_px, 1]
        places = tf.reshape(tf.range(side_px, dtype=tf.float32) + 0.5, shape)
        inside = tf.logical_and(inside, tf.abs(places - centres) < side_px * sides / 2.0)
    return inside


def _beta(images: "tf.Tensor", seed: "tf.Tensor", alpha: float) -> "tf.Tensor":
    """One draw from Beta(alpha, alpha) per image, float32 [B, 1, 1, 1]; two equal gammas of nothing count as a half."""
    import tensorflow as tf

    shape = [tf.shape(images)[0], 1, 1, 1]
    # Of a small alpha, most gammas are too small for float32: 0 / 0.
    first, second = (
        tf.random.stateless_gamma(shape, tf.random.experimental.stateless_fold_in(seed, part), alpha, dtype=tf.float64)
        for part in (0, 1)
    )
    total = first + second
    return tf.cast(tf.where(total > 0, first / tf.maximum(total, 1e-300), 0.5), tf.float32)


def _partners(images: "tf.Tensor", seed: "tf.Tensor") -> "tf.Tensor":
    """A random order of the batch, int32 [B]."""
    import tensorflow as tf

    return tf.argsort(tf.random.stateless_uniform([tf.shape(images)[0]], seed))
