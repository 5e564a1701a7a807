"""Pictures for the page: of prepared images or originals, shrunk, put side by side, as data URIs within a budget."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from PIL import Image

from datasets.errors import BadInput
from datasets.image_codec import decode_image, encode_image
from datasets.pixel_packs import PackReader
from tasks.report.originals import Originals

PACK_COLUMNS = ["pack", "offset", "length"]
FACTS = {  # column of the manifest -> what it is called where a picture is enlarged, and its form
    "source": ("source", "{}"),
    "member": ("file", "{}"),
    "label": ("class", "{}"),
    "split": ("split", "{}"),
    "width_px": ("width as stored", "{} px"),
    "height_px": ("height as stored", "{} px"),
    "format": ("format", "{}"),
    "size_bytes": ("file size", "{:,} bytes"),
    "mean": ("brightness (mean grey level)", "{:.4g}"),
    "std": ("contrast (deviation of grey levels)", "{:.4g}"),
    "entropy_bits": ("entropy", "{:.4g} bits"),
    "sharpness": ("sharpness", "{:.4g}"),
    "sha256": ("sha256", "{:.16}…"),
}
PICTURE_COLUMNS = [*FACTS, "frame", *PACK_COLUMNS]
CELL_SIDE_PX = 64
ORIGINAL_SIDE_PX = 112
JPEG_QUALITY = 85
SMALL_SAMPLES = 64 * 64  # an image of no more is written exactly
MIN_SHOWN_SIDE_PX = 64
GAP_PX = 2
GAP_LEVEL = 128  # mid grey shows on light and on dark pages
BUDGET_BYTES = 10 * 2**20


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as the template shows it. `uri` None: there is none, and `alt` says what it would be."""

    uri: str | None
    alt: str
    width_px: int = MIN_SHOWN_SIDE_PX
    height_px: int = MIN_SHOWN_SIDE_PX
    facts: tuple[tuple[str, str], ...] = ()  # name and value, shown where it is enlarged


class Album:
    """Makes pictures, and leaves them out once their data URIs together would pass the budget."""

    def __init__(
        self, shared: Path | None, budget_bytes: int = BUDGET_BYTES, originals: Originals | None = None
    ) -> None:
        self._packs = PackReader(shared) if shared else None
        self._originals = originals
        self._left_bytes = budget_bytes
        self.left_out = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._packs:
            self._packs.close()

    def image(self, row: Mapping[str, Any]) -> np.ndarray | None:
        """Pack, offset and length of a manifest row -> uint8 [H, W, C]; None where it has no image that can be read."""
        if self._packs is None or not row["pack"]:
            return None
        try:
            return decode_image(self._packs.read(row["pack"], row["offset"], row["length"]))
        except BadInput:
            return None

    def cell(self, row: Mapping[str, Any], alt: str) -> Picture:
        """A manifest row's prepared image at the size of a thumbnail, a placeholder where there is none."""
        return self.picture(self.image(row), alt)

    def file(self, row: Mapping[str, Any], alt: str) -> Picture:
        """A manifest row with PICTURE_COLUMNS: the file itself where originals are shown, else its prepared image."""
        original = self._originals.image(row) if self._originals else None
        shown = self.cell(row, alt) if original is None else self.picture(original, alt, ORIGINAL_SIDE_PX)
        return replace(shown, facts=facts_of(row))

    def file_as_it_is(self, path: Path, media_type: str, alt: str) -> Picture:
        """A picture's file, such as a film, without a change; its size is read from it."""
        with Image.open(path) as opened:
            width_px, height_px = opened.size
        return self._within_budget(_address(path.read_bytes(), media_type), alt, width_px, height_px)

    def strip(self, images: Sequence[np.ndarray], alt: str) -> Picture | None:
        """Some images uint8 [H, W, C] of one shape as one row; None for no images."""
        return self.picture(side_by_side([shrunk(image) for image in images]), alt, None) if images else None

    def picture(self, image: np.ndarray | None, alt: str, max_side_px: int | None = CELL_SIDE_PX) -> Picture:
        """uint8 [H, W, C] -> a picture no larger than the side (None: as it is); small ones are shown enlarged."""
        if image is None:
            return Picture(None, alt)
        if max_side_px is not None:
            image = shrunk(image, max_side_px)
        uri = data_uri(image, as_jpeg=max_side_px == ORIGINAL_SIDE_PX and image.size > SMALL_SAMPLES)
        height_px, width_px = image.shape[:2]
        factor = max(1, -(-MIN_SHOWN_SIDE_PX // min(height_px, width_px)))
        if max_side_px is not None:  # a line of pixels does not grow beyond its cell
            factor = max(1, min(factor, 2 * MIN_SHOWN_SIDE_PX // max(height_px, width_px)))
        return self._within_budget(uri, alt, width_px * factor, height_px * factor)

    def _within_budget(self, uri: str, alt: str, width_px: int, height_px: int) -> Picture:
        if len(uri) > self._left_bytes:
            self.left_out += 1
            return Picture(None, alt)
        self._left_bytes -= len(uri)
        return Picture(uri, alt, width_px, height_px)


def facts_of(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What the manifest tells of an image, by name; what is not known is left out."""
    return tuple(
        (name, form.format(row[column])) for column, (name, form) in FACTS.items() if row.get(column) is not None
    )


def data_uri(image: np.ndarray, as_jpeg: bool = False) -> str:
    """uint8 [H, W, C] -> the image itself as an address."""
    payload = encode_image(image, "jpeg", JPEG_QUALITY) if as_jpeg else encode_image(image, "png")
    return _address(payload, "image/jpeg" if as_jpeg else "image/png")


def _address(payload: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(payload).decode('ascii')}"


def shrunk(image: np.ndarray, max_side_px: int = CELL_SIDE_PX) -> np.ndarray:
    """uint8 [H, W, C] -> the same with its longer side at most so long, averaged by area."""
    height_px, width_px, channels = image.shape
    scale = max_side_px / max(height_px, width_px)
    if scale >= 1:
        return image
    size = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
    smaller = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller).reshape(size[1], size[0], channels)


def side_by_side(images: Sequence[np.ndarray]) -> np.ndarray:
    """uint8 [H, W, C] of one shape -> uint8 [H, n * W + gaps, C]."""
    height_px, _, channels = images[0].shape
    gap = np.full((height_px, GAP_PX, channels), GAP_LEVEL, dtype=np.uint8)
    parts = [part for image in images for part in (gap, image)]
    return np.concatenate(parts[1:], axis=1)
