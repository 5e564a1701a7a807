"""Augmented copies of single images, the same bytes in any process and order."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tasks.imaging.quiet import quiet

Preset = Literal["none", "light", "medium", "heavy", "digits"]

_local = threading.local()


class AugmentationSettings(BaseModel):
    """How training images are varied. Validation and test images never are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Preset = Field("light", description="none, light, medium, heavy, or digits (never flips).")
    variants_per_image: int = Field(1, description="Augmented copies made of each training image.", ge=0, le=100)
    horizontal_flip: bool = Field(True, description="Whether half of the copies may be mirrored (digits: never).")


def variant_seed(run_seed: int, content_sha256: str, variant: int) -> int:
    """Seed in [0, 2**31) of one copy, from the run's seed, the image's content and the copy's number."""
    digest = hashlib.sha256(f"augmentation {run_seed} {content_sha256} {variant}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def augment(image: np.ndarray, settings: AugmentationSettings, seed: int) -> np.ndarray:
    """uint8 [H, W, C], C in {1, 3} -> uint8 [H, W, C]; equal for equal arguments in any process and order."""
    return augmented_variants(image, settings, [seed])[0]


def augmented_variants(image: np.ndarray, settings: AugmentationSettings, seeds: Sequence[int]) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [K, H, W, C], one copy per seed; each equals `augment` with that seed."""
    if settings.preset == "none":
        return np.repeat(image[np.newaxis], len(seeds), axis=0)
    augmenter = _augmenter(settings.preset, settings.horizontal_flip)
    copies = np.empty((len(seeds), *image.shape), np.uint8)
    for number, seed in enumerate(seeds):
        augmenter.seed_(seed)
        copies[number] = augmenter(image=np.ascontiguousarray(image)).reshape(image.shape)
    return copies


def _imgaug() -> Any:
    """The imgaug augmenters. Importing them takes seconds, so only who augments pays for it."""
    with quiet():
        import imgaug.augmenters
    return imgaug.augmenters


def _augmenter(preset: str, horizontal_flip: bool) -> Any:
    """The preset's augmenter, built once in a thread, as its state is set anew for every copy."""
    built = _local.__dict__.setdefault("augmenters", {})
    key = (preset, horizontal_flip)
    if key not in built:
        built[key] = _build(preset, horizontal_flip)
    return built[key]


def _build(preset: str, horizontal_flip: bool) -> Any:
    make = _PRESETS[preset]
    library = _imgaug()
    flip = [library.Fliplr(0.5)] if horizontal_flip and preset != "digits" else []
    return library.Sequential([*flip, *make(library)])


def _sometimes_one_of(library: Any, share: float, augmenters: list[Any]) -> Any:
    """One of the augmenters on that share of images.

    The list around `OneOf` is needed: `seed_` takes a bare `OneOf` for a plain list of children and passes it by,
    so that its choices would differ from run to run.
    """
    return library.Sometimes(share, [library.OneOf(augmenters)])


def _light(library: Any) -> list[Any]:
    """Small shifts, turns and changes of light."""
    return [
        library.Affine(
            translate_percent={"x": (-0.04, 0.04), "y": (-0.04, 0.04)}, rotate=(-5, 5), scale=(0.95, 1.05), mode="edge"
        ),
        library.Multiply((0.92, 1.08)),
        library.Add((-8, 8)),
    ]


def _medium(library: Any) -> list[Any]:
    """Larger shifts and turns, light and contrast, and at times a little blur or noise."""
    return [
        library.Affine(
            translate_percent={"x": (-0.08, 0.08), "y": (-0.08, 0.08)},
            rotate=(-12, 12),
            shear=(-5, 5),
            scale=(0.9, 1.1),
            mode="edge",
        ),
        library.LinearContrast((0.85, 1.15)),
        library.Multiply((0.85, 1.15)),
        _sometimes_one_of(
            library, 0.4, [library.GaussianBlur((0.2, 0.8)), library.AdditiveGaussianNoise(scale=(1, 6))]
        ),
    ]


def _heavy(library: Any) -> list[Any]:
    """All of medium and stronger, with bent shapes and small holes."""
    return [
        library.Affine(
            translate_percent={"x": (-0.12, 0.12), "y": (-0.12, 0.12)},
            rotate=(-20, 20),
            shear=(-10, 10),
            scale=(0.8, 1.2),
            mode="edge",
        ),
        library.Sometimes(0.3, library.PerspectiveTransform(scale=(0.01, 0.07), mode="replicate")),
        library.LinearContrast((0.7, 1.3)),
        library.Multiply((0.75, 1.25)),
        _sometimes_one_of(
            library, 0.5, [library.GaussianBlur((0.3, 1.2)), library.AdditiveGaussianNoise(scale=(2, 12))]
        ),
        library.Sometimes(0.3, library.Cutout(nb_iterations=1, size=0.2, squared=True, fill_mode="constant", cval=128)),
    ]


def _digits(library: Any) -> list[Any]:
    """For characters: shifts, turns and stroke width; no flip, as it makes another character or none."""
    return [
        library.Affine(
            translate_percent={"x": (-0.08, 0.08), "y": (-0.08, 0.08)},
            rotate=(-10, 10),
            shear=(-8, 8),
            scale=(0.9, 1.1),
            mode="edge",
        ),
        library.Multiply((0.9, 1.1)),
        library.Sometimes(0.3, library.AdditiveGaussianNoise(scale=(1, 6))),
    ]


_PRESETS: dict[str, Callable[[Any], list[Any]]] = {
    "light": _light,
    "medium": _medium,
    "heavy": _heavy,
    "digits": _digits,
}
