"""The settings of augmenters turned into imgaug's own (imported as imgaug, installed as its maintained fork imaug)."""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np
import simplejpeg

from tasks.imaging.augmentation.augmenters import (
    Affine,
    AnyAugmenter,
    Cutout,
    Elastic,
    HueSaturation,
    JpegArtefacts,
    Rotate,
    Scale,
    Shear,
    Shift,
)
from tasks.imaging.quiet import quiet

Size = tuple[int, int]  # height_px, width_px
_FILLS = {"edge": ("edge", 0), "mirror": ("reflect", 0), "black": ("constant", 0), "white": ("constant", 255)}
_CUTOUT_FILLS = {"grey": 128, "black": 0, "white": 255}


def build(steps: tuple[AnyAugmenter, ...], size: Size) -> Any:
    """The imgaug augmenter of one kind, or of several affine ones together. It has no children."""
    library = _imgaug()[0]
    affine = [step for step in steps if isinstance(step, Affine)]
    made = _affine(library, affine) if affine else _MAKERS[steps[0].kind](library, steps[0], size)
    assert not made.get_children_lists(), "its random state is not all that has to be seeded"
    return made


def imgaug_batch(image: np.ndarray) -> Any:
    """What an imgaug augmenter takes inside: it may change the image."""
    return _imgaug()[1](images=[image])


def imgaug_random(seed: int) -> Any:
    """The state that imgaug draws from."""
    return _imgaug()[2](seed)


@cache
def _imgaug() -> tuple[Any, Any, Any]:
    """Augmenters, their batch and their random state. Importing them takes over a second, paid when first used."""
    with quiet():
        import imgaug.augmenters
        from imgaug.augmentables.batches import _BatchInAugmentation
        from imgaug.random import RNG
    return imgaug.augmenters, _BatchInAugmentation, RNG


def _affine(library: Any, steps: Sequence[Affine]) -> Any:
    """One resampling of the pixels for all."""
    mode, level = _FILLS[steps[0].fill]
    arguments: dict[str, Any] = {}
    for step in steps:
        match step:
            case Rotate():
                arguments["rotate"] = step.degrees
            case Shear():
                arguments["shear"] = tuple(map(_shear_for_imgaug, step.degrees))
            case Scale():
                arguments["scale"] = step.factor
            case Shift():
                arguments["translate_percent"] = {"x": step.x, "y": step.y}
    return library.Affine(mode=mode, cval=level, order=1, backend="cv2", **arguments)


def _shear_for_imgaug(degrees: float) -> float:
    """Degrees for imgaug, which slants by the tanh of the angle where the tangent is meant."""
    return math.degrees(math.atanh(math.tan(math.radians(degrees))))


def _elastic(library: Any, step: Elastic, size: Size) -> Any:
    """Not imgaug's ElasticTransformation: it smooths by a box, which frays edges."""
    side_px = min(size)
    grid = tuple(max(2, round(length / (step.smoothness * side_px)) + 1) for length in size)
    place = np.stack(np.meshgrid(np.arange(size[1]), np.arange(size[0])), axis=2).astype(np.float32)

    def bent(images: list[np.ndarray], random_state: Any, _parents: Any, _hooks: Any) -> list[np.ndarray]:
        copies = []
        for image in images:
            moved_px = random_state.uniform(*step.displacement) * side_px
            shifts = random_state.uniform(-1.0, 1.0, size=(*grid, 2)).astype(np.float32)
            shifts = cv2.resize(shifts, size[::-1], interpolation=cv2.INTER_CUBIC)
            where = place + shifts * np.float32(moved_px / max(float(shifts.std()), 1e-6))
            copies.append(cv2.remap(image, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        return copies

    return library.Lambda(func_images=bent)


def _hue_saturation(library: Any, step: HueSaturation, _: Size) -> Any:
    """A turn of the colour wheel, and full saturation, are 255 to imgaug."""
    hue, saturation = (
        tuple(round(end * unit) for end in ends)
        for ends, unit in ((step.hue_degrees, 255 / 360), (step.saturation, 255))
    )
    return library.AddToHueAndSaturation(value_hue=hue, value_saturation=saturation)


def _cutout(library: Any, step: Cutout, _: Size) -> Any:
    how = "gaussian" if step.fill == "noise" else "constant"
    level = _CUTOUT_FILLS.get(step.fill, 0)
    return library.Cutout(nb_iterations=step.count, size=step.share, squared=True, fill_mode=how, cval=level)


def _jpeg_artefacts(library: Any, step: JpegArtefacts, _: Size) -> Any:
    """Not imgaug's JpegCompression, which goes through a file on disk: ten times the time of a small image."""

    def through_jpeg(images: list[np.ndarray], random_state: Any, _parents: Any, _hooks: Any) -> list[np.ndarray]:
        qualities = random_state.uniform(*step.quality, size=len(images))
        return [_saved_as_jpeg(image, round(quality)) for image, quality in zip(images, qualities, strict=True)]

    return library.Lambda(func_images=through_jpeg)


def _saved_as_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    colours = {"colorspace": "GRAY", "colorsubsampling": "Gray"} if image.shape[2] == 1 else {"colorsubsampling": "420"}
    payload = simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=quality, **colours)
    return simplejpeg.decode_jpeg(payload, colorspace=colours.get("colorspace", "RGB"))


_MAKERS: dict[str, Callable[[Any, Any, Size], Any]] = {
    "flip_horizontal": lambda library, step, size: library.Fliplr(1.0),
    "flip_vertical": lambda library, step, size: library.Flipud(1.0),
    "crop": lambda library, step, size: library.Crop(percent=step.share),
    "perspective": lambda library, step, size: library.PerspectiveTransform(scale=step.share, mode="replicate"),
    "elastic": _elastic,
    "brightness": lambda library, step, size: library.Multiply(step.factor),
    "contrast": lambda library, step, size: library.LinearContrast(step.factor),
    "hue_saturation": _hue_saturation,
    "gaussian_noise": lambda library, step, size: library.AdditiveGaussianNoise(scale=step.std_levels),
    "salt_and_pepper": lambda library, step, size: library.SaltAndPepper(step.share),
    "poisson_noise": lambda library, step, size: library.AdditivePoissonNoise(step.mean_levels),
    "blur": lambda library, step, size: library.GaussianBlur(step.sigma_px),
    "cutout": _cutout,
    "jpeg_artefacts": _jpeg_artefacts,
}
