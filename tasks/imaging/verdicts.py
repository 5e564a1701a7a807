"""What decoding says about a file: limits, findings, and one of two verdicts."""

from dataclasses import dataclass
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
    background: tuple[int, int, int] = Field((255, 255, 255), description="RGB colour laid under transparent pixels.")


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
