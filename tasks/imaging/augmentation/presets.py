"""Presets: named lists of augmenters, nothing else. A list in the settings can do all that a preset does."""

from typing import Literal, get_args

from tasks.imaging.augmentation.augmenters import (
    AnyAugmenter,
    Blur,
    Brightness,
    Contrast,
    Crop,
    Cutout,
    FlipHorizontal,
    GaussianNoise,
    HueSaturation,
    JpegArtefacts,
    Perspective,
    Rotate,
    Scale,
    Shear,
    Shift,
)

Preset = Literal["none", "light", "medium", "heavy", "digits", "documents", "photographs", "xray"]

PRESETS: dict[Preset, tuple[AnyAugmenter, ...]] = {
    "none": (),
    # Small shifts, turns and changes of light.
    "light": (
        FlipHorizontal(),
        Shift(x=(-0.04, 0.04), y=(-0.04, 0.04)),
        Rotate(degrees=(-5, 5)),
        Scale(factor=(0.95, 1.05)),
        Brightness(factor=(0.92, 1.08)),
    ),
    # Larger ones, contrast, and at times a little blur or noise.
    "medium": (
        FlipHorizontal(),
        Shift(x=(-0.08, 0.08), y=(-0.08, 0.08)),
        Rotate(degrees=(-12, 12)),
        Shear(degrees=(-5, 5)),
        Scale(factor=(0.9, 1.1)),
        Contrast(factor=(0.85, 1.15)),
        Brightness(factor=(0.85, 1.15)),
        Blur(sigma_px=(0.2, 0.8), probability=0.2),
        GaussianNoise(std_levels=(1, 6), probability=0.2),
    ),
    # All of medium and stronger, seen at an angle, and small holes.
    "heavy": (
        FlipHorizontal(),
        Shift(x=(-0.12, 0.12), y=(-0.12, 0.12)),
        Rotate(degrees=(-20, 20)),
        Shear(degrees=(-10, 10)),
        Scale(factor=(0.8, 1.2)),
        Perspective(share=(0.01, 0.07)),
        Contrast(factor=(0.7, 1.3)),
        Brightness(factor=(0.75, 1.25)),
        Blur(sigma_px=(0.3, 1.2), probability=0.25),
        GaussianNoise(std_levels=(2, 12), probability=0.25),
        Cutout(share=(0.2, 0.2)),
    ),
    # Characters: a flip makes another character, or none.
    "digits": (
        Shift(x=(-0.08, 0.08), y=(-0.08, 0.08)),
        Rotate(degrees=(-10, 10)),
        Shear(degrees=(-8, 8)),
        Scale(factor=(0.9, 1.1)),
        Brightness(factor=(0.9, 1.1)),
        GaussianNoise(std_levels=(1, 6)),
    ),
    # Scanned or photographed pages: hardly turned, never flipped, saved too small.
    "documents": (
        Shift(x=(-0.02, 0.02), y=(-0.02, 0.02)),
        Rotate(degrees=(-2, 2)),
        Perspective(share=(0.005, 0.03)),
        Brightness(factor=(0.85, 1.1)),
        Contrast(factor=(0.8, 1.1)),
        Blur(sigma_px=(0.2, 0.8), probability=0.2),
        JpegArtefacts(quality=(30, 80), probability=0.2),
    ),
    # Everyday photographs: another section, another light, another camera.
    "photographs": (
        FlipHorizontal(),
        Rotate(degrees=(-5, 5), fill="mirror"),
        Crop(share=(0, 0.08)),
        HueSaturation(hue_degrees=(-6, 6), saturation=(-0.1, 0.1)),
        Contrast(factor=(0.85, 1.15)),
        Brightness(factor=(0.85, 1.15)),
        Blur(sigma_px=(0.2, 1.0), probability=0.1),
        JpegArtefacts(quality=(40, 90), probability=0.2),
    ),
    # Radiographs: the side of the body and the grey of a tissue mean something.
    "xray": (
        Shift(x=(-0.03, 0.03), y=(-0.03, 0.03), fill="black"),
        Rotate(degrees=(-5, 5), fill="black"),
        Scale(factor=(0.95, 1.05), fill="black"),
        Contrast(factor=(0.9, 1.1)),
        Brightness(factor=(0.95, 1.05)),
        GaussianNoise(std_levels=(1, 4)),
    ),
}
assert tuple(PRESETS) == get_args(Preset)
