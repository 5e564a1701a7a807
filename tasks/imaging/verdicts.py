"""What decoding says about a file: limits, findings, and one of two verdicts."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

Severity = Literal["reject", "repair", "note"]


class DecodeLimits(BaseModel):
    """What is decoded at all, and on which colour transparent images are laid."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # The upper bound is Pillow's own, above which it refuses to open anything.
    max_pixels: int = Field(
        178_000_000, description="Images with more pixels are rejected unread (bombs).", ge=1, le=178_956_970
    )
    max_side_px: int = Field(65_500, description="Images with a longer side are rejected unread.", ge=1)
    max_bytes: int = Field(1 << 30, description="Files with more bytes are rejected unread.", ge=1)
    max_frames: int = Field(1000, description="Animations and TIFFs with more frames than this are rejected.", ge=1)
    max_pixels_in_frames: int = Field(
        1_000_000_000, description="Pixels of all frames together, where all frames are wanted.", ge=1
    )
    decode_timeout_s: float = Field(
        60.0, description="A file whose decoding takes longer is rejected, and its worker replaced.", gt=0, le=86_400
    )
    background: tuple[int, int, int] = Field((255, 255, 255), description="RGB colour laid under transparent pixels.")
    salvage_min_fraction: float | None = Field(
        None,
        description="Truncated JPEG and PNG with this share of rows are cropped to them; null = rejected.",
        gt=0,
        lt=1,
    )


@dataclass(frozen=True, slots=True)
class MinSides:
    """How long the sides of a decoded image have to be at least, as far as the file has so many pixels."""

    longer_px: int
    shorter_px: int = 0

    def __or__(self, other: "MinSides") -> "MinSides":
        """Enough for both."""
        return MinSides(max(self.longer_px, other.longer_px), max(self.shorter_px, other.shorter_px))


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found in a file: a code, what follows from it, and a sentence."""

    code: str
    severity: Severity
    detail: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """`image` is upright uint8 [H, W, C], C in {1, 3} (RGB order); the rest tells of the file as it is stored."""

    image: np.ndarray
    format: str
    width_px: int
    height_px: int
    channels: int
    bit_depth: int
    findings: tuple[Finding, ...] = ()

    def with_findings(self, findings: tuple[Finding, ...], height_px: int | None = None) -> "Decoded":
        """The same image with these findings, and with another stored height where one is given."""
        return replace(self, findings=findings, height_px=self.height_px if height_px is None else height_px)


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Why there is no image: a reject code and a sentence; `format` where the magic bytes told it."""

    code: str
    detail: str
    format: str | None = None


class Rejected(Exception):
    """Raised inside the decoders; `decode` turns it into an `Undecodable`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


def check_size(width_px: int, height_px: int, limits: DecodeLimits) -> None:
    """Raises Rejected where the header claims no pixels, or more than the limits allow."""
    if width_px < 1 or height_px < 1:
        raise Rejected("damaged", f"the header claims {width_px}x{height_px} px; both sides must be at least 1")
    if max(width_px, height_px) > limits.max_side_px:
        raise Rejected("too_large", f"{width_px}x{height_px} px; max_side_px is {limits.max_side_px}")
    if width_px * height_px > limits.max_pixels:
        raise Rejected(
            "too_large", f"{width_px}x{height_px} px are {width_px * height_px}; max_pixels is {limits.max_pixels}"
        )


def check_frames(frames: int, pixels: int, limits: DecodeLimits) -> None:
    """Raises Rejected for more frames, or more pixels in all of them, than the limits allow."""
    if frames > limits.max_frames:
        raise Rejected("too_large", f"more than {limits.max_frames} frames, which is max_frames")
    if pixels > limits.max_pixels_in_frames:
        allowed = limits.max_pixels_in_frames
        raise Rejected("too_large", f"{frames} frames of {pixels} px together; max_pixels_in_frames is {allowed}")


def salvaged(rows_px: int, height_px: int, limits: DecodeLimits, rejected: Rejected) -> Finding:
    """The repair of an image of which the first rows are left. Raises the rejection where they are too few."""
    fraction = rows_px / height_px
    if limits.salvage_min_fraction is None or rows_px < 1 or fraction < limits.salvage_min_fraction:
        raise rejected
    kept = f"the first {rows_px} of {height_px} rows ({fraction:.1%}) are kept, the rest is cut away"
    return Finding("salvaged", "repair", f"{kept}: {rejected.detail}")
