"""Colour spaces: anything with a profile becomes sRGB, inks become light."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from tasks.imaging.verdicts import Finding

# A profile that moves no colour of the probe by more than this is sRGB under another name.
_SAME_COLOUR_LEVELS = 3


def to_srgb(image: np.ndarray, profile: bytes | None, findings: list[Finding]) -> np.ndarray:
    """uint8 [H, W, 1 | 3 | 4] (grey, RGB, or CMYK with 255 for no ink) -> uint8 [H, W, 1 | 3]; adds findings."""
    channels = image.shape[2]
    if channels == 1:
        return image
    transform = None
    if profile is not None:
        try:
            transform = _transform(profile, "RGB" if channels == 3 else "CMYK")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
            findings.append(Finding("colour_profile_ignored", "note", f"unusable colour profile ({error})"))
    if channels == 4:
        findings.append(Finding("colour_space", "repair", "CMYK converted to RGB"))
        return _through(transform, 255 - image, "CMYK") if transform else _inks_to_light(image)
    if transform is None:
        return image
    findings.append(Finding("colour_space", "repair", "converted to sRGB from the embedded colour profile"))
    return _through(transform, image, "RGB")


def _inks_to_light(image: np.ndarray) -> np.ndarray:
    """CMYK with 255 for no ink -> RGB: what each ink lets through, times what black lets through."""
    light = image[:, :, :3].astype(np.uint16) * image[:, :, 3:]
    return ((light + 127) // 255).astype(np.uint8)


def _through(transform: ImageCms.ImageCmsTransform, image: np.ndarray, mode: str) -> np.ndarray:
    source = Image.frombuffer(mode, (image.shape[1], image.shape[0]), np.ascontiguousarray(image), "raw", mode, 0, 1)
    return np.array(transform.apply(source))


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Transform to sRGB, or None where the profile is sRGB itself."""
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        flags=ImageCms.Flags.NOCACHE,
    )
    if not isinstance(transform, ImageCms.ImageCmsTransform):
        raise ValueError("no transform")
    if mode == "CMYK":
        return transform
    probe = _colour_cube()
    moved = np.abs(_through(transform, probe, mode).astype(np.int16) - probe)
    return transform if moved.max() > _SAME_COLOUR_LEVELS else None


def _colour_cube() -> np.ndarray:
    """uint8 [1, 125, 3]: five levels of each channel."""
    levels = np.array([0, 64, 128, 192, 255], np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
