"""Differentiable changes of the images that the discriminator sees, real and synthetic alike.

Zhao et al. 2020, arXiv:2006.10738, for the changes; Karras et al. 2020, arXiv:2006.06676, for applying each to each
image with a probability under 1, which keeps them out of samples, and for setting that by how far the discriminator
overfits.
Images are float32 [N, H, W, C], meant for [-1, 1]. Shapes are fixed, and every change is made of sums, products and one
matrix product per axis: it has second-order gradients, and compiles with XLA.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from keras import ops

from gan.backends import Tensor
from gan.discriminator_augmentation_settings import POLICIES, DiscriminatorAugmentationSettings, PolicyName

Change: TypeAlias = Callable[[Tensor], Tensor]  # images -> images, the same change each time it is called
Uniform: TypeAlias = Callable[[tuple[int, ...], str], Tensor]  # (shape, purpose) -> U[0, 1), repeatable

ADAPT_EVERY_STEPS = 4  # arXiv:2006.06676, section 3
_SHIFT_SHARE = 1 / 8
_CUT_SHARE = 1 / 2


def drawn_change(
    policies: Sequence[PolicyName], shape: tuple[int, int, int, int], probability: Tensor, uniform: Uniform
) -> Change:
    """What to do to a batch of a shape: each policy on each image with `probability`, a scalar in [0, 1].

    An image that no policy is applied to comes back with the same bits. For images in [-1, 1] results are in
    [-5.5, 5.5]; without colour, in [-1, 1]. Policies are applied in the order of POLICIES, and the numbers drawn for
    one do not depend on the others.
    """
    changes = [_drawn(policy, shape, probability, uniform) for policy in POLICIES if policy in policies]

    def change(images: Tensor) -> Tensor:
        for one in changes:
            images = one(images)
        return images

    return change


def _drawn(policy: PolicyName, shape: tuple[int, int, int, int], probability: Tensor, uniform: Uniform) -> Change:
    applied = uniform((shape[0], 1, 1, 1), f"{policy} applied") < probability
    changed = _POLICIES[policy](shape, uniform)
    return lambda images: ops.where(applied, changed(images), images)


def _colour(shape: tuple[int, int, int, int], uniform: Uniform) -> Change:
    """Brightness +-0.5, saturation x[0, 2] (of colours only), contrast x[0.5, 1.5]."""
    count, channels = shape[0], shape[3]
    brightness = uniform((count, 1, 1, 1), "brightness") - 0.5
    saturation = 2.0 * uniform((count, 1, 1, 1), "saturation")
    contrast = uniform((count, 1, 1, 1), "contrast") + 0.5

    def change(images: Tensor) -> Tensor:
        images = images + brightness
        if channels > 1:
            gray = ops.mean(images, 3, keepdims=True)
            images = gray + saturation * (images - gray)
        mean = ops.mean(images, (1, 2, 3), keepdims=True)
        return mean + contrast * (images - mean)

    return change


def _translation(shape: tuple[int, int, int, int], uniform: Uniform) -> Change:
    """By whole pixels, up to an eighth of the side each way; what moves in is 0, the middle of the range."""
    down = _shift_matrices(shape[0], shape[1], uniform((shape[0],), "down"))
    right = _shift_matrices(shape[0], shape[2], uniform((shape[0],), "right"))
    return lambda images: ops.einsum("nij,njkc,nlk->nilc", down, images, right)


def _shift_matrices(count: int, side_px: int, drawn: Tensor) -> Tensor:
    """float32 [count, side_px, side_px]: row i has a one in column i + shift, where there is such a column."""
    largest = round(side_px * _SHIFT_SHARE)
    shifts = ops.cast(ops.floor(drawn * (2 * largest + 1)), "int32") - largest
    places = ops.arange(side_px)
    return ops.cast(places[None, None, :] == places[None, :, None] + shifts[:, None, None], "float32")


def _cutout(shape: tuple[int, int, int, int], uniform: Uniform) -> Change:
    """A rectangle of half of each side, its centre anywhere in the image, becomes 0."""
    rows = _outside(shape[0], shape[1], uniform((shape[0],), "cut row"))
    columns = _outside(shape[0], shape[2], uniform((shape[0],), "cut column"))
    kept = ops.cast(rows[:, :, None, None] | columns[:, None, :, None], "float32")
    return lambda images: images * kept


def _outside(count: int, side_px: int, drawn: Tensor) -> Tensor:
    """[count, side_px], bool: whether a place is outside the rectangle."""
    length = round(side_px * _CUT_SHARE)
    first = ops.cast(ops.floor(drawn * side_px), "int32") - length // 2
    offsets = ops.arange(side_px)[None, :] - first[:, None]
    return (offsets < 0) | (offsets >= length)


def _flip(shape: tuple[int, int, int, int], uniform: Uniform) -> Change:
    """Mirrored left to right: half of those that the probability chose, so that both sides stay alike."""
    mirrored = uniform((shape[0], 1, 1, 1), "mirrored") < 0.5
    return lambda images: ops.where(mirrored, ops.flip(images, axis=2), images)


_POLICIES: dict[PolicyName, Callable[[tuple[int, int, int, int], Uniform], Change]] = {
    "colour": _colour,
    "translation": _translation,
    "cutout": _cutout,
    "flip": _flip,
}


@dataclass(frozen=True, slots=True)
class Adaptation:
    """How the probability follows overfitting; its state is two numbers, so that a checkpoint can hold them."""

    settings: DiscriminatorAugmentationSettings
    batch_size: int

    def moved(self, probability: Tensor, sign_sum: Tensor, step: Tensor, mean_sign: Tensor) -> tuple[Tensor, Tensor]:
        """Scalars after a step: the probability, in [0, probability_max], and the sum of mean signs since it moved.

        Every fourth step it moves towards more where the signs since then average over the target, else towards less,
        by images seen / `images_to_full`.
        """
        sign_sum = sign_sum + mean_sign
        change = self.batch_size * ADAPT_EVERY_STEPS / self.settings.images_to_full
        direction = ops.sign(sign_sum / ADAPT_EVERY_STEPS - self.settings.target)
        moved = ops.clip(probability + change * direction, 0.0, self.settings.probability_max)
        due = ops.equal(step % ADAPT_EVERY_STEPS, ADAPT_EVERY_STEPS - 1)
        return ops.where(due, moved, probability), ops.where(due, 0.0, sign_sum)
